/**
 * What a video decoder has to do for Causeway. Indexing is not its work: which frames a file has, and when each is shown,
 * comes from the container (video-index.ts), so every backend answers for the same frame numbers.
 */
import type { RgbImage } from "@causeway/geom";
import type { VideoIndex } from "./video-index.ts";

export interface DecodeRequest {
  /** Frames in presentation order, counted from 0; strictly increasing. */
  readonly indices: readonly number[];
  /** Size of the pictures; the video's own is `index.width` x `index.height`. */
  readonly width: number;
  readonly height: number;
  readonly signal?: AbortSignal;
}

export interface VideoFrame {
  /** Position in presentation order. */
  readonly index: number;
  /** Presentation time from the start of the file's timeline, integer microseconds. */
  readonly ptsUs: number;
  readonly image: RgbImage;
}

export interface EncodeOptions {
  readonly width: number;
  readonly height: number;
  /** Constant frame rate; the k-th frame is shown at k / fps. */
  readonly fps: number;
  /** Frames between key frames; default 15, so that a single frame is found fast. */
  readonly gop?: number;
  /** x264's constant rate factor, 0 (lossless) … 51; default 20. */
  readonly crf?: number;
  readonly signal?: AbortSignal;
}

export interface VideoBackend {
  readonly name: "ffmpeg";
  /** Version text of the decoder, for run records. */
  readonly version: string;
  /** Size of the pictures as shown, by decoding the first one: for raw streams, whose index does not know it. */
  probeSize(path: string): Promise<{ readonly width: number; readonly height: number }>;
  /** The frames asked for, in order, one at a time. Throws a `FormatError` when the file gives fewer. */
  decode(index: VideoIndex, request: DecodeRequest): AsyncGenerator<VideoFrame, void, void>;
  /** Writes an H.264 mp4 without B-frames, whole or not at all. Returns the number of frames. */
  encode(
    frames: Iterable<RgbImage> | AsyncIterable<RgbImage>,
    path: string,
    options: EncodeOptions,
  ): Promise<number>;
}
