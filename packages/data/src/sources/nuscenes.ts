/**
 * nuScenes scenes, with the questions of DriveLM where its file is there too. DriveLM itself has no ego poses: those are in
 * nuScenes' tables (`v1.0-*`), found by the scene's token. Without tables a scene of DriveLM is its key frames: pictures with
 * questions, in a drive without ego motion.
 *
 * The ego frame is the rear axle on the ground, x forward, y left, z up; cameras z forward, x right, y down; quaternions
 * w x y z; times in microseconds; all as here. Poses are those of the lidar's rows (20 Hz), the densest single sensor: the
 * rows of all sensors together differ by noise at nearly equal times.
 */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { lastAtOrBefore, normalizeQuat } from "@causeway/geom";
import { checkMotion, driveIdFrom, motionGaps } from "../check-drive.ts";
import type { CameraFrame, CameraStream, Drive, PinholeCalibration } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { newMotion } from "../motion-columns.ts";
import { type DrivelmScenes, findKeyFrames, readDrivelm, wordsOf } from "./drivelm.ts";
import { readWithoutTables } from "./drivelm-drive.ts";
import { localSlopes } from "./local-slope.ts";
import { actorsOf } from "./nuscenes-boxes.ts";
import {
  egoSize,
  licence,
  nuscenesFormat,
  readPicture,
  type SceneTrack,
} from "./nuscenes-facts.ts";
import {
  findPlaces,
  type NuscenesPlaces,
  type NuscenesRoot,
  type NuscenesTables,
  openNuscenes,
} from "./nuscenes-tables.ts";
import { type DriveRef, type DriveSource, gapLimitUs, type ReadOptions } from "./source.ts";
import { keptFrames, wantsCamera } from "./video-pictures.ts";

type DataRow = Awaited<ReturnType<NuscenesTables["sceneRows"]>>[number];

interface Opened {
  readonly places: NuscenesPlaces;
  /** Null where there are no tables. */
  readonly root: NuscenesRoot | null;
  readonly drivelm: DrivelmScenes | null;
}

/** One folder is kept open between scenes: its tables are read once. */
let opened: { readonly key: string; readonly value: Promise<Opened> } | null = null;

async function openAt(path: string): Promise<Opened> {
  const places = await findPlaces(path);
  const stamps = [];
  for (const file of filesOf(places)) {
    const info = await stat(file).catch(() => null);
    stamps.push(`${file} ${info?.mtimeMs} ${info?.size}`);
  }
  const key = `${path}\n${places.pictures}\n${stamps.join("\n")}`;
  if (opened?.key !== key) {
    const value = (async () => ({
      places,
      root: places.tables === null ? null : await openNuscenes(places.tables),
      drivelm: places.drivelm === null ? null : await readDrivelm(places.drivelm),
    }))();
    opened = { key, value };
  }
  return opened.value;
}

const filesOf = ({ tables, drivelm }: NuscenesPlaces): string[] => [
  ...(tables === null
    ? []
    : ["scene", "sample", "sample_data", "ego_pose", "calibrated_sensor", "sample_annotation"].map(
        (t) => join(tables, `${t}.json`),
      )),
  ...(drivelm === null ? [] : [drivelm]),
];

function byChannel(tables: NuscenesTables, rows: readonly DataRow[]): Map<string, DataRow[]> {
  const channels = new Map<string, DataRow[]>();
  for (const row of rows) {
    const calibrated = tables.row("calibrated_sensor", row.calibrated_sensor_token, row.filename);
    const { channel } = tables.row("sensor", calibrated.sensor_token, row.filename);
    const list = channels.get(channel);
    if (list === undefined) channels.set(channel, [row]);
    else list.push(row);
  }
  for (const list of channels.values()) list.sort((a, b) => a.timestamp - b.timestamp);
  return channels;
}

async function readMotion(
  path: string,
  tables: NuscenesTables,
  channels: ReadonlyMap<string, DataRow[]>,
): Promise<SceneTrack> {
  const dense = [...channels].sort(([, a], [, b]) => b.length - a.length)[0];
  const chosen = channels.has("LIDAR_TOP") ? "LIDAR_TOP" : dense?.[0];
  const poses = await tables.poses(channels.get(chosen ?? "") ?? []);
  if (chosen === undefined || poses.length < 2) {
    throw new FormatError(
      "missing",
      { path },
      `the scene has ${poses.length} poses; expected at least 2. The tables do not hold this scene.`,
    );
  }
  const [first] = poses;
  const motion = newMotion(Float64Array.from(poses, (p) => p.timestamp - first.timestamp));
  poses.forEach(({ translation: [x, y, z], rotation: [qw, qx, qy, qz] }, i) => {
    motion.x[i] = x - first.translation[0];
    motion.y[i] = y - first.translation[1];
    motion.z[i] = z - first.translation[2];
    motion.qw[i] = qw;
    motion.qx[i] = qx;
    motion.qy[i] = qy;
    motion.qz[i] = qz;
  });
  motion.vx.set(localSlopes(motion.stampUs, motion.x));
  motion.vy.set(localSlopes(motion.stampUs, motion.y));
  motion.vz.set(localSlopes(motion.stampUs, motion.z));
  checkMotion(motion, { path });
  return { motion, startUs: first.timestamp, origin: first.translation, channel: chosen };
}

function calibrationOf(tables: NuscenesTables, row: DataRow): PinholeCalibration | null {
  const sensor = tables.row("calibrated_sensor", row.calibrated_sensor_token, row.filename);
  const [[fx, , cx] = [], [, fy, cy] = []] = sensor.camera_intrinsic;
  if (fx === undefined || cx === undefined || fy === undefined || cy === undefined) return null;
  const [x, y, z] = sensor.translation;
  const [w, qx, qy, qz] = sensor.rotation;
  const q = normalizeQuat({ w, x: qx, y: qy, z: qz });
  const rigFromCamera = { x, y, z, qw: q.w, qx: q.x, qy: q.y, qz: q.z };
  return { model: "pinhole", width: row.width, height: row.height, fx, fy, cx, cy, rigFromCamera };
}

async function readCamera(
  folder: string,
  tables: NuscenesTables,
  name: string,
  rows: readonly DataRow[],
  track: SceneTrack,
  momentsUs: readonly number[],
  options: ReadOptions,
): Promise<{ stream: CameraStream; numMissing: number }> {
  const there: DataRow[] = [];
  let numMissing = 0;
  for (const row of rows) {
    const info = await stat(join(folder, row.filename)).catch(() => null);
    if (info === null) numMissing++;
    else there.push(row);
  }
  const stamps = Float64Array.from(there, (r) => r.timestamp - track.startUs);
  const toUs = track.motion.stampUs[track.motion.stampUs.length - 1];
  const frames: CameraFrame[] = [];
  // Whatever the rate, a question is about the picture of its own moment.
  const asked = momentsUs.map((t) => lastAtOrBefore(stamps, t)).filter((i) => stamps[i] >= 0);
  const kept = new Set([...keptFrames(stamps, { fromUs: 0, toUs }, options), ...asked]);
  for (const i of [...kept].sort((a, b) => a - b))
    frames.push(await readPicture(join(folder, there[i].filename), stamps[i]));
  const calibration = rows.length === 0 ? null : calibrationOf(tables, rows[0]);
  return { stream: { name, calibration, frames }, numMissing };
}

export const nuscenesSource: DriveSource = {
  format: nuscenesFormat,
  aliases: ["drivelm"],
  version: 2,

  async recognizes(path) {
    const { tables, drivelm } = await findPlaces(path);
    return tables !== null || drivelm !== null;
  },

  /** The scenes of the DriveLM file where there is one, else all of the tables. */
  async *list(path) {
    const places = await findPlaces(path);
    if (places.tables === null && places.drivelm === null) return;
    // A damaged list of scenes is one bad recording of the batch: reading it says what is wrong.
    const whole = await openAt(path).catch((error: unknown) => {
      if (error instanceof FormatError) return null;
      throw error;
    });
    if (whole === null) {
      const id = driveIdFrom("nuscenes", basename(path));
      yield { format: nuscenesFormat, id, path, files: filesOf(places) };
      return;
    }
    const { root, drivelm } = whole;
    const names = new Map(root?.scenes.map((s) => [s.token, s.name]));
    const tokens = drivelm === null ? [...names.keys()] : Object.keys(drivelm);
    for (const token of tokens) {
      const ref: DriveRef = {
        format: nuscenesFormat,
        id: driveIdFrom("nuscenes", names.get(token) ?? token),
        path,
        files: filesOf(places),
        entry: token,
      };
      yield ref;
    }
  },

  async prepare(path, watch) {
    const { root } = await openAt(path);
    await root?.tables({
      signal: watch.signal,
      onProgress: ({ name, doneBytes, totalBytes }) =>
        watch.onProgress?.({
          done: doneBytes / 1e6,
          total: Math.round(totalBytes / 1e6),
          note: `MB, ${name}`,
        }),
    });
  },

  async contentOf(ref) {
    const { root, drivelm, places } = await openAt(ref.path);
    const token = ref.entry ?? "";
    // File names of the data set are unique and its files never change: the rows stand for them.
    const rows = root === null ? [] : await (await root.tables()).sceneRows(token);
    const sizes = [];
    for (const { filename } of rows) {
      const info = await stat(join(root?.path ?? "", filename)).catch(() => null);
      sizes.push(info?.size ?? null);
    }
    const scene = drivelm?.[token];
    if (root === null && places.pictures !== null && scene !== undefined) {
      for (const { pictures } of (await findKeyFrames(scene, places.pictures)).frames)
        for (const { path } of pictures) sizes.push((await stat(path)).size);
    }
    return JSON.stringify([token, rows, sizes, scene ?? null]);
  },

  async read(ref, options = {}): Promise<Drive> {
    const { root, drivelm, places } = await openAt(ref.path);
    const token = ref.entry ?? "";
    const told = drivelm?.[token];
    if (root === null) return readWithoutTables(ref, told ?? { key_frames: {} }, places, options);
    const scene = root.scenes.find((s) => s.token === token);
    if (scene === undefined) {
      throw new FormatError(
        "missing",
        { path: join(root.tablesPath, "scene.json") },
        `has no scene ${token}, which the DriveLM file names; it has ${root.scenes.length} scenes. Get the tables of the split that DriveLM was made from (v1.0-trainval).`,
      );
    }
    const tables = await root.tables();
    const channels = byChannel(tables, await tables.sceneRows(token));
    const posesPath = join(root.tablesPath, "ego_pose.json");
    const track = await readMotion(posesPath, tables, channels);
    const lastUs = track.motion.stampUs[track.motion.stampUs.length - 1];
    const times = new Map(tables.samples(token).map((s) => [s.token, s.timestamp - track.startUs]));
    const { questions, reasoning, numOutside } = wordsOf(told, (sample) => {
      const stampUs = times.get(sample);
      return stampUs !== undefined && stampUs >= 0 && stampUs <= lastUs ? stampUs : undefined;
    });
    const momentsUs = questions.map((q) => q.stampUs);
    const cameras: CameraStream[] = [];
    let numMissing = 0;
    for (const [name, rows] of [...channels].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!name.startsWith("CAM_") || !wantsCamera(name, options)) continue;
      const camera = await readCamera(root.path, tables, name, rows, track, momentsUs, options);
      numMissing += camera.numMissing;
      if (camera.stream.frames.length > 0) cameras.push(camera.stream);
    }
    const log = tables.row("log", scene.log_token, `scene ${scene.name}`);
    return {
      id: ref.id,
      source: {
        format: nuscenesFormat,
        licence,
        scenario: null,
        seed: null,
        // Scenes of one log are minutes of one trip.
        recording: driveIdFrom("nuscenes", scene.log_token),
        facts: {
          location: log.location,
          date: log.date_captured,
          description: told?.scene_description ?? scene.description,
        },
        notes: [
          `Poses of the ${track.channel} rows; velocity is the slope of the positions over 0.2 s.`,
          `World: the map "${log.location}", its origin moved to the first pose.`,
          ...(numMissing > 0 ? [`${numMissing} pictures of the tables are not on this disk.`] : []),
          ...(numOutside > 0
            ? [`DriveLM: ${numOutside} key frames outside the scene left out.`]
            : []),
          ...motionGaps(track.motion, gapLimitUs).map(
            (g) =>
              `Gap of ${((g.toUs - g.fromUs) * 1e-6).toFixed(2)} s after ${(g.fromUs * 1e-6).toFixed(2)} s: no samples there.`,
          ),
        ],
      },
      durationUs: lastUs,
      egoMotion: track.motion,
      egoSize,
      cameras,
      actors: await actorsOf(tables, token, track),
      lights: null,
      map: null,
      route: null,
      decisions: null,
      ...(reasoning.length === 0 ? {} : { reasoning }),
      ...(questions.length === 0 ? {} : { questions }),
    };
  },
};
