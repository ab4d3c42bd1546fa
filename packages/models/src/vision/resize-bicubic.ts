/**
 * Bicubic resizing with antialias, equal to the level to what the reference processors do: torchvision (the default)
 * or Pillow (the slow processor, qwen-vl-utils). Cubic kernel with a = -0.5, columns first, then rows; weights in fixed
 * point, levels rounded and clamped to bytes after each pass. The clamp between the passes matters: without it the
 * result is up to 5 levels off where the cubic overshoots.
 */
import type { RgbImage } from "@causeway/geom";
import { ConfigError } from "../errors.ts";
import type { Size } from "./smart-resize.ts";

export type ResizeRule = "torchvision" | "pillow";

function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

interface Window {
  readonly first: number;
  /** Fixed point with `bits` fraction bits. */
  readonly weights: Int32Array;
}

interface Filter {
  readonly windows: readonly Window[];
  readonly bits: number;
}

function filterOf(size: number, target: number, rule: ResizeRule): Filter {
  const scale = size / target;
  const spread = Math.max(scale, 1);
  let largest = 0;
  const floats = Array.from({ length: target }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - 2 * spread + 0.5), 0);
    const last = Math.min(Math.trunc(centre + 2 * spread + 0.5), size);
    const raw = Array.from({ length: last - first }, (_unused, j) =>
      cubic((first + j - centre + 0.5) / spread),
    );
    const sum = raw.reduce((a, b) => a + b, 0);
    const weights = raw.map((w) => w / sum);
    for (const w of weights) largest = Math.max(largest, w);
    return { first, weights };
  });
  let bits = 22;
  // Torchvision keeps weights in 16 bits.
  if (rule === "torchvision") while (Math.trunc(largest * 2 ** bits + 0.5) >= 2 ** 15) bits--;
  const fixed = (w: number) => Math.trunc(w * 2 ** bits + (w < 0 ? -0.5 : 0.5));
  return {
    bits,
    windows: floats.map(({ first, weights }) => ({
      first,
      weights: Int32Array.from(weights, fixed),
    })),
  };
}

/**
 * One pass along an axis of interleaved levels.
 *
 * @param lines  Number of independent lines; line l starts at l * lineStep.
 * @param step  Distance of neighbours along the axis.
 */
function pass(
  source: Uint8Array,
  filter: Filter,
  lines: number,
  lineStep: number,
  step: number,
  out: Uint8Array,
  outLineStep: number,
  outStep: number,
): void {
  const half = 2 ** (filter.bits - 1);
  const unit = 2 ** filter.bits;
  filter.windows.forEach(({ first, weights }, i) => {
    for (let line = 0; line < lines; line++) {
      let from = line * lineStep + first * step;
      let sum = half;
      for (const weight of weights) {
        sum += weight * (source[from] as number);
        from += step;
      }
      // The sum is an exact double; flooring is the arithmetic shift.
      const level = Math.floor(sum / unit);
      out[line * outLineStep + i * outStep] = level < 0 ? 0 : level > 255 ? 255 : level;
    }
  });
}

/** Resized picture; an axis that keeps its size is not filtered, and the input is returned if both do. */
export function resizeBicubic(
  image: RgbImage,
  { heightPx, widthPx }: Size,
  rule: ResizeRule = "torchvision",
): RgbImage {
  const { width, height } = image;
  if (image.pixels.length !== width * height * 3) {
    throw new ConfigError(
      `resize: ${image.pixels.length} bytes for a picture of ${width} x ${height}; expected ${width * height * 3}`,
    );
  }
  let pixels = image.pixels;
  if (widthPx !== width) {
    const filter = filterOf(width, widthPx, rule);
    const out = new Uint8Array(height * widthPx * 3);
    for (let row = 0; row < height; row++) {
      pass(
        pixels.subarray(row * width * 3, (row + 1) * width * 3),
        filter,
        3,
        1,
        3,
        out.subarray(row * widthPx * 3, (row + 1) * widthPx * 3),
        1,
        3,
      );
    }
    pixels = out;
  }
  if (heightPx !== height) {
    const rowBytes = widthPx * 3;
    const out = new Uint8Array(heightPx * rowBytes);
    pass(pixels, filterOf(height, heightPx, rule), rowBytes, 1, rowBytes, out, 1, rowBytes);
    pixels = out;
  }
  return { width: widthPx, height: heightPx, pixels };
}
