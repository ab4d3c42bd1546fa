/**
 * The action expert: a decoder without embeddings whose tokens are noisy waypoints. Every layer reads the keys and
 * values of the same VLM layer as a prefix; waypoints see each other in both directions.
 */
import {
  add,
  attention,
  concat,
  type Graph,
  matmul,
  reshape,
  slice,
  softmax,
  transpose,
  type Value,
} from "@causeway/graph";
import { decoderStack, finalNorm, type KeyValue } from "../qwen3vl/decoder.ts";
import { maskedScore } from "../qwen3vl/model.ts";
import { actionInProj, actionOutProj } from "./action-in-proj.ts";
import { type AlpamayoConfig, expertSizes } from "./config.ts";

export interface ExpertOutput {
  /** [R, K, 2]. */
  readonly velocity: Value;
  readonly embeds: Value;
  /** Output of every layer, then the final norm last. */
  readonly states: readonly Value[];
}

/**
 * R trajectories over P prefixes: R is P, or a multiple of it when draws of one prefix lie side by side and share it.
 *
 * @param noisy_RKA, time_R  [R, K, 2] and [R, 1, 1].
 * @param prefixes  Per layer key and value [P, Hk, S, D].
 * @param mask  Additive [P|1, 1, 1, S + K]: hides prefix slots at or after the offset and padding; null shows all.
 * @param cos, sin  [R, K, headDim / 2] at positions next + 0 .. K - 1.
 */
export function expertField(
  g: Graph,
  config: AlpamayoConfig,
  noisy_RKA: Value,
  time_R: Value,
  prefixes: readonly KeyValue[],
  mask: Value | null,
  cos: Value,
  sin: Value,
): ExpertOutput {
  const sizes = expertSizes(config);
  const { embeds } = actionInProj(g, config.actionInProj, sizes.hiddenSize, noisy_RKA, time_R);
  const stack = decoderStack(g, sizes, "expert.", embeds, {
    cos,
    sin,
    attend: (q, own, layer) => {
      const prefix = prefixes[layer] as KeyValue;
      if (prefix.key.shape[0] !== q.shape[0]) return attendShared(q, own, prefix, mask);
      const key = concat([prefix.key, own.key], 2);
      const value = concat([prefix.value, own.value], 2);
      return attention(q, key, value, mask === null ? {} : { mask });
    },
  });
  const last = finalNorm(g, sizes, "expert.", stack.hidden);
  return {
    velocity: actionOutProj(g, last),
    embeds,
    states: [...stack.states.slice(1), last],
  };
}

/**
 * Attention of several draws over the prefix that they share, which is read where it lies and never repeated: below one
 * key head, all query heads and draws of a prefix are rows of one product. Only scores are put side by side.
 *
 * @param q  [R, H, K, D]. @param own  Of the draws, [R, Hk, K, D]. @param prefix  [P, Hk, S, D].
 */
function attendShared(q: Value, own: KeyValue, prefix: KeyValue, mask: Value | null): Value {
  const [rows, heads, steps, headDim] = q.shape as [number, number, number, number];
  const [prefixes, kvHeads, slots] = prefix.key.shape as [number, number, number, number];
  const draws = rows / prefixes;
  const queries = (heads / kvHeads) * steps;
  const alpha = 1 / Math.sqrt(headDim);
  const byDraw = (x: Value) => reshape(x, [rows, kvHeads, queries, x.shape.at(-1) as number]);
  const byPrefix = (x: Value): Value => {
    const width = x.shape.at(-1) as number;
    const apart = reshape(x, [prefixes, draws, kvHeads, queries, width]);
    return reshape(transpose(apart, [0, 2, 1, 3, 4]), [prefixes, kvHeads, draws * queries, width]);
  };
  const backToDraws = (x: Value): Value => {
    const width = x.shape.at(-1) as number;
    const apart = reshape(x, [prefixes, kvHeads, draws, queries, width]);
    return byDraw(transpose(apart, [0, 2, 1, 3, 4]));
  };
  const perDraw = byDraw(q);
  const past = matmul(byPrefix(perDraw), prefix.key, { transB: true, alpha });
  const present = byPrefix(matmul(perDraw, own.key, { transB: true, alpha }));
  const scores = concat([past, present], 3);
  const weights = softmax(mask === null ? scores : add(scores, mask), 3);
  const part = (from: number, to: number) =>
    slice(weights, { starts: [from], ends: [to], axes: [3] });
  const mixed = add(
    backToDraws(matmul(part(0, slots), prefix.value)),
    matmul(backToDraws(part(slots, slots + steps)), own.value),
  );
  return reshape(mixed, [rows, heads, steps, headDim]);
}

/**
 * Additive mask rows [R, S + K]: slot s of the prefix counts if it is real and before the row's offset; action tokens
 * always count.
 *
 * @param offsets  Per row: index after `<|traj_future_start|>` in the (padded) sequence.
 * @param isReal  Per row and slot; null when no row is padded before its offset.
 * @param upstream  Reproduces a defect of R1, see upstream.ts.
 */
export function expertMask(
  offsets: readonly number[],
  isReal: readonly (readonly boolean[])[] | null,
  prefixLength: number,
  actionTokens: number,
  upstream?: "padding_visible",
): Float32Array {
  const isSeen = upstream === "padding_visible" ? null : isReal;
  const width = prefixLength + actionTokens;
  const mask = new Float32Array(offsets.length * width);
  for (const [r, offset] of offsets.entries()) {
    for (let s = 0; s < prefixLength; s++) {
      const real = isSeen === null || ((isSeen[r] as readonly boolean[])[s] ?? true);
      if (s >= offset || !real) mask[r * width + s] = maskedScore;
    }
  }
  return mask;
}
