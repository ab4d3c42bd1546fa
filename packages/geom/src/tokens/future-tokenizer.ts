/**
 * A future path as 2N ids, interleaved acceleration and curvature: the action space, then uniform bins over the normalised
 * actions (the discrete trajectory tokenizer of the Alpamayo releases: 3000 bins over [-10, 10], N = 64, so 128 ids).
 * Ids are local; the vocabulary offset belongs to the model's manifest.
 */
import type { ActionSpace, PathStart } from "../action-space.ts";
import { GeomError, requireLength } from "../errors.ts";
import type { LocalPath } from "../motion.ts";
import { createQuantiser } from "./quantiser.ts";

export interface FutureTokenizerConfig {
  readonly bins: number;
  /** Range of the normalised actions, both dimensions. */
  readonly min: number;
  readonly max: number;
  /**
   * Waypoints that share one pair of ids: the mean action over the block, held constant when decoded. 1 in the releases;
   * a small model saves tokens with 4 (0.4 s) at a few centimetres of error.
   */
  readonly waypointsPerToken?: number;
}

export const releasedFutureTokens: FutureTokenizerConfig = { bins: 3000, min: -10, max: 10 };

export interface FutureTokenizer {
  readonly config: FutureTokenizerConfig;
  readonly actionSpace: ActionSpace;
  /** 2N / waypointsPerToken: ids per path. */
  readonly tokenCount: number;
  encode(future: LocalPath, start: PathStart): Int32Array;
  decode(ids: ArrayLike<number>, start: PathStart): LocalPath;
  /** Bins alone: normalised, interleaved actions to ids and back. */
  encodeActions(action: ArrayLike<number>): Int32Array;
  decodeActions(ids: ArrayLike<number>): Float64Array;
}

/** Means of interleaved (acceleration, curvature) pairs over blocks of `size` pairs. */
function blockMeans(action: ArrayLike<number>, size: number): ArrayLike<number> {
  if (size === 1) return action;
  const means = new Float64Array(action.length / size);
  for (let i = 0; i < action.length; i++)
    means[2 * Math.floor(i / (2 * size)) + (i % 2)] += action[i] / size;
  return means;
}

export function createFutureTokenizer(
  options: FutureTokenizerConfig & {
    readonly actionSpace: ActionSpace;
    readonly precision?: "float32" | "float64";
  },
): FutureTokenizer {
  const { bins, min, max, actionSpace, precision = "float32", waypointsPerToken = 1 } = options;
  const { waypointCount } = actionSpace.config;
  if (
    !Number.isInteger(waypointsPerToken) ||
    waypointsPerToken < 1 ||
    waypointCount % waypointsPerToken !== 0
  ) {
    throw new GeomError(
      "config",
      `future tokens: ${waypointsPerToken} waypoints per token; expected a divisor of ${waypointCount}.`,
    );
  }
  const quantiser = createQuantiser(bins, min, max, precision);
  const tokenCount = (2 * waypointCount) / waypointsPerToken;
  const encodeActions = (action: ArrayLike<number>) =>
    Int32Array.from(blockMeans(action, waypointsPerToken), quantiser.encode);
  const decodeActions = (ids: ArrayLike<number>) => {
    const values = Float64Array.from(ids, quantiser.decode);
    return Float64Array.from(
      { length: values.length * waypointsPerToken },
      (_, i) => values[2 * Math.floor(i / (2 * waypointsPerToken)) + (i % 2)],
    );
  };
  return {
    config: { bins, min, max, waypointsPerToken },
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
