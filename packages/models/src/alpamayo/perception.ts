/**
 * Dense supervision of a vision tower that starts from nothing: every visual token says which things stand in its cell.
 * The heads are fixed random directions of the token, so nothing is added to the checkpoint: the tower, its merger and its
 * DeepStack levels learn to write the evidence into the tokens that the language model reads.
 *
 * Not in the released recipes, whose towers are pretrained. Measured on nano: without it the language model ignored the
 * pictures for 4000 examples (the same loss with another drive's pictures); 6400 pictures of it alone bring red and green
 * lights to an AUC of 0.98 and 0.94 and a car within 12 m to 0.92 on unseen drives.
 */
import { createRng } from "@causeway/geom";
import {
  add,
  exp,
  type Graph,
  greater,
  log,
  matmul,
  mul,
  neg,
  reduceMean,
  sub,
  tensor,
  type Value,
  where,
} from "@causeway/graph";
import type { VisionOutput } from "../qwen3vl/vision.ts";

export interface PerceptionShape {
  /** K: numbers per visual token. */
  readonly channels: number;
  /** Factor of this loss in the total. */
  readonly weight: number;
  /** [K] weight of a value above 0. */
  readonly positiveWeights: readonly number[];
  /** [K] weight of a 0. */
  readonly negativeWeights: readonly number[];
}

/** Logits are tokens times these directions; 3 lets a token of unit scale reach a probability of 0.95. */
const logitScale = 3;

/** log(1 + exp(z)) that neither overflows nor loses small values. */
function softplus(z: Value): Value {
  const isPositive = greater(z, z.graph.scalar(0));
  return add(where(isPositive, z, 0), log(add(exp(where(isPositive, neg(z), z)), 1)));
}

/**
 * Mean weighted logistic loss, summed over the merged tokens and every DeepStack level.
 * Inputs: `perception` [M, K] in [0, 1], `perception_weights` [M, K].
 */
export function perceptionLoss(
  g: Graph,
  vision: VisionOutput,
  { channels }: PerceptionShape,
): Value {
  const [tokens, width] = vision.merged.shape as [number, number];
  const rng = createRng(0x5ee).fork(`${channels}x${width}`);
  const directions = g.constant(
    tensor(
      Float32Array.from({ length: channels * width }, () => rng.normal() / Math.sqrt(width)),
      [channels, width],
    ),
  );
  const target = g.input("perception", [tokens, channels]);
  const weights = g.input("perception_weights", [tokens, channels]);
  return [vision.merged, ...vision.deepstack]
    .map((level) => {
      const logits = matmul(level, directions, { transB: true, alpha: logitScale });
      return reduceMean(mul(sub(softplus(logits), mul(logits, target)), weights));
    })
    .reduce((a, b) => add(a, b));
}
