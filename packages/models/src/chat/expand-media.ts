/**
 * Puts as many placeholder ids into a rendered prompt as its pictures and videos have visual tokens.
 *
 * A picture's `<|image_pad|>` becomes one id per merged patch. For a video the released layout (transformers 4.57, vLLM)
 * replaces the whole `<|vision_start|><|video_pad|><|vision_end|>` by one run per frame pair, each with its time before
 * it: `<0.8 seconds><|vision_start|>…<|vision_end|>`. Transformers 5 replaces only the pad and so keeps the outer pair
 * ("wrapped"); the ids differ, and so do the answers.
 */
import { ConfigError } from "../errors.ts";
import type { Grid } from "../qwen3vl/positions.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { timestampText } from "../vision/sample-frames.ts";

export interface MediaTokens {
  readonly grid: Grid;
  readonly timesSecs: readonly number[];
}

export type VideoLayout = "per-frame" | "wrapped";

const imagePad = "<|image_pad|>";
const videoPad = "<|video_pad|>";
const start = "<|vision_start|>";
const end = "<|vision_end|>";

export function expandMedia(
  text: string,
  tokenizer: Tokenizer,
  media: {
    readonly images: readonly MediaTokens[];
    readonly videos: readonly MediaTokens[];
    readonly spatialMergeSize: number;
    readonly videoLayout?: VideoLayout;
  },
): number[] {
  const merge = media.spatialMergeSize ** 2;
  const perFrame = (media.videoLayout ?? "per-frame") === "per-frame";
  const place = perFrame ? `${start}${videoPad}${end}` : videoPad;
  const ids: number[] = [];
  const words = (part: string) => ids.push(...tokenizer.encode(part));
  const run = (token: string, count: number) => {
    const id = tokenizer.id(token);
    for (let i = 0; i < count; i++) ids.push(id);
  };
  const images = [...media.images];
  const videos = [...media.videos];
  const counts = {
    image: text.split(imagePad).length - 1,
    video: text.split(videoPad).length - 1,
  };
  for (const [kind, given] of [
    ["image", images.length],
    ["video", videos.length],
  ] as const) {
    if (counts[kind] !== given) {
      throw new ConfigError(
        `prompt: the text has ${counts[kind]} ${kind} placeholders for ${given} ${kind}s; do not write placeholders into the words of a message`,
      );
    }
  }
  let from = 0;
  while (from < text.length) {
    const image = text.indexOf(imagePad, from);
    const video = text.indexOf(place, from);
    const isImage = image >= 0 && (video < 0 || image < video);
    const at = isImage ? image : video;
    if (at < 0) break;
    if (isImage) {
      words(text.slice(from, at));
      const [t, h, w] = (images.shift() as MediaTokens).grid;
      run(imagePad, (t * h * w) / merge);
      from = at + imagePad.length;
    } else {
      const { grid, timesSecs } = videos.shift() as MediaTokens;
      const [t, h, w] = grid;
      if (timesSecs.length !== t) {
        throw new ConfigError(`prompt: a video of ${t} frame pairs has ${timesSecs.length} times`);
      }
      // Words before a video and its first time are one stretch for the tokenizer.
      let pending = text.slice(from, at);
      for (const timeSecs of timesSecs) {
        words(pending + timestampText(timeSecs));
        run(start, 1);
        run(videoPad, (h * w) / merge);
        run(end, 1);
        pending = "";
      }
      from = at + place.length;
    }
  }
  words(text.slice(from));
  if (videos.length > 0) {
    throw new ConfigError(
      `prompt: ${videos.length} video placeholders do not stand between ${start} and ${end}`,
    );
  }
  return ids;
}
