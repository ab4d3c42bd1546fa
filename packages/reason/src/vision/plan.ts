/**
 * How many tokens a picture or a video costs, exactly, on the three paths by which it may reach the model:
 *
 * - `utils`: qwen-vl-utils in one's own process (Cosmos-Reason2's offline script, and its training);
 * - `transformers`: the Hugging Face video processor;
 * - `server`: vLLM, which runs the same processor with the limits that a request carries.
 *
 * `total_pixels` limits single frames times pairs on the first path and all raw frames on the others, so the same number
 * buys twice the tokens on the first. Rules: qwen-vl-utils 0.0.14, transformers 5.18, Cosmos-Reason2 a3b4a1d.
 */
import {
  frameIndices,
  type FrameLimits,
  frameRange,
  pairTimes,
  processorFrameCount,
  utilsFrameCount,
} from "./frames.ts";
import { type Size, smartResize, smartResizeVideo, VisionPlanError } from "./resize.ts";

export type VisionPath = "utils" | "transformers" | "server";

export interface PixelLimits {
  readonly minPixels?: number;
  readonly maxPixels?: number;
  readonly totalPixels?: number;
  readonly resizedHeight?: number;
  readonly resizedWidth?: number;
}

export interface VideoInfo extends Size {
  readonly totalFrames: number;
  /** Null when the file does not say. */
  readonly fps: number | null;
}

export interface VideoRequest extends FrameLimits, PixelLimits {
  readonly startSecs?: number;
  readonly endSecs?: number;
  /** Newer transformers: no frame gets more than 768 or less than about 134 tokens' worth of pixels as its limit. */
  readonly isFrameCapped?: boolean;
}

export interface VisionPlan extends Size {
  readonly tokens: number;
  readonly path: VisionPath;
  /** Frames of the file; empty for an image. */
  readonly indices: readonly number[];
  /** Seconds, one per pair of frames. */
  readonly pairTimesSecs: readonly number[];
  /** Upper limit of a frame's area after all rules; null where a size was given or the limit is on the whole. */
  readonly framePixelLimit: number | null;
  /** Frames per second of what was sampled. */
  readonly sampleFps: number;
  /** Tokens that `totalPixels` was meant to buy, and whether the plan needs more; null without `totalPixels`. */
  readonly budget: { readonly tokens: number; readonly isOver: boolean } | null;
}

/** Pixels per side of a token: 32 for Qwen3-VL and Cosmos-Reason2, 28 for Qwen2.5-VL and Cosmos-Reason1. */
export const factorOf = (model: string): 28 | 32 => (/reason-?1|qwen2/i.test(model) ? 28 : 32);

const modelSequenceLength = 128_000;
const imageTokens = { least: 4, most: 16_384 };
const pairTokens = { least: 128, most: 768 };

/**
 * Pixels of video that fit beside `maxTokens` of output: nine tenths of what is left.
 * 8192 and 4096 give 3774873.
 */
export function totalPixelBudget(maxModelLen: number, maxTokens: number, factor = 32): number {
  if (maxModelLen < maxTokens)
    throw new VisionPlanError(
      `max_tokens (${maxTokens}) is more than the context (${maxModelLen}); nothing is left for pictures.`,
    );
  return Math.trunc((maxModelLen - maxTokens) * factor * factor * 0.9);
}

/** The training code's variant: the whole length counts, and it overwrites what was configured. */
export const trainerPixelBudget = (modelMaxLength: number, factor = 32): number =>
  Math.trunc(modelMaxLength * factor * factor * 0.9);

export function planImage(image: Size, limits: PixelLimits = {}, factor = 32): VisionPlan {
  const area = factor * factor;
  const least = limits.minPixels ?? imageTokens.least * area;
  const most = limits.maxPixels ?? imageTokens.most * area;
  const size =
    limits.resizedHeight !== undefined && limits.resizedWidth !== undefined
      ? resizeTo(limits.resizedHeight, limits.resizedWidth, factor)
      : smartResize(image, factor, least, most);
  return {
    ...size,
    tokens: (size.height * size.width) / area,
    path: "utils",
    indices: [],
    pairTimesSecs: [],
    framePixelLimit: most,
    sampleFps: 0,
    budget: null,
  };
}

const resizeTo = (height: number, width: number, factor: number): Size =>
  smartResize(
    { height, width },
    factor,
    imageTokens.least * factor * factor,
    imageTokens.most * factor * factor,
  );

export function planVideo(
  video: VideoInfo,
  request: VideoRequest,
  path: VisionPath,
  factor = 32,
): VisionPlan {
  const fps = video.fps ?? 24;
  const { first, last } = frameRange(
    video.totalFrames,
    fps,
    request.startSecs ?? null,
    request.endSecs ?? null,
  );
  const available = last - first + 1;
  const count =
    path === "utils"
      ? utilsFrameCount(available, fps, request)
      : processorFrameCount(available, video.fps, request);
  const area = factor * factor;
  const { size, limit } =
    path === "utils"
      ? utilsSize(video, request, count, factor)
      : { size: processorSize(video, request, count, factor), limit: null };
  const indices = frameIndices(first, last, count);
  const tokens = Math.ceil(count / 2) * (size.height / factor) * (size.width / factor);
  const { totalPixels } = request;
  const bought = totalPixels === undefined ? null : totalPixels / area;
  return {
    ...size,
    tokens,
    path,
    indices,
    pairTimesSecs: pairTimes(indices, fps),
    framePixelLimit: limit,
    sampleFps: (count / available) * fps,
    budget: bought === null ? null : { tokens: bought, isOver: tokens > bought },
  };
}

function utilsSize(
  video: Size,
  request: VideoRequest,
  count: number,
  factor: number,
): { readonly size: Size; readonly limit: number | null } {
  if (request.resizedHeight !== undefined && request.resizedWidth !== undefined)
    return { size: resizeTo(request.resizedHeight, request.resizedWidth, factor), limit: null };
  const area = factor * factor;
  const least = request.minPixels ?? pairTokens.least * area;
  const total = request.totalPixels ?? Math.trunc(modelSequenceLength * area * 0.9);
  // The floor of 1.05 times the smallest area wins over the budget: long videos may exceed it.
  const most = Math.max(
    Math.min(pairTokens.most * area, (total / count) * 2),
    Math.trunc(least * 1.05),
  );
  const limit = Math.min(request.maxPixels ?? most, most);
  return { size: smartResize(video, factor, least, limit), limit };
}

function processorSize(video: Size, request: VideoRequest, count: number, factor: number): Size {
  const area = factor * factor;
  const least = request.minPixels ?? pairTokens.least * area;
  const total = request.totalPixels ?? pairTokens.most * area;
  const capped = (perFrame: number): number =>
    Math.min(
      Math.max(perFrame, Math.trunc(pairTokens.least * area * 1.05)),
      pairTokens.most * area,
    );
  const most = request.isFrameCapped === true ? count * capped(total / count) : total;
  return smartResizeVideo(video, count, factor, least, most);
}

export interface ContextLimits {
  readonly maxModelLen: number;
  readonly maxTokens: number;
  /** Tokens of everything that is no picture. */
  readonly textTokens: number;
}

/** What the frame markers and times cost beside the pictures: about ten tokens for each pair. */
const markerTokens = (plan: VisionPlan): number => 10 * Math.max(1, plan.pairTimesSecs.length);

export const contextNeed = (plans: readonly VisionPlan[], context: ContextLimits): number =>
  plans.reduce((sum, plan) => sum + plan.tokens + markerTokens(plan), 0) +
  context.textTokens +
  context.maxTokens;

/**
 * A plan that fits the context beside text and answer: first fewer pixels, then fewer frames.
 * Throws when even two small frames are too much.
 */
export function fitVideo(
  video: VideoInfo,
  request: VideoRequest,
  path: VisionPath,
  context: ContextLimits,
  factor = 32,
): {
  readonly plan: VisionPlan;
  readonly request: VideoRequest;
  readonly changes: readonly string[];
} {
  const fits = (plan: VisionPlan): boolean => contextNeed([plan], context) <= context.maxModelLen;
  const asked = planVideo(video, request, path, factor);
  if (fits(asked)) return { plan: asked, request, changes: [] };
  const left = Math.max(0, context.maxModelLen - context.maxTokens - context.textTokens);
  let count = asked.indices.length;
  for (;;) {
    const pixels = Math.floor(
      Math.max(0, left - 10 * Math.ceil(count / 2)) * factor * factor * (path === "utils" ? 1 : 2),
    );
    const { fps: _, ...rest } = request;
    const smaller: VideoRequest = {
      ...rest,
      numFrames: count,
      totalPixels: Math.min(request.totalPixels ?? Number.POSITIVE_INFINITY, Math.max(1, pixels)),
    };
    const plan = planVideo(video, smaller, path, factor);
    if (fits(plan)) {
      const changes = [
        `${asked.width}x${asked.height} became ${plan.width}x${plan.height}`,
        ...(plan.indices.length === asked.indices.length
          ? []
          : [`${asked.indices.length} frames became ${plan.indices.length}`]),
      ];
      return { plan, request: smaller, changes };
    }
    if (count <= 2)
      throw new VisionPlanError(
        `the video needs ${contextNeed([plan], context)} tokens even with 2 frames, text and ${context.maxTokens} tokens of answer included; the context is ${context.maxModelLen}. Lower max_tokens or serve the model with a longer context.`,
      );
    count = 2 * Math.ceil(count / 2) - 2;
  }
}
