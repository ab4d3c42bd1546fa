/**
 * The size at which a picture or video is shown to the model: multiples of `factor`, area within limits, aspect ratio
 * kept as far as rounding allows. Sides round half to even (Python's `round`): 80 / 32 = 2.5 gives 64, not 96.
 * Two rules are in use: Hugging Face's processors (images and videos), and qwen-vl-utils, which vLLM recipes call
 * before the processor sees the frames; for the same request they differ by a factor of two in tokens.
 */
import { roundHalfEven } from "@causeway/geom";
import { ConfigError } from "../errors.ts";

export interface PixelLimits {
  readonly minPixels: number;
  readonly maxPixels: number;
}

export interface Size {
  readonly heightPx: number;
  readonly widthPx: number;
}

const maxAspect = 200;

function checkSize(height: number, width: number): void {
  if (!Number.isInteger(height) || !Number.isInteger(width) || height < 1 || width < 1) {
    throw new ConfigError(
      `resize: the picture is ${width} x ${height}; expected positive whole sides`,
    );
  }
  const aspect = Math.max(height, width) / Math.min(height, width);
  if (aspect > maxAspect) {
    throw new ConfigError(
      `resize: the picture is ${width} x ${height}, an aspect ratio of ${aspect.toFixed(1)}; at most ${maxAspect} is accepted`,
    );
  }
}

function fit(
  height: number,
  width: number,
  frames: number,
  groupedFrames: number,
  factor: number,
  { minPixels, maxPixels }: PixelLimits,
  leastSide = 0,
): Size {
  let heightPx = Math.max(leastSide, roundHalfEven(height / factor) * factor);
  let widthPx = Math.max(leastSide, roundHalfEven(width / factor) * factor);
  const area = groupedFrames * heightPx * widthPx;
  if (area > maxPixels) {
    const beta = Math.sqrt((frames * height * width) / maxPixels);
    heightPx = Math.max(factor, Math.floor(height / beta / factor) * factor);
    widthPx = Math.max(factor, Math.floor(width / beta / factor) * factor);
  } else if (area < minPixels) {
    const beta = Math.sqrt(minPixels / (frames * height * width));
    heightPx = Math.ceil((height * beta) / factor) * factor;
    widthPx = Math.ceil((width * beta) / factor) * factor;
  }
  return { heightPx: Math.max(factor, heightPx), widthPx: Math.max(factor, widthPx) };
}

/** Size of one picture in Hugging Face's processor. `factor` is patch size times merge size: 32. */
export function smartResize(
  height: number,
  width: number,
  factor: number,
  limits: PixelLimits,
): Size {
  checkSize(height, width);
  return fit(height, width, 1, 1, factor, limits);
}

/**
 * Size of one picture by qwen-vl-utils: a side that rounds to nothing counts as one `factor` before the area is judged,
 * so 10 x 1000 becomes 32 x 992 and not, scaled up, 32 x 640.
 */
export function utilsSmartResize(
  height: number,
  width: number,
  factor: number,
  limits: PixelLimits,
): Size {
  checkSize(height, width);
  return fit(height, width, 1, 1, factor, limits, factor);
}

/** Size of every frame of a video in Hugging Face's processor: the limits count all frames together. */
export function smartResizeVideo(
  frames: number,
  height: number,
  width: number,
  sizes: { readonly temporalFactor: number; readonly factor: number },
  limits: PixelLimits,
): Size {
  const { temporalFactor, factor } = sizes;
  if (frames < temporalFactor) {
    throw new ConfigError(
      `resize: the video has ${frames} frames; at least ${temporalFactor} are needed`,
    );
  }
  // A side under one merged patch is scaled up first (transformers 5; 4.57 refuses).
  let [h, w] = [height, width];
  if (h < factor || w < factor) {
    const scale = Math.max(factor / h, factor / w);
    h = Math.trunc(h * scale);
    w = Math.trunc(w * scale);
  }
  checkSize(h, w);
  const grouped = Math.ceil(frames / temporalFactor) * temporalFactor;
  return fit(h, w, frames, grouped, factor, limits);
}

/** Limits of one frame by qwen-vl-utils 0.0.14: the budget is shared by frame pairs, with a floor and a ceiling. */
export function utilsFrameLimits(
  frames: number,
  options: { readonly totalPixels?: number; readonly maxPixels?: number } = {},
): PixelLimits {
  const minPixels = 128 * 1024;
  // 90 % of a context of 128 000 tokens.
  const totalPixels = options.totalPixels ?? Math.trunc(128_000 * 1024 * 0.9);
  const share = Math.max(
    Math.min(768 * 1024, (totalPixels / frames) * 2),
    Math.trunc(minPixels * 1.05),
  );
  return { minPixels, maxPixels: Math.min(options.maxPixels ?? share, share) };
}

/** Size of every frame of a video by qwen-vl-utils. */
export function utilsVideoSize(
  frames: number,
  height: number,
  width: number,
  options: { readonly totalPixels?: number; readonly maxPixels?: number } = {},
): Size {
  return utilsSmartResize(height, width, 32, utilsFrameLimits(frames, options));
}

/** Visual tokens of a picture (frames 1) or video of that size. */
export function visualTokens(frames: number, { heightPx, widthPx }: Size, factor = 32): number {
  return Math.ceil(frames / 2) * (heightPx / factor) * (widthPx / factor);
}
