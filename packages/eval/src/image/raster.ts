import { EvalError } from "../errors.ts";

/** Pixels in rows, y first, channels interleaved. Values as they were decoded (usually 0 … 255). */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: ArrayLike<number>;
}

/** One value per pixel; non-zero means that the pixel counts. */
export type PixelMask = ArrayLike<number>;

/** Checks that two pictures can be compared pixel by pixel. */
export function requireSameShape(a: Raster, b: Raster, what: string): void {
  const text = (r: Raster) => `${r.width}x${r.height}x${r.channels}`;
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels)
    throw new EvalError(
      "shape",
      `${what}: pictures differ in size, ${text(a)} against ${text(b)}; expected the same. Resize one of them first`,
    );
  for (const r of [a, b])
    if (r.data.length !== r.width * r.height * r.channels)
      throw new EvalError(
        "shape",
        `${what}: ${r.data.length} values for ${text(r)} pixels; expected ${r.width * r.height * r.channels}`,
      );
}

/** One channel as doubles. */
export function channelOf(raster: Raster, channel: number): Float64Array {
  const { data, channels, width, height } = raster;
  const out = new Float64Array(width * height);
  for (let i = 0; i < out.length; i++) out[i] = data[i * channels + channel];
  return out;
}

/** RGB to gray with 15-bit weights, as OpenCV rounds it: (9798 R + 19235 G + 3735 B + 2^14) >> 15. Gray passes. */
export function toGray(raster: Raster): Raster {
  const { data, channels, width, height } = raster;
  if (channels === 1) return raster;
  const out = new Uint8Array(width * height);
  for (let i = 0; i < out.length; i++) {
    const at = i * channels;
    out[i] = (9798 * data[at] + 19235 * data[at + 1] + 3735 * data[at + 2] + 16384) >> 15;
  }
  return { width, height, channels: 1, data: out };
}
