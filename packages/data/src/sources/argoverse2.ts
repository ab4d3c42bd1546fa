/**
 * Argoverse 2 sensor logs: poses at the union of all sensor times, boxes in the ego frame of their own time, a vector map,
 * and, in the full data set, pictures.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { checkMotion, driveIdFrom, motionGaps } from "../check-drive.ts";
import type { Drive } from "../drive.ts";
import { readBoxes } from "./argoverse2-boxes.ts";
import { importedCameras, listPictures, readCameras } from "./argoverse2-cameras.ts";
import { readArgoverse2Map } from "./argoverse2-map.ts";
import { axleHeightM, groundAt, motionOf, type Origin, readPoses } from "./argoverse2-poses.ts";
import { type DriveRef, type DriveSource, gapLimitUs } from "./source.ts";

export const argoverse2Licence = "CC BY-NC-SA 4.0";
const posesFile = "city_SE3_egovehicle.feather";
/** The recording car; size as the logs that list the ego give it, the axle's place assumed. */
export const argoverse2EgoSize = {
  lengthM: 4.877,
  widthM: 2,
  heightM: 1.473,
  rearAxleToCenterM: 1.4,
} as const;

async function logFiles(folder: string) {
  const names = await readdir(folder);
  const boxes = ["annotations.feather", "annotations_with_ego.feather"].find((n) =>
    names.includes(n),
  );
  const maps = names.includes("map") ? await readdir(join(folder, "map")) : [];
  const map = maps.find((n) => n.startsWith("log_map_archive_") && n.endsWith(".json"));
  return {
    poses: join(folder, posesFile),
    boxes: boxes === undefined ? null : join(folder, boxes),
    map: map === undefined ? null : join(folder, "map", map),
  };
}

/** Walks folders for one that `isRecording` accepts by its file names. */
export async function* findFolders(
  path: string,
  isRecording: (names: readonly string[]) => boolean,
): AsyncGenerator<string> {
  if (!(await stat(path)).isDirectory()) return;
  const entries = await readdir(path, { withFileTypes: true });
  if (isRecording(entries.map((e) => e.name))) {
    yield path;
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isDirectory()) yield* findFolders(join(path, entry.name), isRecording);
  }
}

export const argoverse2Source: DriveSource = {
  format: "argoverse2",
  aliases: ["av2", "argoverse2-sensor"],
  version: 1,

  async recognizes(path) {
    for await (const _ of findFolders(path, (names) => names.includes(posesFile))) return true;
    return false;
  },

  async *list(path) {
    for await (const folder of findFolders(path, (names) => names.includes(posesFile))) {
      const { poses, boxes, map } = await logFiles(folder);
      const pictures = await Promise.all(importedCameras.map((c) => listPictures(folder, c)));
      const ref: DriveRef = {
        format: argoverse2Source.format,
        id: driveIdFrom("argoverse2", basename(folder)),
        path: folder,
        files: [
          ...[poses, boxes, map].filter((f) => f !== null),
          ...pictures.flat().map((p) => p.file),
        ],
      };
      yield ref;
    }
  },

  async read(ref): Promise<Drive> {
    const files = await logFiles(ref.path);
    const poses = await readPoses(files.poses);
    const start = groundAt(poses, 0).p;
    const origin: Origin = { x: start[0], y: start[1], z: start[2] };
    const motion = motionOf(poses, origin);
    checkMotion(motion, { path: files.poses });
    const boxes = files.boxes === null ? null : await readBoxes(files.boxes, poses, origin);
    const map = files.map === null ? null : await readArgoverse2Map(files.map, origin);
    const cameras = await readCameras(ref.path, poses);
    const gaps = motionGaps(motion, gapLimitUs);
    return {
      id: ref.id,
      source: {
        format: argoverse2Source.format,
        licence: argoverse2Licence,
        scenario: null,
        seed: null,
        notes: [
          `World: the city frame moved by (${origin.x.toFixed(3)}, ${origin.y.toFixed(3)}, ${origin.z.toFixed(3)}) m, not rotated.`,
          `${poses.numDropped} poses less than 1 ms after the one before dropped; the rest is interpolated linearly to 50 Hz. Velocity is the difference over 0.1 s.`,
          `Rig on the road: the ego frame of the log is ${axleHeightM} m above it.`,
          ...(boxes?.notes ?? ["No boxes in the log."]),
          ...(map?.notes ?? ["No map in the log."]),
          cameras.length > 0
            ? "Lens distortion (k1, k2, k3) is left out of the calibration."
            : "No pictures in the log.",
          ...gaps.map(
            (g) =>
              `Gap of ${((g.toUs - g.fromUs) * 1e-6).toFixed(2)} s after ${(g.fromUs * 1e-6).toFixed(2)} s: no samples there.`,
          ),
        ],
      },
      durationUs: Math.round(poses.stampUs[poses.stampUs.length - 1]),
      egoMotion: motion,
      egoSize: argoverse2EgoSize,
      cameras,
      actors: boxes?.frames ?? null,
      lights: null,
      map: map?.map ?? null,
      route: null,
      decisions: null,
    };
  },
};
