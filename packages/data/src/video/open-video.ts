/** A video file, read by frame number or by time. */
import type { RgbImage } from "@causeway/geom";
import { lastAtOrBefore } from "@causeway/geom";
import { DataConfigError } from "../errors.ts";
import type { VideoBackend, VideoFrame } from "./backend.ts";
import { ffmpegBackend, ffmpegVersion } from "./ffmpeg.ts";
import { type IndexVideoOptions, indexVideo, type VideoIndex } from "./video-index.ts";

/** Where to find ffmpeg when it is not on the path. */
const commandVariable = "CAUSEWAY_FFMPEG";

let opening: Promise<VideoBackend | null> | null = null;

/** The video decoder of this machine, or null when it has none. */
export function findVideoBackend(): Promise<VideoBackend | null> {
  opening ??= (async () => {
    const command = process.env[commandVariable] ?? "ffmpeg";
    const version = await ffmpegVersion(command);
    return version === null ? null : ffmpegBackend(command, version);
  })();
  return opening;
}

/** The video decoder of this machine: the system's ffmpeg. */
export async function openVideoBackend(): Promise<VideoBackend> {
  const backend = await findVideoBackend();
  if (backend === null) {
    throw new DataConfigError(
      `video: no decoder found; expected the program ffmpeg. Install it with your system's packages (or name it in ${commandVariable}).`,
    );
  }
  return backend;
}

export interface VideoReaderOptions extends IndexVideoOptions {
  /** Default: `openVideoBackend()`. */
  readonly backend?: VideoBackend;
}

export interface FrameSize {
  /** Both or one; the other follows from the video's shape. Default: the video's size. */
  readonly width?: number;
  readonly height?: number;
  readonly signal?: AbortSignal;
}

export interface VideoReader {
  readonly index: VideoIndex;
  readonly width: number;
  readonly height: number;
  readonly backend: VideoBackend;
  /** Frame numbers of the last frame shown at or before each time (on the file's timeline); -1 before the first. */
  rowsAt(timesUs: readonly number[]): number[];
  /** Frames by number, increasing, one at a time: memory does not grow with their count. */
  frames(indices: readonly number[], size?: FrameSize): AsyncGenerator<VideoFrame, void, void>;
  /** The frames shown at the given times, in the order asked for; one decoded picture may answer several times. */
  framesAt(timesUs: readonly number[], size?: FrameSize): Promise<readonly VideoFrame[]>;
}

/** Opens a video file. Nothing stays open between calls. */
export async function openVideo(
  path: string,
  options: VideoReaderOptions = {},
): Promise<VideoReader> {
  const index = await indexVideo(path, options);
  const backend = options.backend ?? (await openVideoBackend());
  const own = index.width > 0 ? index : await backend.probeSize(path);
  const sized = ({ width, height }: FrameSize) => ({
    width: width ?? Math.max(1, Math.round(((height ?? own.height) * own.width) / own.height)),
    height: height ?? Math.max(1, Math.round(((width ?? own.width) * own.height) / own.width)),
  });
  const numFrames = index.ptsUs.length;
  const reader: VideoReader = {
    index,
    width: own.width,
    height: own.height,
    backend,
    rowsAt: (timesUs) => timesUs.map((t) => lastAtOrBefore(index.ptsUs, t)),
    frames(indices, size = {}) {
      const bad = indices.findIndex(
        (row, i) =>
          !Number.isInteger(row) || row < 0 || row >= numFrames || (i > 0 && row <= indices[i - 1]),
      );
      if (bad >= 0) {
        throw new DataConfigError(
          `${path}: frame ${indices[bad]} at place ${bad}; expected increasing frame numbers 0 … ${numFrames - 1}.`,
        );
      }
      const { signal } = size;
      return backend.decode(index, {
        indices,
        ...sized(size),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    async framesAt(timesUs, size = {}) {
      const rows = reader.rowsAt(timesUs);
      const early = rows.indexOf(-1);
      if (early >= 0) {
        throw new DataConfigError(
          `${path}: nothing is shown at ${timesUs[early]} us; the first frame is shown at ${index.ptsUs[0]} us. Ask for a later time.`,
        );
      }
      const wanted = [...new Set(rows)].sort((a, b) => a - b);
      const byRow = new Map<number, VideoFrame>();
      for await (const frame of reader.frames(wanted, size)) byRow.set(frame.index, frame);
      return rows.map((row) => byRow.get(row) as VideoFrame);
    },
  };
  return reader;
}

/** Writes pictures of one size as an H.264 mp4 (for clips with overlays). Returns the number of frames. */
export async function writeVideo(
  frames: Iterable<RgbImage> | AsyncIterable<RgbImage>,
  path: string,
  options: Parameters<VideoBackend["encode"]>[2],
): Promise<number> {
  return (await openVideoBackend()).encode(frames, path, options);
}
