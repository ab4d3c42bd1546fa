/**
 * A history as 3 ids per pose: steps Δx, Δy, Δz in uniform bins, interleaved (the delta tokenizer of the Alpamayo releases:
 * 1000 bins over ±4, ±4, ±10 m; 16 poses, so 48 ids). A zero row is prepended, so the first triple is the clipped absolute
 * oldest position rather than a step: it saturates above 2.67 m/s, and decoding shifts the history by what was clipped.
 * Kept, because released models are trained on it. Heading is not encoded; decoding fits it to the positions.
 */
import { GeomError } from "../errors.ts";
import type { LocalPath } from "../motion.ts";
import { headingsFromPositions } from "./heading-fit.ts";
import { createQuantiser } from "./quantiser.ts";

export interface HistoryTokenizerConfig {
  readonly bins: number;
  /** Range of one step per axis x, y, z, metres. */
  readonly min: readonly [number, number, number];
  readonly max: readonly [number, number, number];
  /** Takes every n-th pose, counted back from the last; 1 in the releases. Steps, and so the range, span n poses. */
  readonly every?: number;
  /** How many of x, y, z are written; 3 in the releases. A flat world needs 2. */
  readonly axes?: 2 | 3;
}

export const releasedHistoryTokens: HistoryTokenizerConfig = {
  bins: 1000,
  min: [-4, -4, -10],
  max: [4, 4, 10],
};

/** Positions without heading: what the ids keep. */
export interface PointPath {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
}

export interface HistoryTokenizer {
  readonly config: HistoryTokenizerConfig;
  /** `axes` ids per pose, interleaved. */
  encode(history: PointPath | LocalPath): Int32Array;
  /** Positions from the ids; headings are fitted to them, in [-π, π]. */
  decode(ids: ArrayLike<number>): LocalPath;
}

export function createHistoryTokenizer(
  config: HistoryTokenizerConfig = releasedHistoryTokens,
): HistoryTokenizer {
  const { every = 1, axes: axisCount = 3 } = config;
  const axes = Array.from({ length: axisCount }, (_, k) =>
    createQuantiser(config.bins, config.min[k], config.max[k]),
  );
  const f32 = Math.fround;
  return {
    config,
    encode: (history) => {
      const columns = [history.x, history.y, history.z];
      const n = history.x.length;
      // The last pose is always kept.
      const rows = Array.from(
        { length: Math.ceil(n / every) },
        (_, i) => ((n - 1) % every) + i * every,
      );
      const ids = new Int32Array(axisCount * rows.length);
      for (let k = 0; k < axisCount; k++) {
        if (columns[k].length !== n) {
          throw new GeomError(
            "length",
            `history tokens: columns have ${n} and ${columns[k].length} rows; expected as many.`,
          );
        }
        let before = 0;
        rows.forEach((row, i) => {
          const here = f32(columns[k][row]);
          ids[axisCount * i + k] = axes[k].encode(f32(here - before));
          before = here;
        });
      }
      return ids;
    },
    decode: (ids) => {
      if (ids.length % axisCount !== 0) {
        throw new GeomError(
          "length",
          `history tokens: ${ids.length} ids; expected ${axisCount} per pose.`,
        );
      }
      const n = ids.length / axisCount;
      const columns = axes.map((axis, k) => {
        const column = new Float64Array(n);
        let at = 0;
        for (let i = 0; i < n; i++) {
          at = f32(at + axis.decode(ids[axisCount * i + k]));
          column[i] = at;
        }
        return column;
      });
      const points = { x: columns[0], y: columns[1], z: columns[2] ?? new Float64Array(n) };
      return { ...points, yaw: headingsFromPositions(points) };
    },
  };
}
