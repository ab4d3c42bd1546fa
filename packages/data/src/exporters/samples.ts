/** Labelled moments of a drive with their pictures as files: what the formats of text-and-picture trainers share. */
import { join } from "node:path";
import { lastAtOrBefore } from "@causeway/geom";
import type { CameraFrame, QuestionFrame } from "../drive.ts";
import { cameraOf, type DriveHandle } from "../drive-handle.ts";
import { SampleError } from "../errors.ts";
import { atomicWriteFile } from "../io/atomic.ts";
import { framesPerCamera, navText, questionIdOf, stepUs } from "../sample.ts";
import { frameRowsAt, routeAt, sampleIdOf } from "../sampling/sample-at.ts";
import type { ExportInput, ExportItem, ExportLabel, ExportOptions } from "./sink.ts";

export interface ExportPicture {
  readonly camera: string;
  /** Moment of the sample that it belongs to. */
  readonly t0Us: number;
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

/** One exchange to learn: what is shown and asked, and what to answer. */
export interface ExportTurn {
  readonly id: string;
  readonly system: string;
  /** The user's turn: pictures, with their names before them where the question needs that, then the question. */
  readonly user: readonly (string | ExportPicture)[];
  readonly assistant: string;
}

export const picturesOf = ({ user }: ExportTurn): ExportPicture[] =>
  user.filter((part) => typeof part !== "string");

/** What is asked of a labelled moment, and where to go when the route says so. */
export function questionText(sample: ExportSample, options: ExportOptions): string {
  return sample.navText === null
    ? options.question
    : `${options.question} Route: ${sample.navText}.`;
}

const wantedCameras = (drive: DriveHandle, options: ExportOptions): string[] =>
  drive.cameras.map((c) => c.name).filter((name) => options.cameras?.includes(name) ?? true);

/** The labelled moments that have all their pictures; the others are skipped by name. */
export async function samplesOf(
  item: ExportItem,
  input: ExportInput,
  options: ExportOptions,
): Promise<ExportSample[]> {
  const { drive, labels } = item;
  const samples: ExportSample[] = [];
  for (const label of labels) {
    const { t0Us } = label;
    const id = sampleIdOf(drive.id, t0Us);
    try {
      const pictures: ExportPicture[] = [];
      for (const camera of wantedCameras(drive, options)) {
        const rows = frameRowsAt(drive, camera, t0Us);
        (await drive.frames(camera, rows)).forEach((frame, k) =>
          pictures.push({ camera, t0Us, k, ...frame }),
        );
      }
      samples.push({ id, label, navText: navText(routeAt(drive.route, t0Us)), pictures });
    } catch (error) {
      if (!(error instanceof SampleError)) throw error;
      input.skip({ id, code: error.code, error: error.message });
    }
  }
  return samples;
}

/** The last picture of each camera at a question's moment, where there is one less than a step old. */
async function picturesAt(
  drive: DriveHandle,
  { stampUs: t0Us }: QuestionFrame,
  options: ExportOptions,
): Promise<ExportPicture[]> {
  const pictures: ExportPicture[] = [];
  for (const camera of wantedCameras(drive, options)) {
    const { stampsUs } = cameraOf(drive, camera);
    const row = lastAtOrBefore(stampsUs, t0Us);
    if (row < 0 || t0Us - stampsUs[row] >= stepUs) continue;
    const [frame] = (await drive.frames(camera, [row])) as [CameraFrame];
    pictures.push({ camera, t0Us, k: framesPerCamera - 1, ...frame });
  }
  return pictures;
}

/** Cameras that a text names in `<id,camera,x,y>`. */
const camerasIn = (text: string): string[] =>
  [...text.matchAll(/<[^<>,]+,([^<>,]+),[^<>,]+,[^<>,]+>/g)].map((m) => m[1]);

/** Labelled moments: 4 pictures a camera, then the question of the options. */
export async function labelTurns(
  item: ExportItem,
  input: ExportInput,
  options: ExportOptions,
): Promise<ExportTurn[]> {
  const samples = await samplesOf(item, input, options);
  return samples.map((sample) => ({
    id: sample.id,
    system: options.systemPrompt,
    user: [...sample.pictures, questionText(sample, options)],
    assistant: sample.label.trace,
  }));
}

/** Questions that came with the recording; one that names a camera without a picture is skipped by name. */
export async function questionTurns(
  { drive }: ExportItem,
  input: ExportInput,
  options: ExportOptions,
): Promise<ExportTurn[]> {
  const turns: ExportTurn[] = [];
  for (const frame of (await drive.questions()) ?? []) {
    const pictures = await picturesAt(drive, frame, options);
    const shown = new Set(pictures.map((p) => p.camera));
    for (const [i, { kind, question, answer }] of frame.questions.entries()) {
      const id = questionIdOf(drive.id, frame.stampUs, kind, i);
      const hidden = camerasIn(`${question} ${answer}`).find((camera) => !shown.has(camera));
      if (hidden !== undefined || pictures.length === 0) {
        const what = hidden === undefined ? "no camera" : `camera ${hidden}, which it names,`;
        const error = `${id}: ${what} has no picture at ${frame.stampUs} us in this export; expected one less than ${stepUs} us old. Export that camera too, or leave the question out.`;
        input.skip({ id, code: "frame", error });
        continue;
      }
      turns.push({
        id,
        system: options.questionSystemPrompt,
        // The texts name cameras, so the pictures are named.
        user: [...pictures.flatMap((p) => [`${p.camera}: `, p]), question],
        assistant: answer,
      });
    }
  }
  return turns;
}

export const extensionOf = (p: Pick<ExportPicture, "encoding">): string =>
  p.encoding === "jpeg" ? "jpg" : "png";

/** Path of a picture in an export, with forward slashes; samples of one moment share it. */
export const picturePath = (driveId: string, p: ExportPicture): string =>
  `images/${driveId}/${p.t0Us}_${p.camera}_${p.k}.${extensionOf(p)}`;

/** Writes pictures below `out`, each once; returns their paths relative to it. */
export async function writePictures(
  out: string,
  driveId: string,
  pictures: readonly ExportPicture[],
): Promise<string[]> {
  const paths = new Set<string>();
  for (const picture of pictures) {
    const path = picturePath(driveId, picture);
    if (paths.has(path)) continue;
    paths.add(path);
    await atomicWriteFile(join(out, path), picture.bytes);
  }
  return [...paths];
}
