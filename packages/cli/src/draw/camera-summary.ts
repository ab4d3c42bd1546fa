import type { CameraIndex } from "@causeway/data";

export interface CameraSummary {
  readonly name: string;
  readonly numFrames: number;
  /** Frames per second between first and last frame; null with fewer than two. */
  readonly hz: number | null;
  /** "160x96", or null without a calibration. */
  readonly size: string | null;
}

export function cameraSummary({ name, stampsUs, calibration }: CameraIndex): CameraSummary {
  const spanSecs = ((stampsUs.at(-1) ?? 0) - (stampsUs[0] ?? 0)) / 1e6;
  return {
    name,
    numFrames: stampsUs.length,
    hz: spanSecs > 0 ? (stampsUs.length - 1) / spanSecs : null,
    size: calibration === null ? null : `${calibration.width}x${calibration.height}`,
  };
}
