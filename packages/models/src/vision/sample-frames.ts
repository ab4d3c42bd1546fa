/**
 * Which frames of a video the model sees, and the times that go into its prompt. As in `smart-resize.ts` there are two
 * rules: Hugging Face's processor, and qwen-vl-utils, which keeps the number of frames even.
 */
import { roundHalfEven } from "@causeway/geom";
import { ConfigError } from "../errors.ts";

export interface FrameRequest {
  /** Frames per second to look at; 2 unless `numFrames` is given. */
  readonly fps?: number;
  readonly numFrames?: number;
  readonly minFrames?: number;
  readonly maxFrames?: number;
}

const defaults = { fps: 2, minFrames: 4, maxFrames: 768 } as const;

function checkVideo(totalFrames: number, videoFps: number, request: FrameRequest): void {
  if (!Number.isInteger(totalFrames) || totalFrames < 1 || !(videoFps > 0)) {
    throw new ConfigError(
      `frames: the video has ${totalFrames} frames at ${videoFps} per second; expected at least one frame and a positive rate`,
    );
  }
  if (request.fps !== undefined && request.numFrames !== undefined) {
    throw new ConfigError("frames: give fps or numFrames, not both");
  }
  for (const [name, value] of Object.entries(request)) {
    if (value !== undefined && !(value > 0))
      throw new ConfigError(`frames: ${name} is ${value}; expected a positive number`);
  }
}

/** numpy's linspace(0, last, count), rounded half to even. */
function spread(last: number, count: number): number[] {
  if (count === 1) return [0];
  const step = last / (count - 1);
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 ? last : roundHalfEven(i * step),
  );
}

/** torch's float32 linspace(first, last, count), rounded half to even: from both ends to the middle. */
function spreadFloat32(first: number, last: number, count: number): number[] {
  const step = Math.fround((last - first) / Math.max(1, count - 1));
  return Array.from({ length: count }, (_, i) =>
    roundHalfEven(
      i < count / 2
        ? Math.fround(first + Math.fround(step * i))
        : Math.fround(last - Math.fround(step * (count - 1 - i))),
    ),
  );
}

/** Indices by Hugging Face's video processor. */
export function processorFrames(
  totalFrames: number,
  videoFps: number,
  request: FrameRequest = {},
): number[] {
  checkVideo(totalFrames, videoFps, request);
  const { minFrames = defaults.minFrames, maxFrames = defaults.maxFrames } = request;
  const count =
    request.numFrames ??
    Math.min(
      Math.max(Math.trunc((totalFrames / videoFps) * (request.fps ?? defaults.fps)), minFrames),
      maxFrames,
      totalFrames,
    );
  if (count > totalFrames) {
    throw new ConfigError(
      `frames: ${count} frames were asked for but the video has ${totalFrames}`,
    );
  }
  return spread(totalFrames - 1, count);
}

/** Number of frames by qwen-vl-utils: even, within limits. */
export function utilsNumFrames(
  totalFrames: number,
  videoFps: number,
  request: FrameRequest = {},
): number {
  checkVideo(totalFrames, videoFps, request);
  let count: number;
  if (request.numFrames !== undefined) count = 2 * roundHalfEven(request.numFrames / 2);
  else {
    const low = 2 * Math.ceil((request.minFrames ?? defaults.minFrames) / 2);
    const high =
      2 * Math.floor((request.maxFrames ?? Math.min(defaults.maxFrames, totalFrames)) / 2);
    const wanted = (totalFrames / videoFps) * (request.fps ?? defaults.fps);
    count = 2 * Math.floor(Math.min(Math.max(wanted, low), high, totalFrames) / 2);
  }
  if (count < 2 || count > totalFrames) {
    throw new ConfigError(
      `frames: ${count} frames would be sampled; expected 2 to ${totalFrames}, the length of the video`,
    );
  }
  return count;
}

/** Indices by qwen-vl-utils; `first` and `last` bound the part of the video that is looked at. */
export function utilsFrames(
  totalFrames: number,
  videoFps: number,
  request: FrameRequest = {},
): number[] {
  return utilsFrameIndices(0, totalFrames - 1, utilsNumFrames(totalFrames, videoFps, request));
}

export function utilsFrameIndices(first: number, last: number, count: number): number[] {
  return spreadFloat32(first, last, count);
}

/** First and last frame of a cut in seconds, by qwen-vl-utils. */
export function cutFrames(
  totalFrames: number,
  videoFps: number,
  startSecs: number | null,
  endSecs: number | null,
): { readonly first: number; readonly last: number } {
  const clamp = (index: number) => Math.min(totalFrames - 1, Math.max(0, index));
  const first = startSecs === null ? 0 : clamp(Math.ceil(startSecs * videoFps));
  const last = endSecs === null ? totalFrames - 1 : clamp(Math.floor(endSecs * videoFps));
  if (first >= last) {
    throw new ConfigError(
      `frames: the cut from ${startSecs ?? 0} s to ${endSecs ?? "the end"} holds no two frames (${first} to ${last} of ${totalFrames})`,
    );
  }
  return { first, last };
}

/**
 * One time per temporal patch: the mean of its first and last frame, seconds. A last incomplete patch repeats the last
 * frame.
 */
export function patchTimes(timesSecs: readonly number[], temporalPatchSize: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < timesSecs.length; i += temporalPatchSize) {
    const first = timesSecs[i] as number;
    const last = timesSecs[Math.min(i + temporalPatchSize, timesSecs.length) - 1] as number;
    out.push((first + last) / 2);
  }
  return out;
}

/** Seconds with one decimal as Python prints them: an exact tie goes to the even digit, 0.25 to 0.2. */
export function pythonTenths(value: number): string {
  // Only quarters can be exact ties in binary; `toFixed` rounds everything else correctly and ties away from zero.
  const quarters = value * 4;
  if (!Number.isInteger(quarters) || quarters % 2 === 0) return value.toFixed(1);
  return (roundHalfEven(value * 10) / 10).toFixed(1);
}

/** The words before a frame pair in a prompt. */
export function timestampText(timeSecs: number): string {
  return `<${pythonTenths(timeSecs)} seconds>`;
}
