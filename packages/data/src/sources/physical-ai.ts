/**
 * The PhysicalAI-AV layout: clips in chunk archives, ego motion at about 100 Hz, camera mp4 with frame times, f-theta
 * lenses, and `ood_reasoning.parquet` with the text under `coc` or `cot`.
 *
 * Clips may have rows before their time 0, and drives may not: the drive's clock is the clip's plus a whole number of 0.1 s
 * (`source.clockOffsetUs`), so that the 10 Hz grid stays the same. The world is the clip's: origin and yaw 0 at clip time 0.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EgoMotion } from "@causeway/geom";
import { checkMotion, driveIdFrom } from "../check-drive.ts";
import type { CameraStream, Drive, FThetaLens } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { motionColumns, newMotion } from "../motion-columns.ts";
import { openVideo } from "../video/open-video.ts";
import { numbersOf, type ParquetRow, readParquet } from "./parquet.ts";
import {
  type ClipReasoning,
  type ClipRow,
  createZipCache,
  type Feature,
  openPaiRoot,
  type PaiRoot,
  reasoningOf,
} from "./physical-ai-tables.ts";
import type { DriveRef, DriveSource, ReadOptions } from "./source.ts";
import { keptFrames, picturesOf, wantsCamera } from "./video-pictures.ts";

const stepUs = 100_000;
const licence = "NVIDIA Autonomous Vehicle Dataset License";

/** One folder is kept open between clips; its tables are small beside a chunk. */
let opened: { readonly key: string; readonly root: Promise<PaiRoot> } | null = null;
const zips = createZipCache();

async function rootAt(path: string): Promise<PaiRoot> {
  const info = await stat(join(path, "clip_index.parquet")).catch(() => null);
  const key = `${path}\n${info?.mtimeMs}\n${info?.size}`;
  if (opened?.key !== key) opened = { key, root: openPaiRoot(path) };
  return opened.root;
}

function featureOf(root: PaiRoot, name: string): Feature {
  const feature = root.features.get(name);
  if (feature === undefined) {
    throw new FormatError(
      "missing",
      { path: join(root.path, "features.csv") },
      `lists no feature "${name}"; it lists ${[...root.features.keys()].join(", ")}. Fetch the table again.`,
    );
  }
  return feature;
}

/** Path of a clip's part for messages, and its bytes. */
async function partOf(root: PaiRoot, feature: Feature, kind: string, clip: ClipRow) {
  const zip = await zips.open(root.chunkPath(feature, clip.chunk));
  const template = feature.files[kind];
  if (template === undefined) {
    throw new FormatError(
      "missing",
      { path: join(root.path, "features.csv") },
      `feature ${feature.name} names no "${kind}" file; it names ${Object.keys(feature.files).join(", ")}.`,
    );
  }
  const name = template.replaceAll("{clip_id}", clip.id);
  return { zip, name, path: `${zip.path}!${name}` };
}

async function readMotion(root: PaiRoot, clip: ClipRow): Promise<EgoMotion> {
  const { zip, name, path } = await partOf(root, featureOf(root, "egomotion"), "egomotion", clip);
  const columns = ["timestamp", ...motionColumns];
  const rows = await readParquet(path, { columns, bytes: await zip.read(name) });
  const motion = newMotion(numbersOf(path, rows, "timestamp"));
  for (const column of motionColumns) motion[column].set(numbersOf(path, rows, column));
  return motion;
}

/** Rows of a chunk's calibration table that belong to a clip; null where the table is not there. */
async function calibrationRows(
  root: PaiRoot,
  name: string,
  clip: ClipRow,
): Promise<ParquetRow[] | null> {
  const feature = root.features.get(name);
  if (feature === undefined) return null;
  const path = root.chunkPath(feature, clip.chunk);
  if ((await stat(path).catch(() => null)) === null) return null;
  const rows = await readParquet(path);
  return rows.filter((row) => row.clip_id === clip.id);
}

function lensOf(path: string, intrinsics: ParquetRow, extrinsics: ParquetRow): FThetaLens {
  const number = (row: ParquetRow, name: string): number => numbersOf(path, [row], name)[0];
  const poly = (prefix: string): number[] => {
    const terms: number[] = [];
    for (let k = 0; `${prefix}_poly_${k}` in intrinsics; k++) {
      terms.push(number(intrinsics, `${prefix}_poly_${k}`));
    }
    if (terms.length === 0) {
      throw new FormatError(
        "missing",
        { path },
        `has no ${prefix}_poly_0 …; expected the f-theta polynomial. Fetch the table again.`,
      );
    }
    return terms;
  };
  return {
    model: "ftheta",
    width: number(intrinsics, "width"),
    height: number(intrinsics, "height"),
    cx: number(intrinsics, "cx"),
    cy: number(intrinsics, "cy"),
    forward: poly("fw"),
    backward: poly("bw"),
    rigFromCamera: {
      x: number(extrinsics, "x"),
      y: number(extrinsics, "y"),
      z: number(extrinsics, "z"),
      qw: number(extrinsics, "qw"),
      qx: number(extrinsics, "qx"),
      qy: number(extrinsics, "qy"),
      qz: number(extrinsics, "qz"),
    },
  };
}

/** Cameras whose archive has this clip, in the order of the feature table. */
async function camerasOf(root: PaiRoot, clip: ClipRow, options: ReadOptions): Promise<Feature[]> {
  const cameras: Feature[] = [];
  for (const feature of root.features.values()) {
    if (!feature.name.startsWith("camera_") || feature.files.video === undefined) continue;
    if (!wantsCamera(feature.name, options)) continue;
    const path = root.chunkPath(feature, clip.chunk);
    if ((await stat(path).catch(() => null)) === null) continue;
    const zip = await zips.open(path);
    const name = feature.files.video.replaceAll("{clip_id}", clip.id);
    if (zip.entries.has(name)) cameras.push(feature);
  }
  return cameras;
}

async function readCameras(
  root: PaiRoot,
  clip: ClipRow,
  offsetUs: number,
  endUs: number,
  options: ReadOptions,
): Promise<{ streams: CameraStream[]; notes: string[] }> {
  const features = await camerasOf(root, clip, options);
  const streams: CameraStream[] = [];
  const notes: string[] = [];
  if (features.length === 0) return { streams, notes: ["No pictures imported."] };
  const intrinsics = await calibrationRows(root, "camera_intrinsics", clip);
  const extrinsics = await calibrationRows(root, "sensor_extrinsics", clip);
  const folder = await mkdtemp(join(tmpdir(), "causeway-pai-"));
  try {
    for (const feature of features) {
      const { zip, name, path } = await partOf(root, feature, "video", clip);
      const times = await partOf(root, feature, "frame_timestamps", clip);
      const rows = await readParquet(times.path, {
        columns: ["timestamp"],
        bytes: await times.zip.read(times.name),
      });
      const stampsUs = numbersOf(times.path, rows, "timestamp").map((t) => t + offsetUs);
      const back = stampsUs.findIndex((t, i) => i > 0 && !(t > stampsUs[i - 1]));
      if (back > 0) {
        throw new FormatError(
          "value",
          { path: times.path, row: back + 1 },
          `time ${stampsUs[back] - offsetUs} us comes after ${stampsUs[back - 1] - offsetUs} us; expected increasing times.`,
        );
      }
      const file = join(folder, `${feature.name}.mp4`);
      await zip.extract(name, file);
      const video = await openVideo(file).catch((error: unknown) => {
        // The temporary copy has no name for people.
        if (!(error instanceof FormatError)) throw error;
        throw new FormatError(error.code, { path }, error.message.replace(`${file}: `, ""));
      });
      const numFrames = video.index.ptsUs.length;
      if (numFrames !== stampsUs.length) {
        const what = `${numFrames} frames and ${stampsUs.length} times`;
        if (!options.includeInvalid) {
          throw new FormatError(
            "value",
            { path },
            `has ${what}; expected as many: which frame belongs to which time is not known. Leave the clip out, or import it with invalid clips included.`,
          );
        }
        notes.push(`${feature.name}: ${what}; the first ones are taken to belong together.`);
      }
      const known = stampsUs.subarray(0, Math.min(numFrames, stampsUs.length));
      const kept = keptFrames(known, { fromUs: 0, toUs: endUs }, options);
      const frames = await picturesOf(video, known, kept, options);
      await rm(file);
      const inner = intrinsics?.find((r) => r.camera_name === feature.name);
      const outer = extrinsics?.find((r) => r.sensor_name === feature.name);
      const lens =
        inner === undefined || outer === undefined
          ? {}
          : {
              lens: lensOf(
                root.chunkPath(featureOf(root, "camera_intrinsics"), clip.chunk),
                inner,
                outer,
              ),
            };
      if (!("lens" in lens)) notes.push(`${feature.name} has no calibration.`);
      streams.push({ name: feature.name, calibration: null, ...lens, frames });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { streams, notes };
}

async function readEgoSize(root: PaiRoot, clip: ClipRow): Promise<Drive["egoSize"]> {
  const row = (await calibrationRows(root, "vehicle_dimensions", clip))?.[0];
  if (row === undefined) return null;
  const path = root.chunkPath(featureOf(root, "vehicle_dimensions"), clip.chunk);
  const number = (name: string): number => numbersOf(path, [row], name)[0];
  return {
    lengthM: number("length"),
    widthM: number("width"),
    heightM: number("height"),
    rearAxleToCenterM: number("rear_axle_to_bbox_center"),
  };
}

function factsOf(root: PaiRoot, clip: ClipRow, reasoning: ClipReasoning | null) {
  const facts: Record<string, string | number | boolean> = {
    split: clip.split,
    chunk: clip.chunk,
    clipIsValid: clip.isValid,
  };
  const names = {
    country: "country",
    month: "month",
    hour_of_day: "hourOfDay",
    platform_class: "platformClass",
    radar_config: "radarConfig",
  };
  const row = root.collection.get(clip.id) ?? {};
  for (const [column, name] of Object.entries(names)) {
    const value = row[column];
    if (typeof value === "string" || typeof value === "number") facts[name] = value;
  }
  if (reasoning?.cluster != null) facts.eventCluster = reasoning.cluster;
  if (reasoning?.feature != null) facts.reasoningFeature = reasoning.feature;
  return facts;
}

export const physicalAiSource: DriveSource = {
  format: "physicalai-av",
  aliases: ["pai", "physical-ai"],
  version: 1,

  async recognizes(path) {
    for (const name of ["clip_index.parquet", "features.csv"]) {
      if ((await stat(join(path, name)).catch(() => null)) === null) return false;
    }
    return true;
  },

  async *list(path) {
    if (!(await physicalAiSource.recognizes(path))) return;
    const root = await rootAt(path);
    for (const clip of root.clips.values()) {
      const ref: DriveRef = {
        format: physicalAiSource.format,
        id: driveIdFrom("pai", clip.id),
        path,
        files: [join(path, "clip_index.parquet")],
        entry: clip.id,
      };
      yield ref;
    }
  },

  async contentOf(ref) {
    const root = await rootAt(ref.path);
    const clip = root.clips.get(ref.entry ?? "");
    const parts = [JSON.stringify([clip, root.reasoning?.get(ref.entry ?? "") ?? null])];
    if (clip === undefined) return parts.join();
    // Checksums in the archives' directories stand for the bytes of their entries.
    for (const feature of root.features.values()) {
      const path = root.chunkPath(feature, clip.chunk);
      const info = await stat(path).catch(() => null);
      if (info === null) continue;
      if (!path.endsWith(".zip")) {
        parts.push(`${feature.name} ${info.size} ${info.mtimeMs}`);
        continue;
      }
      const zip = await zips.open(path).catch(() => null);
      for (const template of Object.values(feature.files)) {
        const name = template.replaceAll("{clip_id}", clip.id);
        const entry = zip?.entries.get(name);
        if (entry !== undefined) parts.push(`${name} ${entry.bytes} ${entry.crc}`);
      }
    }
    return parts.join("\n");
  },

  async read(ref, options = {}): Promise<Drive> {
    const root = await rootAt(ref.path);
    const clip = root.clips.get(ref.entry ?? "");
    if (clip === undefined) {
      throw new FormatError(
        "missing",
        { path: join(ref.path, "clip_index.parquet") },
        `lists no clip ${ref.entry}. List the folder again.`,
      );
    }
    if (!clip.isValid && !options.includeInvalid) {
      throw new FormatError(
        "value",
        { path: join(ref.path, "clip_index.parquet") },
        `clip ${clip.id} is marked as not valid (clip_is_valid); expected a valid one. Import with invalid clips included to take it anyway.`,
      );
    }
    const reasoning = reasoningOf(root, clip.id);
    const motion = await readMotion(root, clip);
    const first = motion.stampUs[0];
    const offsetUs = first < 0 ? Math.ceil(-first / stepUs) * stepUs : 0;
    motion.stampUs.forEach((t, i) => {
      motion.stampUs[i] = t + offsetUs;
    });
    checkMotion(motion, {
      path: `${root.chunkPath(featureOf(root, "egomotion"), clip.chunk)}!${clip.id}`,
    });
    const durationUs = motion.stampUs[motion.stampUs.length - 1];
    const { streams, notes } = await readCameras(root, clip, offsetUs, durationUs, options);
    const events = reasoning?.events
      .map((e) => ({ ...e, stampUs: e.stampUs + offsetUs }))
      .filter((e) => e.stampUs >= 0 && e.stampUs <= durationUs);
    return {
      id: ref.id,
      source: {
        format: physicalAiSource.format,
        licence,
        scenario: null,
        seed: null,
        recording: driveIdFrom("pai", clip.id),
        clockOffsetUs: offsetUs,
        facts: factsOf(root, clip, reasoning),
        notes: [
          `Clip ${clip.id}; its time 0 is ${(offsetUs * 1e-6).toFixed(1)} s of the drive. World: origin and yaw 0 at clip time 0.`,
          ...notes,
          ...(events !== undefined && events.length < (reasoning?.events.length ?? 0)
            ? [
                `${(reasoning?.events.length ?? 0) - events.length} events outside the recording left out.`,
              ]
            : []),
        ],
      },
      durationUs,
      egoMotion: motion,
      egoSize: await readEgoSize(root, clip),
      cameras: streams,
      actors: null,
      lights: null,
      map: null,
      route: null,
      decisions: null,
      ...(events === undefined ? {} : { reasoning: events }),
    };
  },
};
