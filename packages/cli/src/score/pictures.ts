/** Frames of a picture, a video or a folder of pictures, one at a time: memory does not grow with their number. */
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { Raster } from "@causeway/eval/image";
import { UserError } from "../errors.ts";
import { kindOfFile } from "../reason/jobs.ts";

export interface FrameOptions {
  /** At most this many, evenly spaced; neighbours in time where `isDense`. */
  readonly maxFrames: number;
  /** Take neighbouring frames from the beginning instead of evenly spaced ones. */
  readonly isDense: boolean;
  /** Both are needed; null keeps the size. */
  readonly size: { readonly width: number; readonly height: number } | null;
}

const chosen = (count: number, { maxFrames, isDense }: FrameOptions): number[] => {
  const n = Math.min(count, maxFrames);
  if (isDense || n === count) return Array.from({ length: n }, (_, i) => i);
  return [
    ...new Set(
      Array.from({ length: n }, (_, i) => Math.round((i * (count - 1)) / Math.max(1, n - 1))),
    ),
  ];
};

/** A picture as raw values: 16 bits stay 16 bits (depth, labels), others are bytes. Alpha is dropped. */
export async function readPicture(path: string, size: FrameOptions["size"]): Promise<Raster> {
  const { default: sharp } = await import("sharp");
  try {
    let picture = sharp(path, { limitInputPixels: 2 ** 28 }).removeAlpha();
    const { depth, channels: inFile } = await sharp(path).metadata();
    if (size !== null) picture = picture.resize(size.width, size.height, { fit: "fill" });
    const isWide = depth === "ushort";
    if (inFile <= 2) picture = picture.toColourspace(isWide ? "grey16" : "b-w");
    const { data, info } = await picture
      .raw({ depth: isWide ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const values = isWide
      ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
      : new Uint8Array(data);
    return { width: info.width, height: info.height, channels: info.channels, data: values };
  } catch (cause) {
    throw new UserError("MEDIA", `no readable picture: ${(cause as Error).message} (${path})`, {
      cause,
    });
  }
}

const isPicture = (name: string): boolean => /\.(png|jpe?g|webp|tiff?)$/i.test(name);

async function picturesIn(folder: string): Promise<string[]> {
  return (await readdir(folder))
    .filter(isPicture)
    .sort()
    .map((name) => join(folder, name));
}

export async function* framesOfFile(
  path: string,
  options: FrameOptions,
): AsyncGenerator<Raster, void, void> {
  const info = await stat(path);
  if (info.isDirectory()) {
    const files = await picturesIn(path);
    for (const i of chosen(files.length, options))
      yield readPicture(files[i] as string, options.size);
    return;
  }
  if (kindOfFile(path) !== "video") {
    yield await readPicture(path, options.size);
    return;
  }
  const { openVideo } = await import("@causeway/data");
  const video = await openVideo(path);
  const wanted = chosen(video.index.ptsUs.length, options);
  for await (const { image } of video.frames(wanted, options.size ?? {}))
    yield { width: image.width, height: image.height, channels: 3, data: image.pixels };
}

/** Names without extension, to the file or folder of frames. Two files of one name are an error. */
export async function mediaIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const info = await stat(folder);
  if (!info.isDirectory()) return new Map([[stemOf(folder), folder]]);
  const found = new Map<string, string>();
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    const isMedia = entry.isDirectory()
      ? (await picturesIn(path)).length > 0
      : isPicture(entry.name) || kindOfFile(path) === "video";
    if (!isMedia || entry.name.startsWith(".")) continue;
    const name = stemOf(entry.name);
    const other = found.get(name);
    if (other !== undefined)
      throw new UserError(
        "INPUT",
        `"${basename(other)}" and "${entry.name}" have one name; expected one file per name (${folder})`,
      );
    found.set(name, path);
  }
  return found;
}

const stemOf = (path: string): string => basename(path, extname(path));
