/** Pictures of a recording's video: which frames are kept, decoded one at a time and stored as JPEG. */
import { lastAtOrBefore } from "@causeway/geom";
import type { CameraFrame } from "../drive.ts";
import { encodeJpeg } from "../image.ts";
import type { VideoReader } from "../video/open-video.ts";
import type { ReadOptions } from "./source.ts";

export const defaultPicturesHz = 10;

/** Frames to keep of those at `stampsUs`: the last at or before each tick of the grid, within `fromUs` … `toUs`. */
export function keptFrames(
  stampsUs: Float64Array,
  span: { readonly fromUs: number; readonly toUs: number },
  options: ReadOptions = {},
): number[] {
  const hz = options.picturesHz === undefined ? defaultPicturesHz : options.picturesHz;
  const rows = new Set<number>();
  const isInside = (row: number) => stampsUs[row] >= span.fromUs && stampsUs[row] <= span.toUs;
  if (hz === null) {
    for (let i = 0; i < stampsUs.length; i++) if (isInside(i)) rows.add(i);
  } else {
    for (let k = 0; (k * 1e6) / hz <= span.toUs; k++) {
      const row = lastAtOrBefore(stampsUs, (k * 1e6) / hz);
      if (row >= 0 && isInside(row)) rows.add(row);
    }
  }
  return [...rows].sort((a, b) => a - b);
}

/** The frames `rows` of a video as stored pictures; row i is shown at `stampsUs[i]` on the drive's clock. */
export async function picturesOf(
  video: VideoReader,
  stampsUs: Float64Array,
  rows: readonly number[],
  options: ReadOptions = {},
): Promise<CameraFrame[]> {
  const frames: CameraFrame[] = [];
  const width = Math.min(video.width, options.maxWidth ?? video.width);
  for await (const { index, image } of video.frames(rows, { width })) {
    frames.push({ stampUs: stampsUs[index], encoding: "jpeg", bytes: await encodeJpeg(image) });
  }
  return frames;
}

/** Whether the person wants pictures of this camera. */
export const wantsCamera = (name: string, options: ReadOptions = {}): boolean =>
  options.cameras?.includes(name) ?? true;
