/** Recorded drives of the privileged expert: what a dataset is made of. */
import type { CameraFrame, CameraStream, Drive } from "@causeway/data";
import type { RgbImage } from "@causeway/geom";
import sharp from "sharp";
import { type DriveOptions, DriveRecorder, type SimulatedDrive, tickUs } from "./recorder.ts";

/** Runs the expert through a scene and records everything, pictures as raw RGB. Deterministic in its options. */
export function simulateDrive(options: DriveOptions): SimulatedDrive {
  const recorder = new DriveRecorder(options);
  while (!recorder.isDone) {
    recorder.sense();
    recorder.advance(null);
  }
  return recorder.finish();
}

/** As `simulateDrive`, with JPEG pictures. */
export const generateDrive = (options: DriveOptions): Promise<Drive> =>
  withPictures(simulateDrive(options), options.jpegQuality);

/** A drive with its pictures as JPEG. */
export async function withPictures(
  { drive, images }: SimulatedDrive,
  quality = defaultJpegQuality,
): Promise<Drive> {
  const cameras: CameraStream[] = [];
  for (const stream of drive.cameras) {
    const raw = images.get(stream.name) ?? [];
    const frames: CameraFrame[] = [];
    // A few at a time: libvips has its own threads, and the order must not depend on them.
    for (let i = 0; i < raw.length; i += encodeBatch) {
      const part = raw.slice(i, i + encodeBatch);
      const encoded = await Promise.all(part.map((image) => encodeJpeg(image, quality)));
      encoded.forEach((bytes, j) => {
        frames.push({ stampUs: (i + j) * tickUs, encoding: "jpeg", bytes });
      });
    }
    cameras.push({ ...stream, frames });
  }
  return { ...drive, cameras };
}

const encodeBatch = 16;
const defaultJpegQuality = 90;

async function encodeJpeg(image: RgbImage, quality: number): Promise<Uint8Array> {
  const buffer = await sharp(image.pixels, {
    raw: { width: image.width, height: image.height, channels: 3 },
  })
    .jpeg({ quality, chromaSubsampling: "4:4:4" })
    .toBuffer();
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
