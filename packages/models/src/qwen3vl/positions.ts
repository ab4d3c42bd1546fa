/**
 * Rotary positions of Qwen3-VL on three axes (time, row, column). Text advances all axes together; an image (or one
 * frame pair of a video) spans its merged grid from the place where it starts, and afterwards the position is the
 * start + max(rows, columns), not the start + number of tokens.
 */
import { ConfigError } from "../errors.ts";
import type { TextConfig } from "./config.ts";

/** Patches per axis before merging: [time, rows, columns]. */
export type Grid = readonly [time: number, rows: number, columns: number];

export interface RopePositions {
  /** [3][B * L]; 0 on padding. */
  readonly axes: readonly [Int32Array, Int32Array, Int32Array];
  /** Per row: position of the first token after this sequence (largest + 1). */
  readonly next: readonly number[];
  /** Per row: next - number of real tokens (transformers 5). */
  readonly deltas: readonly number[];
  /** Per row: next - padded length (transformers 4.57; what Alpamayo's expert adds to a padded offset). */
  readonly paddedDeltas: readonly number[];
}

export interface PositionIds {
  readonly imageTokenId: number;
  readonly videoTokenId: number;
  readonly spatialMergeSize: number;
}

/**
 * @param ids  Rows of equal length, placeholders already expanded to one id per merged patch.
 * @param isReal  Same shape, false on padding; null when nothing is padded.
 * @param imageGrids, videoGrids  In order of appearance over the whole batch. A video of T frame pairs is consumed
 *   one pair per run of video ids.
 */
export function ropePositions(
  ids: readonly (readonly number[])[],
  isReal: readonly (readonly boolean[])[] | null,
  grids: { readonly images: readonly Grid[]; readonly videos?: readonly Grid[] },
  { imageTokenId, videoTokenId, spatialMergeSize }: PositionIds,
): RopePositions {
  const length = ids[0]?.length ?? 0;
  const axes = [0, 1, 2].map(() => new Int32Array(ids.length * length)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  const [time, rowAxis, columnAxis] = axes;
  const images = [...grids.images];
  const videoFrames = (grids.videos ?? []).flatMap(([t, h, w]) =>
    Array.from({ length: t }, (): Grid => [1, h, w]),
  );
  const next: number[] = [];
  const deltas: number[] = [];
  for (const [b, row] of ids.entries()) {
    let position = 0;
    let real = 0;
    for (let i = 0; i < length; ) {
      if (isReal !== null && !(isReal[b] as readonly boolean[])[i]) {
        i++;
        continue;
      }
      const id = row[i];
      const isVideo = id === videoTokenId;
      if (id !== imageTokenId && !isVideo) {
        const at = b * length + i;
        time[at] = position;
        rowAxis[at] = position;
        columnAxis[at] = position;
        position++;
        real++;
        i++;
        continue;
      }
      const grid = (isVideo ? videoFrames : images).shift();
      if (grid === undefined) {
        throw new ConfigError(
          `positions: row ${b} has a ${isVideo ? "video" : "image"} at token ${i} but no grid is left for it`,
        );
      }
      const [frames, h, w] = grid;
      const rows = h / spatialMergeSize;
      const columns = w / spatialMergeSize;
      for (let t = 0; t < frames; t++) {
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++, i++) {
            if (row[i] !== id) {
              throw new ConfigError(
                `positions: row ${b} has too few placeholder tokens for a grid of ${frames} x ${h} x ${w} patches (stopped at token ${i})`,
              );
            }
            const at = b * length + i;
            time[at] = position + t;
            rowAxis[at] = position + r;
            columnAxis[at] = position + c;
            real++;
          }
        }
      }
      position += Math.max(frames, rows, columns);
    }
    next.push(position);
    deltas.push(position - real);
  }
  if (images.length > 0) {
    throw new ConfigError(`positions: ${images.length} image grids have no placeholder tokens`);
  }
  return { axes, next, deltas, paddedDeltas: next.map((n) => n - length) };
}

/** Which axis drives channel pair i: the interleaved layout t h w t h w … with time alone at the end. */
export function mropeAxes({
  headDim,
  mropeSection,
}: Pick<TextConfig, "headDim" | "mropeSection">): Uint8Array {
  const axes = new Uint8Array(headDim / 2);
  for (let i = 0; i < axes.length; i++) {
    if (i % 3 === 1 && i < 3 * mropeSection[1]) axes[i] = 1;
    else if (i % 3 === 2 && i < 3 * mropeSection[2]) axes[i] = 2;
  }
  return axes;
}

/** Cosine and sine of position * theta^(-2i/headDim), float32 throughout; rows are made once and kept. */
export class RotaryTable {
  readonly #axes: Uint8Array;
  readonly #inverse: Float32Array;
  #cos = new Float32Array(0);
  #sin = new Float32Array(0);
  #rows = 0;

  constructor(config: Pick<TextConfig, "headDim" | "mropeSection" | "ropeTheta">) {
    this.#axes = mropeAxes(config);
    this.#inverse = Float32Array.from(
      { length: config.headDim / 2 },
      (_, i) => 1 / Math.fround(config.ropeTheta ** Math.fround((2 * i) / config.headDim)),
    );
  }

  /**
   * @param axes  Positions per axis, each of length N.
   * @returns cos and sin, [N, headDim / 2] flat.
   */
  lookup(axes: RopePositions["axes"]): { readonly cos: Float32Array; readonly sin: Float32Array } {
    const half = this.#axes.length;
    const count = axes[0].length;
    this.#grow(Math.max(...axes.map((axis) => axis.reduce((a, b) => Math.max(a, b), 0))) + 1);
    const cos = new Float32Array(count * half);
    const sin = new Float32Array(count * half);
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < half; i++) {
        const from = ((axes[this.#axes[i] as 0 | 1 | 2] as Int32Array)[n] as number) * half + i;
        cos[n * half + i] = this.#cos[from] as number;
        sin[n * half + i] = this.#sin[from] as number;
      }
    }
    return { cos, sin };
  }

  /** The same position on all axes, as generated tokens and action tokens have it. */
  lookupPlain(positions: ArrayLike<number>): {
    readonly cos: Float32Array;
    readonly sin: Float32Array;
  } {
    const axis = Int32Array.from(positions);
    return this.lookup([axis, axis, axis]);
  }

  #grow(rows: number): void {
    if (rows <= this.#rows) return;
    const half = this.#axes.length;
    const wanted = Math.max(rows, 2 * this.#rows, 256);
    const cos = new Float32Array(wanted * half);
    const sin = new Float32Array(wanted * half);
    for (let p = 0; p < wanted; p++) {
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(p * (this.#inverse[i] as number));
        cos[p * half + i] = Math.cos(angle);
        sin[p * half + i] = Math.sin(angle);
      }
    }
    this.#cos = cos;
    this.#sin = sin;
    this.#rows = wanted;
  }
}
