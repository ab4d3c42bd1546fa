/**
 * A future path as 2N ids, interleaved acceleration and curvature: the action space, then uniform bins over the normalised
 * actions (the discrete trajectory tokenizer of the Alpamayo releases: 3000 bins over [-10, 10], N = 64, so 128 ids).
 * Ids are local; the vocabulary offset belongs to the model's manifest.
 */
import type { ActionSpace, PathStart } from "../action-space.ts";
import { requireLength } from "../errors.ts";
import type { LocalPath } from "../motion.ts";
import { createQuantiser } from "./quantiser.ts";

export interface FutureTokenizerConfig {
  readonly bins: number;
  /** Range of the normalised actions, both dimensions. */
  readonly min: number;
  readonly max: number;
}

export const releasedFutureTokens: FutureTokenizerConfig = { bins: 3000, min: -10, max: 10 };

export interface FutureTokenizer {
  readonly config: FutureTokenizerConfig;
  readonly actionSpace: ActionSpace;
  /** 2N: ids per path. */
  readonly tokenCount: number;
  encode(future: LocalPath, start: PathStart): Int32Array;
  decode(ids: ArrayLike<number>, start: PathStart): LocalPath;
  /** Bins alone: normalised, interleaved actions to ids and back. */
  encodeActions(action: ArrayLike<number>): Int32Array;
  decodeActions(ids: ArrayLike<number>): Float64Array;
}

export function createFutureTokenizer(
  options: FutureTokenizerConfig & {
    readonly actionSpace: ActionSpace;
    readonly precision?: "float32" | "float64";
  },
): FutureTokenizer {
  const { bins, min, max, actionSpace, precision = "float32" } = options;
  const quantiser = createQuantiser(bins, min, max, precision);
  const tokenCount = 2 * actionSpace.config.waypointCount;
  const encodeActions = (action: ArrayLike<number>) => Int32Array.from(action, quantiser.encode);
  const decodeActions = (ids: ArrayLike<number>) => Float64Array.from(ids, quantiser.decode);
  return {
    config: { bins, min, max },
    actionSpace,
    tokenCount,
    encodeActions,
    decodeActions,
    encode: (future, start) => encodeActions(actionSpace.encode(future, start).action),
    decode: (ids, start) => {
      requireLength("future tokens", ids.length, tokenCount);
      return actionSpace.decode(decodeActions(ids), start);
    },
  };
}
