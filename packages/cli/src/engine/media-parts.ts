/** Pictures and videos of a chat request as levels. */
import type { RgbImage } from "@causeway/geom";
import { decodeImage } from "@causeway/models";
import { ChatError, type ChatPart } from "@causeway/reason";

/** Frames with their times in the clip, oldest first. */
export interface ClipFrames {
  readonly frames: readonly RgbImage[];
  readonly timesSecs: readonly number[];
}

/** Decodes a video file to frames; null leaves the choice to the reader. */
export type ReadVideo = (
  bytes: Uint8Array,
  request: {
    readonly mime: string;
    readonly fps: number | null;
    readonly maxFrames: number | null;
    /** Only the end of the video, seconds. */
    readonly tailSecs: number | null;
  },
) => Promise<ClipFrames>;

/** How a model looks at a video when the request does not say. */
export interface VideoDefaults {
  readonly fps: number | null;
  readonly tailSecs: number | null;
}

const wholeVideo: VideoDefaults = { fps: null, tailSecs: null };

export type Media =
  | { readonly type: "image"; readonly image: RgbImage }
  | ({ readonly type: "video" } & ClipFrames);

/** Most frames of one clip; the models' own limit. */
const maxFrames = 768;

/** One part of a message; text gives null. */
export async function mediaOf(
  part: ChatPart,
  readVideo: ReadVideo | null,
  defaults: VideoDefaults = wholeVideo,
): Promise<Media | null> {
  switch (part.type) {
    case "text":
      return null;
    case "image":
      return { type: "image", image: await decodeImage(part.bytes) };
    case "frames": {
      if (part.frames.length !== part.timesSecs.length || part.frames.length === 0)
        throw new ChatError(
          "bad-request",
          `frames: ${part.frames.length} frames with ${part.timesSecs.length} times; expected as many, and at least one`,
        );
      if (part.frames.length > maxFrames)
        throw new ChatError(
          "context-length",
          `frames: ${part.frames.length} frames; at most ${maxFrames} are looked at. Sample fewer`,
        );
      const frames: RgbImage[] = [];
      for (const [i, frame] of part.frames.entries())
        frames.push(await decodeImage(frame.bytes, `frame ${i}`));
      return { type: "video", frames, timesSecs: part.timesSecs };
    }
    case "video": {
      if (readVideo === null)
        throw new ChatError(
          "bad-request",
          `video: a ${part.mime} file needs a video decoder, and none was given. Send frames instead`,
        );
      const clip = await readVideo(part.bytes, {
        mime: part.mime,
        fps: part.fps ?? defaults.fps,
        maxFrames: part.maxFrames ?? null,
        tailSecs: defaults.tailSecs,
      });
      return { type: "video", ...clip };
    }
  }
}
