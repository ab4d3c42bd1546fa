import type { RgbImage } from "@causeway/geom";
import { ConfigError } from "../errors.ts";
import type { VisionConfig } from "./config.ts";
import type { Grid } from "./positions.ts";

type PatchSizes = Pick<
  VisionConfig,
  "patchSize" | "spatialMergeSize" | "temporalPatchSize" | "inChannels"
>;

/** Bytes (or values) of one patch vector. */
export function patchLength({ patchSize, temporalPatchSize, inChannels }: PatchSizes): number {
  return inChannels * temporalPatchSize * patchSize * patchSize;
}

/** Grid of frames of one size; a last incomplete frame group is filled by repeating the last frame. */
export function gridOf(frames: readonly RgbImage[], sizes: PatchSizes): Grid {
  const { width, height } = frames[0] as RgbImage;
  const unit = sizes.patchSize * sizes.spatialMergeSize;
  if (width % unit !== 0 || height % unit !== 0) {
    throw new ConfigError(
      `patchify: the picture is ${width} x ${height}; both must be multiples of ${unit}`,
    );
  }
  return [
    Math.ceil(frames.length / sizes.temporalPatchSize),
    height / sizes.patchSize,
    width / sizes.patchSize,
  ];
}

/**
 * Cuts frames into patch vectors: rows in merge-block order (block row, block column, row in block, column in block),
 * columns (channel, time, y, x). Levels stay bytes; the graph turns them into (level - 127.5) / 127.5.
 *
 * @param frames  All of one size, oldest first. One picture is repeated over the temporal patch.
 * @param out  Receives time * rows * columns patch vectors from `offset` on.
 */
export function patchifyInto(
  frames: readonly RgbImage[],
  sizes: PatchSizes,
  out: Uint8Array,
  offset = 0,
): Grid {
  const { patchSize: p, spatialMergeSize: m, temporalPatchSize } = sizes;
  const grid = gridOf(frames, sizes);
  const [groups, rows, columns] = grid;
  const { width, height } = frames[0] as RgbImage;
  let at = offset;
  for (let group = 0; group < groups; group++) {
    const members = Array.from({ length: temporalPatchSize }, (_, t) => {
      const frame = frames[Math.min(group * temporalPatchSize + t, frames.length - 1)] as RgbImage;
      if (
        frame.width !== width ||
        frame.height !== height ||
        frame.pixels.length !== width * height * 3
      ) {
        throw new ConfigError(
          `patchify: frame is ${frame.width} x ${frame.height} with ${frame.pixels.length} bytes; expected ${width} x ${height} RGB`,
        );
      }
      return frame.pixels;
    });
    for (let blockRow = 0; blockRow < rows; blockRow += m) {
      for (let blockColumn = 0; blockColumn < columns; blockColumn += m) {
        for (let inner = 0; inner < m * m; inner++) {
          const top = (blockRow + Math.floor(inner / m)) * p;
          const left = (blockColumn + (inner % m)) * p;
          for (let channel = 0; channel < 3; channel++) {
            for (const pixels of members) {
              for (let y = 0; y < p; y++) {
                let from = ((top + y) * width + left) * 3 + channel;
                for (let x = 0; x < p; x++, from += 3) out[at++] = pixels[from] as number;
              }
            }
          }
        }
      }
    }
  }
  return grid;
}

/** As `patchifyInto`, into a new array. */
export function patchify(
  frames: readonly RgbImage[],
  sizes: PatchSizes,
): { readonly grid: Grid; readonly patches: Uint8Array } {
  const [t, h, w] = gridOf(frames, sizes);
  const patches = new Uint8Array(t * h * w * patchLength(sizes));
  return { grid: patchifyInto(frames, sizes, patches), patches };
}

/** The float32 form of byte levels, bit for bit as the reference processor: one subtraction, one division. */
export function normalizeLevels(levels: Uint8Array): Float32Array {
  const table = Float32Array.from({ length: 256 }, (_, level) => (level - 127.5) / 127.5);
  const out = new Float32Array(levels.length);
  for (let i = 0; i < levels.length; i++) out[i] = table[levels[i] as number] as number;
  return out;
}
