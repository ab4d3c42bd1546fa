/** Pictures and video frames to patch vectors, as a checkpoint's processor settings say. */
import type { RgbImage } from "@causeway/geom";
import { ConfigError } from "../errors.ts";
import type { VisionConfig } from "../qwen3vl/config.ts";
import { patchify } from "../qwen3vl/patchify.ts";
import type { Grid } from "../qwen3vl/positions.ts";
import { type ResizeRule, resizeBicubic } from "./resize-bicubic.ts";
import { patchTimes } from "./sample-frames.ts";
import { type PixelLimits, smartResize, smartResizeVideo } from "./smart-resize.ts";

export interface ProcessorSettings {
  /** Pixels of one picture. */
  readonly image: PixelLimits;
  /** Pixels of all frames of a video together. */
  readonly video: PixelLimits;
  readonly resize: ResizeRule;
}

/** Of the released Qwen3-VL and Cosmos-Reason2 folders. */
export const releasedProcessor: ProcessorSettings = {
  image: { minPixels: 65_536, maxPixels: 16_777_216 },
  video: { minPixels: 4096, maxPixels: 25_165_824 },
  resize: "torchvision",
};

export interface ProcessedMedia {
  /** Levels as bytes; the graph normalises them. */
  readonly patches: Uint8Array;
  readonly grid: Grid;
  /** One time per temporal patch, seconds; empty for a picture. */
  readonly timesSecs: readonly number[];
}

type PatchSizes = Pick<
  VisionConfig,
  "patchSize" | "spatialMergeSize" | "temporalPatchSize" | "inChannels"
>;

export function processImage(
  image: RgbImage,
  sizes: PatchSizes,
  settings: ProcessorSettings,
): ProcessedMedia {
  const factor = sizes.patchSize * sizes.spatialMergeSize;
  const size = smartResize(image.height, image.width, factor, settings.image);
  return {
    ...patchify([resizeBicubic(image, size, settings.resize)], sizes),
    timesSecs: [],
  };
}

/** @param timesSecs  Time of every frame in its video. */
export function processVideo(
  frames: readonly RgbImage[],
  timesSecs: readonly number[],
  sizes: PatchSizes,
  settings: ProcessorSettings,
): ProcessedMedia {
  const first = frames[0];
  if (first === undefined) throw new ConfigError("video: there are no frames");
  if (timesSecs.length !== frames.length) {
    throw new ConfigError(`video: ${timesSecs.length} times for ${frames.length} frames`);
  }
  const factor = sizes.patchSize * sizes.spatialMergeSize;
  const { temporalPatchSize } = sizes;
  const size = smartResizeVideo(
    Math.max(frames.length, temporalPatchSize),
    first.height,
    first.width,
    { temporalFactor: temporalPatchSize, factor },
    settings.video,
  );
  const resized = frames.map((frame, i) => {
    if (frame.width !== first.width || frame.height !== first.height) {
      throw new ConfigError(
        `video: frame ${i} is ${frame.width} x ${frame.height}; the first is ${first.width} x ${first.height}`,
      );
    }
    return resizeBicubic(frame, size, settings.resize);
  });
  return { ...patchify(resized, sizes), timesSecs: patchTimes(timesSecs, temporalPatchSize) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function limitsOf(json: unknown, fallback: PixelLimits, where: string): PixelLimits {
  if (json === null || json === undefined) return fallback;
  if (!isObject(json)) throw new ConfigError(`${where} is not an object`);
  for (const key of ["image_mean", "image_std"]) {
    const value = json[key];
    if (value !== undefined && (!Array.isArray(value) || value.some((v) => v !== 0.5))) {
      throw new ConfigError(
        `${where}: ${key} is ${JSON.stringify(value)}; only 0.5 per channel is implemented`,
      );
    }
  }
  // The released form counts pixels under names of edges; older files have min_pixels and max_pixels.
  const size = isObject(json["size"]) ? json["size"] : {};
  const pick = (own: string, named: string, otherwise: number): number => {
    const value = json[own] ?? size[named] ?? otherwise;
    if (typeof value !== "number" || !(value > 0))
      throw new ConfigError(
        `${where}: ${named} is ${JSON.stringify(value)}; expected a number of pixels`,
      );
    return value;
  };
  return {
    minPixels: pick("min_pixels", "shortest_edge", fallback.minPixels),
    maxPixels: pick("max_pixels", "longest_edge", fallback.maxPixels),
  };
}

/** Settings from `preprocessor_config.json` and `video_preprocessor_config.json`; null where a folder has none. */
export function parseProcessorSettings(image: unknown, video: unknown): ProcessorSettings {
  return {
    image: limitsOf(image, releasedProcessor.image, "preprocessor_config.json"),
    video: limitsOf(video, releasedProcessor.video, "video_preprocessor_config.json"),
    resize: releasedProcessor.resize,
  };
}
