/** Samples: which times of a drive have one, and one sample. Nothing is padded or extrapolated. */
import { futureAt, historyAt, lastAtOrBefore, type RgbImage } from "@causeway/geom";
import type { Drive, RouteStep, Takeover } from "../drive.ts";
import { cameraOf, type DriveHandle, handleOfDrive } from "../drive-handle.ts";
import { DataConfigError, SampleError } from "../errors.ts";
import { decodeImage } from "../image.ts";
import { framesPerCamera, futureCount, historyCount, type ModelSample, stepUs } from "../sample.ts";

/** Poses further apart than this are a gap, and no window spans one. */
export const maxPoseGapUs = 250_000;

export interface SampleWindowOptions {
  /** Cameras that the sample needs; default: all of the drive. */
  readonly cameras?: readonly string[];
  /** A frame must be younger than this at the time that it stands for; default one step. */
  readonly frameToleranceUs?: number;
}

export interface SampleOptions extends SampleWindowOptions {
  /** Size of the pictures. */
  readonly width: number;
  readonly height: number;
}

export const sampleIdOf = (driveId: string, t0Us: number) => `${driveId}@${t0Us}`;

const asHandle = (drive: Drive | DriveHandle): DriveHandle =>
  "has" in drive ? drive : handleOfDrive(drive);

function cameraNames(handle: DriveHandle, options: SampleWindowOptions): readonly string[] {
  for (const name of options.cameras ?? []) cameraOf(handle, name);
  return options.cameras ?? handle.cameras.map((c) => c.name);
}

/** Positions of the 4 frames of a camera, oldest first: each the last at or before its time. */
export function frameRowsAt(
  handle: DriveHandle,
  camera: string,
  t0Us: number,
  options: SampleWindowOptions = {},
): number[] {
  const { stampsUs } = cameraOf(handle, camera);
  const tolerance = options.frameToleranceUs ?? stepUs;
  return Array.from({ length: framesPerCamera }, (_, k) => {
    const wantedUs = t0Us - (framesPerCamera - 1 - k) * stepUs;
    const row = lastAtOrBefore(stampsUs, wantedUs);
    if (row < 0 || wantedUs - stampsUs[row] >= tolerance) {
      const last =
        row < 0 ? "none before it" : `the last one is ${wantedUs - stampsUs[row]} us older`;
      throw new SampleError(
        "frame",
        handle.id,
        t0Us,
        `camera ${camera} has no frame for ${wantedUs} us (${last}); expected one less than ${tolerance} us old. Choose another t0 or leave the camera out.`,
      );
    }
    return row;
  });
}

function checkWindow(handle: DriveHandle, t0Us: number): void {
  if (!handle.has.motion) {
    throw new SampleError(
      "motion",
      handle.id,
      t0Us,
      "the drive has no ego motion, so there is neither history nor future. Use its pictures and questions, or import it with its motion.",
    );
  }
  const { stampUs } = handle.egoMotion;
  const firstUs = stampUs[0];
  const lastUs = stampUs[stampUs.length - 1];
  const fromUs = t0Us - (historyCount - 1) * stepUs;
  const toUs = t0Us + futureCount * stepUs;
  if (!Number.isInteger(t0Us)) {
    throw new SampleError("grid", handle.id, t0Us, "t0 is no whole number of microseconds.");
  }
  const span = `the recording spans ${firstUs} … ${lastUs} us`;
  if (fromUs < firstUs) {
    throw new SampleError(
      "history",
      handle.id,
      t0Us,
      `the history begins at ${fromUs} us and ${span}. Choose t0 from ${firstUs + t0Us - fromUs} us on.`,
    );
  }
  if (toUs > lastUs) {
    throw new SampleError(
      "future",
      handle.id,
      t0Us,
      `the future ends at ${toUs} us and ${span}. Choose t0 up to ${lastUs - toUs + t0Us} us.`,
    );
  }
  const firstRow = lastAtOrBefore(stampUs, fromUs);
  for (let i = firstRow + 1; i < stampUs.length && stampUs[i - 1] < toUs; i++) {
    if (stampUs[i] - stampUs[i - 1] > maxPoseGapUs) {
      throw new SampleError(
        "gap",
        handle.id,
        t0Us,
        `poses are missing between ${stampUs[i - 1]} and ${stampUs[i]} us, inside the window ${fromUs} … ${toUs} us; expected steps up to ${maxPoseGapUs} us. Choose another t0.`,
      );
    }
  }
}

/** Throws a `SampleError` unless the drive has a sample at this time. */
export function requireSample(
  drive: Drive | DriveHandle,
  t0Us: number,
  options: SampleWindowOptions = {},
): void {
  const handle = asHandle(drive);
  checkWindow(handle, t0Us);
  for (const camera of cameraNames(handle, options)) frameRowsAt(handle, camera, t0Us, options);
}

export interface SampleGridOptions extends SampleWindowOptions {
  /** Every so many microseconds (a multiple of 0.1 s) from the first possible time; null: only key frames. */
  readonly strideUs: number | null;
  /** Times to add, e.g. key frames of labels; those without a sample are left out. */
  readonly keyframesUs?: readonly number[];
}

/** Times that have a sample, increasing, on the 10 Hz grid; none in a drive without motion. */
export function sampleGrid(drive: Drive | DriveHandle, options: SampleGridOptions): number[] {
  const handle = asHandle(drive);
  const { strideUs } = options;
  if (strideUs !== null && !(strideUs > 0 && strideUs % stepUs === 0)) {
    throw new DataConfigError(
      `sampleGrid: strideUs is ${strideUs}; expected a positive multiple of ${stepUs}.`,
    );
  }
  cameraNames(handle, options);
  if (!handle.has.motion) return [];
  const { stampUs } = handle.egoMotion;
  const wanted = new Set(options.keyframesUs ?? []);
  if (strideUs !== null) {
    const earliest = stampUs[0] + (historyCount - 1) * stepUs;
    const latest = stampUs[stampUs.length - 1] - futureCount * stepUs;
    for (let t = Math.ceil(earliest / stepUs) * stepUs; t <= latest; t += strideUs) wanted.add(t);
  }
  return [...wanted]
    .sort((a, b) => a - b)
    .filter((t0Us) => {
      try {
        requireSample(handle, t0Us, options);
        return true;
      } catch (error) {
        if (error instanceof SampleError) return false;
        throw error;
      }
    });
}

/** The route step that holds at a time: the last one at or before it. */
export function routeAt(route: readonly RouteStep[] | null, timeUs: number): RouteStep | null {
  let at: RouteStep | null = null;
  for (const step of route ?? []) {
    if (step.stampUs > timeUs) break;
    at = step;
  }
  return at;
}

/**
 * Everything of a sample but its pictures.
 *
 * @param takeovers  Of the drive. At the moment of one it is the future, not the log.
 */
export function sampleMotionAt(
  handle: DriveHandle,
  t0Us: number,
  takeovers: readonly Takeover[] | null,
): Omit<ModelSample, "cameras"> {
  checkWindow(handle, t0Us);
  const takeover = takeovers?.find((t) => t.stampUs === t0Us);
  return {
    id: sampleIdOf(handle.id, t0Us),
    driveId: handle.id,
    t0Us,
    history: historyAt(handle.egoMotion, t0Us, historyCount, stepUs),
    future: takeover?.path ?? futureAt(handle.egoMotion, t0Us, futureCount, stepUs),
    route: routeAt(handle.route, t0Us),
  };
}

/** One sample; reads and decodes its pictures. For many, use `openSampleLoader`. */
export async function sampleAt(
  drive: Drive | DriveHandle,
  t0Us: number,
  options: SampleOptions,
): Promise<ModelSample> {
  const handle = asHandle(drive);
  const motion = sampleMotionAt(handle, t0Us, await handle.takeovers());
  const cameras = new Map<string, readonly RgbImage[]>();
  for (const name of cameraNames(handle, options)) {
    const rows = frameRowsAt(handle, name, t0Us, options);
    const frames = await handle.frames(name, rows);
    cameras.set(
      name,
      await Promise.all(
        frames.map((frame) =>
          decodeImage(frame.bytes, {
            width: options.width,
            height: options.height,
            where: `${handle.path ?? handle.id} camera ${name} at ${frame.stampUs} us`,
          }),
        ),
      ),
    );
  }
  return { ...motion, cameras };
}
