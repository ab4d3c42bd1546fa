/** Which frames of a video the model sees. */
import { VisionPlanError } from "./resize.ts";
import { oneDecimal, roundHalfEven } from "./rounding.ts";

export interface FrameLimits {
  /** Frames per second to sample. Excludes `numFrames`. */
  readonly fps?: number;
  readonly numFrames?: number;
  readonly minFrames?: number;
  readonly maxFrames?: number;
}

const defaultFps = 2;
const fewestFrames = 4;
const mostFrames = 768;

/** Frames that qwen-vl-utils takes: an even number. */
export function utilsFrameCount(
  totalFrames: number,
  videoFps: number,
  limits: FrameLimits,
): number {
  const { fps, numFrames } = limits;
  let count: number;
  if (numFrames !== undefined) {
    if (fps !== undefined)
      throw new VisionPlanError("give frames per second or a number of frames, not both.");
    count = 2 * roundHalfEven(numFrames / 2);
  } else {
    const least = 2 * Math.ceil((limits.minFrames ?? fewestFrames) / 2);
    const most = 2 * Math.floor((limits.maxFrames ?? Math.min(mostFrames, totalFrames)) / 2);
    const wanted = (totalFrames / videoFps) * (fps ?? defaultFps);
    count = 2 * Math.floor(Math.min(Math.max(wanted, least), most, totalFrames) / 2);
  }
  if (count < 2 || count > totalFrames)
    throw new VisionPlanError(
      `${count} frames of a video that has ${totalFrames}; expected from 2 to all of them.`,
    );
  return count;
}

/** Frames that the Hugging Face video processor takes; may be odd. An unknown rate counts as 24. */
export function processorFrameCount(
  totalFrames: number,
  videoFps: number | null,
  limits: FrameLimits,
): number {
  if (limits.numFrames !== undefined) {
    if (limits.fps !== undefined)
      throw new VisionPlanError("give frames per second or a number of frames, not both.");
    return limits.numFrames;
  }
  const wanted = Math.trunc((totalFrames / (videoFps ?? 24)) * (limits.fps ?? defaultFps));
  return Math.min(
    Math.max(wanted, limits.minFrames ?? fewestFrames),
    limits.maxFrames ?? mostFrames,
    totalFrames,
  );
}

/** First and last frame of the part between two times in seconds, either of which may be open. */
export function frameRange(
  totalFrames: number,
  videoFps: number,
  startSecs: number | null,
  endSecs: number | null,
): { readonly first: number; readonly last: number } {
  const clamp = (secs: number): number => Math.max(0, Math.min(secs, totalFrames / videoFps));
  const first = startSecs === null ? 0 : Math.ceil(clamp(startSecs) * videoFps);
  const last =
    endSecs === null
      ? totalFrames - 1
      : Math.min(Math.floor(clamp(endSecs) * videoFps), totalFrames - 1);
  if ((startSecs !== null || endSecs !== null) && first >= last)
    throw new VisionPlanError(
      `the part from ${startSecs ?? 0} s to ${endSecs ?? "the end"} holds no two frames of a video of ${totalFrames} frames at ${videoFps} per second.`,
    );
  return { first, last };
}

/** `count` evenly spaced frames, computed in 32-bit floats as the preprocessing code does, ties to even. */
export function frameIndices(first: number, last: number, count: number): number[] {
  if (count === 1) return [first];
  const f = Math.fround;
  const step = f(f(last - first) / f(count - 1));
  return Array.from({ length: count }, (_, i) =>
    roundHalfEven(i < count / 2 ? f(first + f(step * i)) : f(last - f(step * (count - 1 - i)))),
  );
}

/** Seconds in the middle of each pair of frames; an odd last frame is paired with itself. */
export function pairTimes(indices: readonly number[], videoFps: number): number[] {
  const times: number[] = [];
  for (let i = 0; i < indices.length; i += 2) {
    const a = indices[i] as number;
    const b = indices[i + 1] ?? a;
    times.push((a / videoFps + b / videoFps) / 2);
  }
  return times;
}

/** What the processor writes before a pair of frames. */
export const timestampText = (secs: number): string => `<${oneDecimal(secs)} seconds>`;
