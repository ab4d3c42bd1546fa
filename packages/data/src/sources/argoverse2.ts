/**
 * Argoverse 2 sensor logs: poses at the union of all sensor times, boxes in the ego frame of their own time, a vector map,
 * and, in the full data set, pictures.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  type EgoMotion,
  lastAtOrBefore,
  multiplyQuat,
  normalizeQuat,
  type Quat,
  rotateByQuat,
  slerp,
  yawOfQuat,
} from "@causeway/geom";
import { checkMotion, driveIdFrom, motionGaps } from "../check-drive.ts";
import type {
  ActorFrame,
  ActorKind,
  ActorState,
  CameraStream,
  Drive,
  PinholeCalibration,
} from "../drive.ts";
import { FormatError } from "../errors.ts";
import { newMotion } from "../motion-columns.ts";
import { readArgoverse2Map } from "./argoverse2-map.ts";
import { type FeatherTable, readFeather, requireFiniteColumns } from "./feather.ts";
import { type DriveRef, type DriveSource, gapLimitUs, requireIncreasing } from "./source.ts";

export const argoverse2Licence = "CC BY-NC-SA 4.0";
const posesFile = "city_SE3_egovehicle.feather";
/** Rows that follow so closely are one measurement with two time stamps; differences between them are noise. */
const nearDuplicateNs = 1_000_000n;
/** 50 Hz holds the motion (the positioning is smoother than that) and has all multiples of 0.1 s. */
const gridUs = 20_000;
const velocityHalfUs = 50_000;
/** The ego frame is at the axle: 0.33 m above the road (median over the maps' lane edges below the car). */
export const axleHeightM = 0.33;
/** Pictures that models use; a full log has nine cameras. */
const importedCameras = ["ring_front_center", "ring_front_left", "ring_front_right"] as const;

/** The recording car; size as the logs that list the ego give it, the axle's place assumed. */
export const argoverse2EgoSize = {
  lengthM: 4.877,
  widthM: 2,
  heightM: 1.473,
  rearAxleToCenterM: 1.4,
} as const;

const kinds: Readonly<Record<string, ActorKind>> = {
  REGULAR_VEHICLE: "car",
  LARGE_VEHICLE: "truck",
  BOX_TRUCK: "truck",
  TRUCK: "truck",
  TRUCK_CAB: "truck",
  VEHICULAR_TRAILER: "truck",
  BUS: "truck",
  SCHOOL_BUS: "truck",
  ARTICULATED_BUS: "truck",
  PEDESTRIAN: "pedestrian",
  STROLLER: "pedestrian",
  WHEELCHAIR: "pedestrian",
  OFFICIAL_SIGNALER: "pedestrian",
  BICYCLE: "cyclist",
  BICYCLIST: "cyclist",
  MOTORCYCLE: "cyclist",
  MOTORCYCLIST: "cyclist",
  WHEELED_RIDER: "cyclist",
  WHEELED_DEVICE: "cyclist",
};

interface PoseTable {
  /** Microseconds from the first pose; cleaned of near-duplicates. */
  readonly stampUs: Float64Array;
  readonly firstNs: bigint;
  /** City metres. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  readonly rotation: readonly Quat[];
  readonly numDropped: number;
}

async function readPoses(path: string): Promise<PoseTable> {
  const table = await readFeather(path);
  const times = table.bigints("timestamp_ns");
  const [qw, qx, qy, qz, tx, ty, tz] = ["qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m"].map((c) =>
    table.numbers(c),
  );
  requireFiniteColumns(table, { qw, qx, qy, qz, tx_m: tx, ty_m: ty, tz_m: tz });
  requireIncreasing(path, "timestamp_ns", times);
  if (times.length < 2) {
    throw new FormatError("value", { path }, `${times.length} poses; expected at least 2.`);
  }
  const kept: number[] = [];
  for (let i = 0; i < times.length; i++) {
    const last = kept[kept.length - 1];
    if (last === undefined || times[i] - times[i - 1] >= nearDuplicateNs) kept.push(i);
  }
  const rotation = kept.map((i) => {
    const length = Math.hypot(qw[i], qx[i], qy[i], qz[i]);
    if (Math.abs(length - 1) > 1e-3) {
      throw new FormatError(
        "value",
        { path, row: i + 1 },
        `quaternion has length ${length}; expected 1. The row is damaged.`,
      );
    }
    return normalizeQuat({ w: qw[i], x: qx[i], y: qy[i], z: qz[i] });
  });
  const pick = (values: Float64Array) => Float64Array.from(kept, (i) => values[i]);
  return {
    stampUs: Float64Array.from(kept, (i) => Math.round(Number(times[i] - times[0]) / 1000)),
    firstNs: times[0],
    x: pick(tx),
    y: pick(ty),
    z: pick(tz),
    rotation,
    numDropped: times.length - kept.length,
  };
}

/** Linear between rows, as the positions of such dense logs need no more. */
function poseAtUs(poses: PoseTable, timeUs: number): { p: [number, number, number]; q: Quat } {
  const last = poses.stampUs.length - 1;
  const i = Math.min(Math.max(lastAtOrBefore(poses.stampUs, timeUs), 0), last - 1);
  const share = Math.min(
    1,
    Math.max(0, (timeUs - poses.stampUs[i]) / (poses.stampUs[i + 1] - poses.stampUs[i])),
  );
  const mix = (v: Float64Array) => v[i] + share * (v[i + 1] - v[i]);
  return {
    p: [mix(poses.x), mix(poses.y), mix(poses.z)],
    q: slerp(poses.rotation[i], poses.rotation[i + 1], share),
  };
}

/** City position of the point on the road below the axle, which does not swing when the body nods. */
function groundAt(poses: PoseTable, timeUs: number): { p: [number, number, number]; q: Quat } {
  const { p, q } = poseAtUs(poses, timeUs);
  return { p: [p[0], p[1], p[2] - axleHeightM], q };
}

interface Origin {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

function motionOf(poses: PoseTable, origin: Origin): EgoMotion {
  const endUs = poses.stampUs[poses.stampUs.length - 1];
  const count = Math.floor(endUs / gridUs) + 1;
  const isInGap = (t: number) => {
    const i = lastAtOrBefore(poses.stampUs, t);
    const next = poses.stampUs[Math.min(i + 1, poses.stampUs.length - 1)];
    return t !== poses.stampUs[i] && next - poses.stampUs[i] > gapLimitUs;
  };
  // No rows inside a gap: who samples must see it.
  const grid = Float64Array.from({ length: count }, (_, i) => i * gridUs).filter(
    (t) => !isInGap(t),
  );
  const motion = newMotion(grid);
  for (let i = 0; i < grid.length; i++) {
    const t = motion.stampUs[i];
    const { p, q } = groundAt(poses, t);
    motion.x[i] = p[0] - origin.x;
    motion.y[i] = p[1] - origin.y;
    motion.z[i] = p[2] - origin.z;
    motion.qw[i] = q.w;
    motion.qx[i] = q.x;
    motion.qy[i] = q.y;
    motion.qz[i] = q.z;
    const fromUs = Math.max(0, t - velocityHalfUs);
    const toUs = Math.min(endUs, t + velocityHalfUs);
    const a = groundAt(poses, fromUs).p;
    const b = groundAt(poses, toUs).p;
    const dt = (toUs - fromUs) * 1e-6;
    motion.vx[i] = (b[0] - a[0]) / dt;
    motion.vy[i] = (b[1] - a[1]) / dt;
    motion.vz[i] = (b[2] - a[2]) / dt;
  }
  return motion;
}

interface Boxes {
  readonly frames: readonly ActorFrame[];
  readonly notes: readonly string[];
}

async function readBoxes(path: string, poses: PoseTable, origin: Origin): Promise<Boxes> {
  const table = await readFeather(path);
  const times = table.bigints("timestamp_ns");
  const tracks = table.strings("track_uuid");
  const categories = table.strings("category");
  const names = ["length_m", "width_m", "height_m", "qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m"];
  const columns = Object.fromEntries(names.map((n) => [n, table.numbers(n)]));
  requireFiniteColumns(table, columns);
  const idOf = new Map<string, number>();
  const byTime = new Map<number, ActorState[]>();
  const endUs = poses.stampUs[poses.stampUs.length - 1];
  let numOutside = 0;
  for (let i = 0; i < table.numRows; i++) {
    const c = (name: string) => columns[name][i];
    if (categories[i] === "EGO_VEHICLE") continue;
    const stampUs = Math.round(Number(times[i] - poses.firstNs) / 1000);
    if (stampUs < 0 || stampUs > endUs) {
      numOutside++;
      continue;
    }
    // The box is in the ego frame of its own time, which is at axle height.
    const { p, q } = poseAtUs(poses, stampUs);
    const center = rotateByQuat(q, c("tx_m"), c("ty_m"), c("tz_m"));
    const rotation = multiplyQuat(q, { w: c("qw"), x: c("qx"), y: c("qy"), z: c("qz") });
    const track = tracks[i];
    let id = idOf.get(track);
    if (id === undefined) {
      id = idOf.size + 1;
      idOf.set(track, id);
    }
    const actors = byTime.get(stampUs) ?? [];
    actors.push({
      id,
      kind: kinds[categories[i]] ?? "other",
      x: p[0] + center.x - origin.x,
      y: p[1] + center.y - origin.y,
      z: p[2] + center.z - origin.z - c("height_m") / 2,
      yaw: yawOfQuat(rotation),
      speedMps: 0,
      lengthM: c("length_m"),
      widthM: c("width_m"),
      heightM: c("height_m"),
      braking: false,
      indicator: "none",
    });
    byTime.set(stampUs, actors);
  }
  const frames = [...byTime]
    .sort(([a], [b]) => a - b)
    .map(([stampUs, actors]) => ({ stampUs, actors }));
  return {
    frames: withSpeeds(frames),
    notes: [
      "Actor speeds are differences of the box centres over 0.2 s; brake lights and indicators are not recorded.",
      ...(numOutside > 0
        ? [`${numOutside} boxes before the first or after the last pose left out.`]
        : []),
    ],
  };
}

/** Planar speed from the track's neighbours one frame before and after, at most 0.3 s apart. */
export function withSpeeds(frames: readonly ActorFrame[]): ActorFrame[] {
  const places = frames.map((f) => new Map(f.actors.map((a) => [a.id, a])));
  return frames.map(({ stampUs, actors }, i) => ({
    stampUs,
    actors: actors.map((a) => {
      const before = places[i - 1]?.get(a.id);
      const after = places[i + 1]?.get(a.id);
      const fromUs = before === undefined ? stampUs : frames[i - 1].stampUs;
      const toUs = after === undefined ? stampUs : frames[i + 1].stampUs;
      if (toUs === fromUs || toUs - fromUs > 300_000) return a;
      const p = before ?? a;
      const q = after ?? a;
      return { ...a, speedMps: Math.hypot(q.x - p.x, q.y - p.y) / ((toUs - fromUs) * 1e-6) };
    }),
  }));
}

async function readCalibrations(folder: string): Promise<Map<string, PinholeCalibration>> {
  const intrinsics = await readFeather(join(folder, "calibration", "intrinsics.feather"));
  const extrinsics = await readFeather(
    join(folder, "calibration", "egovehicle_SE3_sensor.feather"),
  );
  const column = (table: FeatherTable, name: string) => table.numbers(name);
  const sensors = extrinsics.strings("sensor_name");
  const e = Object.fromEntries(
    ["qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m"].map((n) => [n, column(extrinsics, n)]),
  );
  const k = Object.fromEntries(
    ["fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px"].map((n) => [
      n,
      column(intrinsics, n),
    ]),
  );
  requireFiniteColumns(extrinsics, e);
  requireFiniteColumns(intrinsics, k);
  const out = new Map<string, PinholeCalibration>();
  intrinsics.strings("sensor_name").forEach((name, i) => {
    const j = sensors.indexOf(name);
    if (j < 0) return;
    out.set(name, {
      model: "pinhole",
      width: k.width_px[i],
      height: k.height_px[i],
      fx: k.fx_px[i],
      fy: k.fy_px[i],
      cx: k.cx_px[i],
      cy: k.cy_px[i],
      rigFromCamera: {
        x: e.tx_m[j],
        y: e.ty_m[j],
        z: e.tz_m[j] + axleHeightM,
        qw: e.qw[j],
        qx: e.qx[j],
        qy: e.qy[j],
        qz: e.qz[j],
      },
    });
  });
  return out;
}

/** JPEG files are named by their nanoseconds. */
async function listPictures(folder: string, camera: string) {
  const at = join(folder, "sensors", "cameras", camera);
  const names = await readdir(at).catch(() => [] as string[]);
  return names
    .filter((n) => /^\d+\.jpg$/.test(n))
    .map((n) => ({ ns: BigInt(basename(n, ".jpg")), file: join(at, n) }))
    .sort((a, b) => (a.ns < b.ns ? -1 : 1));
}

async function readCameras(folder: string, poses: PoseTable): Promise<CameraStream[]> {
  const streams: CameraStream[] = [];
  let calibrations: Map<string, PinholeCalibration> | null = null;
  const endUs = poses.stampUs[poses.stampUs.length - 1];
  for (const name of importedCameras) {
    const frames = [];
    for (const { ns, file } of await listPictures(folder, name)) {
      const stampUs = Math.round(Number(ns - poses.firstNs) / 1000);
      if (stampUs < 0 || stampUs > endUs) continue;
      frames.push({
        stampUs,
        encoding: "jpeg" as const,
        bytes: new Uint8Array(await readFile(file)),
      });
    }
    if (frames.length === 0) continue;
    calibrations ??= await readCalibrations(folder);
    streams.push({ name, calibration: calibrations.get(name) ?? null, frames });
  }
  return streams;
}

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
