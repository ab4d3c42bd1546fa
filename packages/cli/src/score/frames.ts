/** Small pictures of the items of a report, as `data:` addresses: the picture itself, or four frames of a video. */
import { kindOfFile } from "../reason/jobs.ts";

const width = 320;

async function picturesOf(path: string): Promise<string[]> {
  const { default: sharp } = await import("sharp");
  const address = (jpeg: Buffer): string => `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  const kind = kindOfFile(path);
  if (kind === "image")
    return [
      address(
        await sharp(path)
          .rotate()
          .resize({ width, withoutEnlargement: true })
          .jpeg({ quality: 72 })
          .toBuffer(),
      ),
    ];
  if (kind !== "video") return [];
  const { encodeJpeg, findVideoBackend, openVideo } = await import("@causeway/data");
  if ((await findVideoBackend()) === null) return [];
  const video = await openVideo(path);
  const last = video.index.ptsUs.length - 1;
  const wanted = [...new Set([0.1, 0.35, 0.65, 0.9].map((t) => Math.round(t * last)))];
  const out: string[] = [];
  for await (const frame of video.frames(wanted, { width: Math.round(width / 2) }))
    out.push(address(Buffer.from(await encodeJpeg(frame.image, 72))));
  return out;
}

/** A picture that cannot be read is left out of the report; the item itself says what was wrong with it. */
export async function framesOf(
  items: readonly { readonly id: string; readonly media: readonly string[] }[],
  limit: number,
): Promise<{ readonly frames: ReadonlyMap<string, readonly string[]>; readonly missing: number }> {
  const frames = new Map<string, readonly string[]>();
  let missing = 0;
  for (const { id, media } of items.slice(0, limit)) {
    const pictures: string[] = [];
    for (const path of media.slice(0, 4)) {
      const found = await picturesOf(path).catch(() => []);
      if (found.length === 0) missing += 1;
      pictures.push(...found);
    }
    frames.set(id, pictures);
  }
  return { frames, missing };
}
