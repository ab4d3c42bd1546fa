/** Labelled moments of a drive with their pictures as files: what the formats of text-and-picture trainers share. */
import { join } from "node:path";
import { SampleError } from "../errors.ts";
import { atomicWriteFile } from "../io/atomic.ts";
import { navText } from "../sample.ts";
import { frameRowsAt, routeAt, sampleIdOf } from "../sampling/sample-at.ts";
import type { ExportInput, ExportItem, ExportLabel, ExportOptions } from "./sink.ts";

export interface ExportPicture {
  readonly camera: string;
  /** 0 oldest … 3 at t0. */
  readonly k: number;
  readonly stampUs: number;
  readonly encoding: "jpeg" | "png";
  readonly bytes: Uint8Array;
}

export interface ExportSample {
  readonly id: string;
  readonly label: ExportLabel;
  readonly navText: string | null;
  /** By camera in the drive's order, oldest first. */
  readonly pictures: readonly ExportPicture[];
}

/** The labelled moments that have all their pictures; the others are skipped by name. */
export async function samplesOf(
  item: ExportItem,
  input: ExportInput,
  options: ExportOptions,
): Promise<ExportSample[]> {
  const { drive, labels } = item;
  const wanted = drive.cameras
    .map((c) => c.name)
    .filter((name) => options.cameras?.includes(name) ?? true);
  const samples: ExportSample[] = [];
  for (const label of labels) {
    try {
      const pictures: ExportPicture[] = [];
      for (const camera of wanted) {
        const rows = frameRowsAt(drive, camera, label.t0Us);
        (await drive.frames(camera, rows)).forEach((frame, k) =>
          pictures.push({ camera, k, ...frame }),
        );
      }
      samples.push({
        id: sampleIdOf(drive.id, label.t0Us),
        label,
        navText: navText(routeAt(drive.route, label.t0Us)),
        pictures,
      });
    } catch (error) {
      if (!(error instanceof SampleError)) throw error;
      const id = sampleIdOf(drive.id, label.t0Us);
      input.skip({ id, code: error.code, error: error.message });
    }
  }
  return samples;
}

export const extensionOf = (p: Pick<ExportPicture, "encoding">): string =>
  p.encoding === "jpeg" ? "jpg" : "png";

/** Writes a sample's pictures below `out`; returns their paths relative to it, with forward slashes. */
export async function writePictures(
  out: string,
  driveId: string,
  sample: ExportSample,
): Promise<string[]> {
  const paths: string[] = [];
  for (const picture of sample.pictures) {
    const name = `${sample.label.t0Us}_${picture.camera}_${picture.k}.${extensionOf(picture)}`;
    const path = `images/${driveId}/${name}`;
    await atomicWriteFile(join(out, path), picture.bytes);
    paths.push(path);
  }
  return paths;
}

/** The user's turn: the question, and where to go when the route says so. */
export function questionText(sample: ExportSample, options: ExportOptions): string {
  return sample.navText === null
    ? options.question
    : `${options.question} Route: ${sample.navText}.`;
}
