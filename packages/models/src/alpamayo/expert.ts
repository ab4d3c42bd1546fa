/**
 * The action expert: a decoder without embeddings whose tokens are noisy waypoints. Every layer reads the keys and
 * values of the same VLM layer as a prefix; waypoints see each other in both directions.
 */
import { attention, concat, type Graph, type Value } from "@causeway/graph";
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
 * @param prefixes  Per layer key and value [R, Hk, S, D].
 * @param mask  Additive [R|1, 1, 1, S + K]: hides prefix slots at or after the offset and padding; null shows all.
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
