/**
 * Small pictures of the items of a report, as `data:` addresses: the picture itself, or four frames of a video or of a
 * drive's front camera.
 */
import { kindOfFile } from "../reason/jobs.ts";

const width = 320;

/** @param atSecs Of a drive: the frame at this time instead of four over the whole. */
export async function picturesOf(path: string, atSecs: number | null = null): Promise<string[]> {
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
  if (kind === "drive") return driveFrames(path, atSecs);
  if (kind !== "video") return [];
  const { encodeJpeg, findVideoBackend, openVideo } = await import("@causeway/data");
  if ((await findVideoBackend()) === null) return [];
  const video = await openVideo(path);
  const wanted = spread(video.index.ptsUs.length);
  const out: string[] = [];
  for await (const frame of video.frames(wanted, { width: Math.round(width / 2) }))
    out.push(address(Buffer.from(await encodeJpeg(frame.image, 72))));
  return out;
}

/** Four places within `count`, ends left out. */
const spread = (count: number): number[] => [
  ...new Set([0.1, 0.35, 0.65, 0.9].map((t) => Math.round(t * (count - 1)))),
];

async function driveFrames(path: string, atSecs: number | null): Promise<string[]> {
  const { cameraFor, openDrive } = await import("@causeway/data");
  const { default: sharp } = await import("sharp");
  const drive = await openDrive(path);
  try {
    const front = cameraFor(drive, null);
    const camera = drive.cameras.find((c) => c.name === front);
    if (camera === undefined || camera.stampsUs.length === 0) return [];
    const stamps = [...camera.stampsUs];
    const atUs = (stamps[0] as number) + (atSecs ?? 0) * 1e6;
    const nearest = stamps.findLastIndex((t) => t <= atUs);
    const frames = await drive.frames(
      camera.name,
      atSecs === null ? spread(stamps.length) : [Math.max(0, nearest)],
    );
    return await Promise.all(
      frames.map(async ({ bytes }) => {
        // Simulated pictures are small; nothing is enlarged.
        const jpeg = await sharp(bytes)
          .resize({ width, withoutEnlargement: true })
          .jpeg({ quality: 72 })
          .toBuffer();
        return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
      }),
    );
  } finally {
    await drive.close();
  }
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
