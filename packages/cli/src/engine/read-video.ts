/** Video files for the engine: which frames, decoded by the system's decoder, in bounded memory. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { openVideo } from "@causeway/data";
import { processorFrames } from "@causeway/models";
import type { ClipFrames, ReadVideo } from "./media-parts.ts";

export interface VideoRequest {
  readonly fps: number | null;
  readonly maxFrames: number | null;
  /** Only the end of the video, seconds; null for all of it. */
  readonly tailSecs: number | null;
}

/** All frames of one clip together; larger ones are decoded smaller, which the models do next anyway. */
const maxClipBytes = 512 * 2 ** 20;

export async function readVideoFile(path: string, request: VideoRequest): Promise<ClipFrames> {
  const video = await openVideo(path);
  const { ptsUs } = video.index;
  const end = ptsUs.at(-1) as number;
  const start = ptsUs[0] as number;
  // Nothing before the tail, counted from the last frame.
  const first =
    request.tailSecs === null
      ? 0
      : Math.max(0, video.rowsAt([end - request.tailSecs * 1e6])[0] as number);
  const total = ptsUs.length - first;
  const spanSecs = (end - (ptsUs[first] as number)) / 1e6;
  const videoFps = total > 1 && spanSecs > 0 ? (total - 1) / spanSecs : 24;
  const indices = processorFrames(total, videoFps, {
    ...(request.fps === null ? {} : { fps: request.fps }),
    ...(request.maxFrames === null ? {} : { maxFrames: request.maxFrames }),
  }).map((i) => i + first);
  const bytes = indices.length * video.width * video.height * 3;
  const scale = Math.min(1, Math.sqrt(maxClipBytes / bytes));
  const size = {
    width: Math.max(1, Math.floor(video.width * scale)),
    height: Math.max(1, Math.floor(video.height * scale)),
  };
  const frames: ClipFrames["frames"][number][] = [];
  const timesSecs: number[] = [];
  for await (const frame of video.frames(indices, size)) {
    frames.push(frame.image);
    timesSecs.push((frame.ptsUs - start) / 1e6);
  }
  return { frames, timesSecs };
}

/** Decodes video bytes through a temporary file, since containers are read by position. */
export const readVideoBytes: ReadVideo = async (bytes, request) => {
  const dir = await mkdtemp(join(tmpdir(), "causeway-video-"));
  try {
    const path = join(dir, `clip.${request.mime.split("/")[1]?.replace(/\W/g, "") ?? "mp4"}`);
    await writeFile(path, bytes);
    return await readVideoFile(path, request);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export function isVideoPath(path: string): boolean {
  return [".mp4", ".mov", ".mkv", ".m4v", ".webm"].includes(extname(path).toLowerCase());
}
