/**
 * To which size a picture is brought before it becomes tokens: qwen-vl-utils 0.0.14 for single frames, the Qwen3-VL
 * video processor of transformers for whole clips. One token covers factor x factor pixels: 32 (patch 16, merge 2) for
 * Qwen3-VL and Cosmos-Reason2, 28 for Qwen2.5-VL and Cosmos-Reason1.
 */
import { roundHalfEven } from "./rounding.ts";

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** No plan exists for this input; the message says why. */
export class VisionPlanError extends Error {
  override readonly name = "VisionPlanError";
  readonly code = "VISION";
}

const largestAspect = 200;

function checkAspect({ height, width }: Size): void {
  if (Math.max(height, width) / Math.min(height, width) > largestAspect)
    throw new VisionPlanError(
      `a picture of ${width}x${height} is more than ${largestAspect} times as long as wide; the model takes no such picture.`,
    );
}

/** @param minPixels, maxPixels Limits of the area after the resize. */
export function smartResize(
  size: Size,
  factor: number,
  minPixels: number,
  maxPixels: number,
): Size {
  if (maxPixels < minPixels)
    throw new VisionPlanError(
      `the largest area (${maxPixels} pixels) is below the smallest (${minPixels}); raise max_pixels or lower min_pixels.`,
    );
  checkAspect(size);
  return limitArea(size, 1, 1, factor, minPixels, maxPixels);
}

/**
 * The same with the limits on all raw frames together (frames x height x width), so that equal numbers buy half the
 * tokens of the rule above. An odd number of frames counts as the next even one where it is compared.
 */
export function smartResizeVideo(
  size: Size,
  frames: number,
  factor: number,
  minPixels: number,
  maxPixels: number,
): Size {
  if (frames < 2)
    throw new VisionPlanError(`a video of ${frames} frames; the processor needs at least 2.`);
  checkAspect(size);
  return limitArea(size, frames, 2 * Math.ceil(frames / 2), factor, minPixels, maxPixels);
}

function limitArea(
  { height, width }: Size,
  frames: number,
  countedFrames: number,
  factor: number,
  minPixels: number,
  maxPixels: number,
): Size {
  const rounded = (side: number): number => Math.max(factor, roundHalfEven(side / factor) * factor);
  const area = countedFrames * rounded(height) * rounded(width);
  if (area > maxPixels) {
    const scale = Math.sqrt((frames * height * width) / maxPixels);
    const shrunk = (side: number): number =>
      Math.max(factor, Math.floor(side / scale / factor) * factor);
    return { height: shrunk(height), width: shrunk(width) };
  }
  if (area < minPixels) {
    const scale = Math.sqrt(minPixels / (frames * height * width));
    const grown = (side: number): number => Math.ceil((side * scale) / factor) * factor;
    return { height: grown(height), width: grown(width) };
  }
  return { height: rounded(height), width: rounded(width) };
}
