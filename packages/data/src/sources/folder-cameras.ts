/** Cameras of a folder of videos: when each frame was taken, on the clock of the ego motion or of the cameras alone. */
import { basename } from "node:path";
import type { CameraStream } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { openVideo, type VideoReader } from "../video/open-video.ts";
import { readColumns, timesUsOf } from "./column-tables.ts";
import { type FolderCamera, type FolderManifest, unitUs } from "./folder-manifest.ts";
import type { ReadOptions } from "./source.ts";
import { mountOf } from "./topic-cameras.ts";
import { keptFrames, picturesOf, wantsCamera } from "./video-pictures.ts";

export interface OpenCamera {
  readonly name: string;
  readonly camera: FolderCamera;
  readonly video: VideoReader;
  /** One per frame: on the clock of the tables where `isTimed`, else from the video's own 0 plus the offset. */
  readonly stampsUs: Float64Array;
  readonly isTimed: boolean;
  readonly notes: readonly string[];
}

async function openCamera(
  name: string,
  camera: FolderCamera,
  manifest: FolderManifest,
  options: ReadOptions,
): Promise<OpenCamera> {
  const path = camera.video;
  const times =
    camera.timestamps === undefined
      ? null
      : timesUsOf(
          await readColumns(camera.timestamps),
          manifest.time === undefined ? {} : { unitUs: unitUs[manifest.time] },
        );
  const rawFps = camera.fps ?? (times === null ? undefined : 10);
  const video = await openVideo(path, rawFps === undefined ? {} : { rawFps });
  const numFrames = video.index.ptsUs.length;
  const notes: string[] = [];
  if (times !== null && times.length !== numFrames) {
    const what = `${numFrames} frames and ${times.length} times in ${basename(camera.timestamps ?? "")}`;
    if (options.includeInvalid !== true) {
      throw new FormatError(
        "value",
        { path },
        `has ${what}; expected as many: which frame belongs to which time is not known. Repair the times, or import with invalid recordings included.`,
      );
    }
    notes.push(`${name}: ${what}; the first ones are taken to belong together.`);
  }
  const offsetUs = Math.round(camera.offsetSecs * 1e6);
  return {
    name,
    camera,
    video,
    stampsUs:
      times?.subarray(0, Math.min(numFrames, times.length)) ??
      video.index.ptsUs.map((t) => t + offsetUs),
    isTimed: times !== null,
    notes,
  };
}

export async function openCameras(
  manifest: FolderManifest,
  options: ReadOptions,
): Promise<OpenCamera[]> {
  const opened: OpenCamera[] = [];
  for (const [name, camera] of manifest.cameras) {
    if (wantsCamera(name, options)) opened.push(await openCamera(name, camera, manifest, options));
  }
  return opened;
}

/** Times of the drive: `startUs` is its 0 on the clock of the tables, `untimedUs` that of videos without one. */
export interface DriveClock {
  readonly startUs: number;
  readonly untimedUs: number;
  readonly durationUs: number;
}

/** Without ego motion the first picture is time 0 and the last one ends the drive. */
export function clockOfCameras(opened: readonly OpenCamera[]): DriveClock {
  const least = (cameras: readonly OpenCamera[]) =>
    Math.min(...cameras.map((c) => c.stampsUs[0] ?? 0));
  const timed = opened.filter((c) => c.isTimed);
  const clock = {
    startUs: timed.length > 0 ? least(timed) : 0,
    // Beside timed cameras a video without times begins where they do.
    untimedUs: timed.length > 0 ? 0 : least(opened),
  };
  const lastUs = opened.map((c) => stampsOn(c, clock).at(-1) ?? 0);
  return { ...clock, durationUs: Math.max(0, ...lastUs) };
}

const stampsOn = (
  { stampsUs, isTimed }: OpenCamera,
  { startUs, untimedUs }: Pick<DriveClock, "startUs" | "untimedUs">,
): Float64Array => stampsUs.map((t) => t - (isTimed ? startUs : untimedUs));

/** @param zero what time 0 is, for people: "the first pose" */
export async function readCamera(
  opened: OpenCamera,
  clock: DriveClock,
  zero: string,
  options: ReadOptions,
): Promise<{ readonly stream: CameraStream; readonly notes: readonly string[] }> {
  const { name, camera, video } = opened;
  const stamps = stampsOn(opened, clock);
  const kept = keptFrames(stamps, { fromUs: 0, toUs: clock.durationUs }, options);
  if (kept.length === 0) {
    throw new FormatError(
      "value",
      { path: camera.video },
      `none of ${stamps.length} frames is within the drive: they are shown from ${(stamps[0] * 1e-6).toFixed(3)} s to ${(stamps[stamps.length - 1] * 1e-6).toFixed(3)} s after ${zero}, and it lasts ${(clock.durationUs * 1e-6).toFixed(3)} s. Check the clocks and units of the tables.`,
    );
  }
  const frames = await picturesOf(video, stamps, kept, options);
  const notes = [
    ...opened.notes,
    opened.isTimed
      ? `${name}: frames at the times of ${basename(camera.timestamps ?? "")}.`
      : `${name}: frames at the presentation times of the file, ${camera.offsetSecs} s after ${zero}.`,
  ];
  if (camera.pinhole === undefined) return { stream: { name, calibration: null, frames }, notes };
  const { mount, ...lens } = camera.pinhole;
  const calibration = { model: "pinhole" as const, ...lens, rigFromCamera: mountOf(mount) };
  return { stream: { name, calibration, frames }, notes };
}
