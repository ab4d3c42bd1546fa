/**
 * A folder of videos and a table of ego motion, with conventional names or a small manifest (`recording.yaml`).
 *
 * The table's world must be right-handed with z up; its origin is moved to the first pose and time 0 is the first row. A
 * frame is shown at its time in the camera's table of times, or else at its presentation time in the file, counted from the
 * first row. H.264, HEVC and what else the decoder knows.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { composeSe3, type EgoMotion, quatFromYaw, se3From } from "@causeway/geom";
import { checkMotion, driveIdFrom, motionGaps } from "../check-drive.ts";
import type { CameraStream, Drive } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { newMotion } from "../motion-columns.ts";
import { openVideo } from "../video/open-video.ts";
import { type ColumnTable, readColumns, timesUsOf } from "./column-tables.ts";
import {
  type FolderCamera,
  type FolderManifest,
  isRecordingFolder,
  manifestNames,
  readManifest,
  unitUs,
} from "./folder-manifest.ts";
import { localSlopes } from "./local-slope.ts";
import { type DriveRef, type DriveSource, gapLimitUs, type ReadOptions } from "./source.ts";
import { mountOf } from "./topic-cameras.ts";
import { noOffset, requireForward, se3OfOffset } from "./topic-ego.ts";
import { keptFrames, picturesOf, wantsCamera } from "./video-pictures.ts";

/** Slower than this the direction of travel says nothing about the heading. */
const minHeadingSpeedMps = 0.5;

interface EgoTable {
  readonly motion: EgoMotion;
  /** First time of the table on its own clock, microseconds. */
  readonly startUs: number;
  readonly notes: readonly string[];
}

const radians = (deg: number): number => (deg * Math.PI) / 180;

/** Heading along the path; held while the car stands, and the first one from where it begins to move. */
function headingsOf(vx: Float64Array, vy: Float64Array): Float64Array {
  const yaw = new Float64Array(vx.length);
  let last: number | null = null;
  let first = -1;
  for (let i = 0; i < yaw.length; i++) {
    if (Math.hypot(vx[i], vy[i]) >= minHeadingSpeedMps) {
      last = Math.atan2(vy[i], vx[i]);
      if (first < 0) first = i;
    }
    yaw[i] = last ?? 0;
  }
  if (first > 0) yaw.fill(yaw[first], 0, first);
  return yaw;
}

async function readEgo(manifest: FolderManifest): Promise<EgoTable> {
  const path = manifest.ego;
  const rows = await readColumns(path);
  const { columns } = manifest;
  const named = (name: string) => columns[name] ?? name;
  const has = (...names: string[]) => names.every((n) => rows.names.includes(named(n)));
  const column = (name: string) => rows.numbers(named(name));
  if (!has("x", "y")) {
    throw new FormatError(
      "missing",
      { path, row: 1 },
      `no columns x and y; it has ${rows.names.join(", ") || "none"}. Rename them, or say "columns: { x: …, y: … }" in recording.yaml.`,
    );
  }
  const times = timesUsOf(rows, timeChoice(manifest, "t"));
  const startUs = times[0] ?? 0;
  const stampUs = times.map((t) => t - startUs);
  const n = stampUs.length;
  const [x, y] = [column("x"), column("y")];
  const z = has("z") ? column("z") : new Float64Array(n);
  const notes: string[] = [];
  const slopes = {
    x: localSlopes(stampUs, x),
    y: localSlopes(stampUs, y),
    z: localSlopes(stampUs, z),
  };
  let yaw: Float64Array;
  if (has("yaw")) yaw = column("yaw");
  else if (has("yaw_deg")) yaw = column("yaw_deg").map(radians);
  else yaw = headingsOf(slopes.x, slopes.y);
  const isTurned = has("qw", "qx", "qy", "qz");
  const quats = isTurned ? ["qw", "qx", "qy", "qz"].map(column) : null;
  if (quats === null && !has("yaw") && !has("yaw_deg")) {
    notes.push(
      "No heading in the table: it is the direction of travel, held while the car stands.",
    );
  }
  const shift = se3OfOffset(manifest.rig ?? noOffset);
  const motion = newMotion(stampUs);
  let origin = { x: 0, y: 0, z: 0 };
  for (let i = 0; i < n; i++) {
    const q =
      quats === null
        ? quatFromYaw(yaw[i])
        : { w: quats[0][i], x: quats[1][i], y: quats[2][i], z: quats[3][i] };
    const p = composeSe3(se3From(x[i], y[i], z[i], q), shift);
    if (i === 0) origin = { x: p.x, y: p.y, z: p.z };
    motion.x[i] = p.x - origin.x;
    motion.y[i] = p.y - origin.y;
    motion.z[i] = p.z - origin.z;
    motion.qw[i] = p.qw;
    motion.qx[i] = p.qx;
    motion.qy[i] = p.qy;
    motion.qz[i] = p.qz;
  }
  setVelocity(motion, rows, { has, column }, manifest, notes);
  return { motion, startUs, notes };
}

function timeChoice(manifest: FolderManifest, name: string) {
  const column = manifest.columns[name];
  return {
    ...(column === undefined ? {} : { column }),
    ...(manifest.time === undefined ? {} : { unitUs: unitUs[manifest.time] }),
  };
}

/** From vx, vy (world), from speed along the heading, or from the positions. */
function setVelocity(
  motion: EgoMotion,
  rows: ColumnTable,
  table: { has(...names: string[]): boolean; column(name: string): Float64Array },
  manifest: FolderManifest,
  notes: string[],
): void {
  const isMoved = manifest.rig !== undefined && Math.hypot(manifest.rig.x, manifest.rig.y) > 0;
  // Speeds are those of the point that the poses are of; another point needs the turn rate too.
  if (table.has("vx", "vy") && !isMoved) {
    motion.vx.set(table.column("vx"));
    motion.vy.set(table.column("vy"));
    if (table.has("vz")) motion.vz.set(table.column("vz"));
    notes.push("Velocity from the columns vx and vy, in the world's axes.");
  } else if (table.has("speed") && !isMoved) {
    const speed = table.column("speed");
    for (let i = 0; i < rows.numRows; i++) {
      const { qw: w, qx: x, qy: y, qz: z } = motion;
      // First column of the rotation matrix: the rig's x axis.
      motion.vx[i] = speed[i] * (1 - 2 * (y[i] * y[i] + z[i] * z[i]));
      motion.vy[i] = speed[i] * 2 * (x[i] * y[i] + w[i] * z[i]);
      motion.vz[i] = speed[i] * 2 * (x[i] * z[i] - w[i] * y[i]);
    }
    notes.push("Velocity is the column speed along the heading.");
  } else {
    motion.vx.set(localSlopes(motion.stampUs, motion.x));
    motion.vy.set(localSlopes(motion.stampUs, motion.y));
    motion.vz.set(localSlopes(motion.stampUs, motion.z));
    notes.push("Velocity is the slope of the positions over 0.2 s.");
  }
}

async function readCamera(
  name: string,
  camera: FolderCamera,
  ego: { readonly startUs: number; readonly durationUs: number },
  manifest: FolderManifest,
  options: ReadOptions,
): Promise<{ stream: CameraStream; notes: string[] }> {
  const path = camera.video;
  const times =
    camera.timestamps === undefined
      ? null
      : timesUsOf(
          await readColumns(camera.timestamps),
          manifest.time === undefined ? {} : { unitUs: unitUs[manifest.time] },
        ).map((t) => t - ego.startUs);
  const rawFps = camera.fps ?? (times === null ? undefined : 10);
  const video = await openVideo(path, rawFps === undefined ? {} : { rawFps });
  const notes: string[] = [];
  const numFrames = video.index.ptsUs.length;
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
  const stamps =
    times?.subarray(0, Math.min(numFrames, times.length)) ??
    video.index.ptsUs.map((t) => t + offsetUs);
  const kept = keptFrames(stamps, { fromUs: 0, toUs: ego.durationUs }, options);
  if (kept.length === 0) {
    throw new FormatError(
      "value",
      { path },
      `none of ${stamps.length} frames is within the ego motion: they are shown from ${(stamps[0] * 1e-6).toFixed(3)} s to ${(stamps[stamps.length - 1] * 1e-6).toFixed(3)} s of the drive, which lasts ${(ego.durationUs * 1e-6).toFixed(3)} s. Check the clocks and units of the two tables.`,
    );
  }
  const frames = await picturesOf(video, stamps, kept, options);
  notes.push(
    times === null
      ? `${name}: frames at the presentation times of the file, ${camera.offsetSecs} s after the first pose.`
      : `${name}: frames at the times of ${basename(camera.timestamps ?? "")}.`,
  );
  if (camera.pinhole === undefined) return { stream: { name, calibration: null, frames }, notes };
  const { mount, ...lens } = camera.pinhole;
  const calibration = { model: "pinhole" as const, ...lens, rigFromCamera: mountOf(mount) };
  return { stream: { name, calibration, frames }, notes };
}

export const videoFolderSource: DriveSource = {
  format: "video-folder",
  aliases: ["folder", "mp4"],
  version: 1,

  async recognizes(path) {
    for await (const _ of videoFolderSource.list(path)) return true;
    return false;
  },

  async *list(path) {
    if (!(await stat(path)).isDirectory()) return;
    if (await isRecordingFolder(path)) {
      // A bad manifest is reported when it is read.
      const files = await readManifest(path).then(
        (m) => m.files,
        (error: unknown) => {
          if (!(error instanceof FormatError)) throw error;
          return manifestNames.map((name) => join(path, name));
        },
      );
      const ref: DriveRef = {
        format: videoFolderSource.format,
        id: driveIdFrom("folder", basename(path)),
        path,
        files,
      };
      yield ref;
      return;
    }
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.isDirectory()) yield* videoFolderSource.list(join(path, entry.name));
    }
  },

  async read(ref, options = {}): Promise<Drive> {
    const manifest = await readManifest(ref.path);
    const { motion, startUs, notes } = await readEgo(manifest);
    checkMotion(motion, { path: manifest.ego });
    requireForward(
      manifest.ego,
      motion,
      "the heading",
      '"rig: { yawDeg: … }" in recording.yaml turns it',
    );
    const durationUs = motion.stampUs[motion.stampUs.length - 1];
    const gaps = motionGaps(motion, gapLimitUs);
    if (gaps.length === motion.stampUs.length - 1) {
      throw new FormatError(
        "value",
        { path: manifest.ego },
        `all rows are more than ${gapLimitUs * 1e-6} s apart (the first two: ${motion.stampUs[1] * 1e-6} s); expected 10 or more a second. Say the unit of the times: name the column t_ms, t_us or t_ns.`,
      );
    }
    const cameras: CameraStream[] = [];
    const cameraNotes: string[] = [];
    for (const [name, camera] of manifest.cameras) {
      if (!wantsCamera(name, options)) continue;
      const span = { startUs, durationUs };
      const { stream, notes: more } = await readCamera(name, camera, span, manifest, options);
      cameras.push(stream);
      cameraNotes.push(...more);
    }
    return {
      id: ref.id,
      source: {
        format: videoFolderSource.format,
        licence: manifest.licence,
        scenario: null,
        seed: null,
        ...(manifest.recording === undefined
          ? {}
          : { recording: driveIdFrom("folder", manifest.recording) }),
        notes: [
          ...notes,
          manifest.rig === undefined
            ? "Poses are taken to be of the rear axle on the ground."
            : "The rear axle is where the manifest says, seen from the poses.",
          "World: the table's, taken as right-handed with z up, its origin moved to the first pose.",
          ...gaps.map(
            (g) =>
              `Gap of ${((g.toUs - g.fromUs) * 1e-6).toFixed(2)} s after row ${g.row}: no samples there.`,
          ),
          ...(cameras.length === 0 ? ["No pictures imported."] : cameraNotes),
        ],
      },
      durationUs,
      egoMotion: motion,
      egoSize: manifest.egoSize ?? null,
      cameras,
      actors: null,
      lights: null,
      map: null,
      route: null,
      decisions: null,
    };
  },
};
