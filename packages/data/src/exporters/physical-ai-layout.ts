/**
 * The PhysicalAI-AV layout: chunk archives of ego motion and camera videos, calibration, clip index, metadata, and
 * `ood_reasoning.parquet`. Reads back through the importer of the same layout as the same drives, but for the pictures,
 * which go through H.264. The clip index is written last: a stopped export is recognised by nobody.
 */
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RgbImage } from "@causeway/geom";
import type { DriveHandle } from "../drive-handle.ts";
import { DataConfigError, FormatError } from "../errors.ts";
import { decodeImage } from "../image.ts";
import { atomicWrite, atomicWriteFile } from "../io/atomic.ts";
import { plotSeries } from "../mcap/motion-messages.ts";
import { openVideoBackend } from "../video/open-video.ts";
import { type ParquetColumn, parquetBytes } from "./parquet-columns.ts";
import { type ExportInput, type ExportItem, type ExportOptions, requireMotion } from "./sink.ts";
import { type ZipMember, writeZip } from "./zip-writer.ts";

const clipPrefix = "pai-";
const minCurvatureSpeedMps = 0.5;

interface ClipFiles {
  readonly id: string;
  readonly split: string;
  readonly chunk: number;
  readonly egomotion: Uint8Array;
  readonly videos: ReadonlyMap<string, { readonly mp4: string; readonly times: Uint8Array }>;
  readonly drive: Pick<DriveHandle, "egoSize" | "cameras" | "source">;
  readonly events: readonly Record<string, string | number>[] | null;
}

const clipIdOf = (driveId: string): string =>
  driveId.startsWith(clipPrefix) ? driveId.slice(clipPrefix.length) : driveId;

function egomotionTable(drive: DriveHandle): Uint8Array {
  const { egoMotion: m } = drive;
  const n = m.stampUs.length;
  const offsetUs = drive.source.clockOffsetUs ?? 0;
  const rate = (v: Float64Array) =>
    Float64Array.from({ length: n }, (_, i) => {
      const [a, b] = [Math.max(0, i - 1), Math.min(n - 1, i + 1)];
      return (v[b] - v[a]) / ((m.stampUs[b] - m.stampUs[a]) * 1e-6);
    });
  const { curvature, speed } = plotSeries(m);
  const double = (name: string, data: Float64Array): ParquetColumn => ({
    name,
    type: "DOUBLE",
    data,
  });
  return parquetBytes([
    { name: "timestamp", type: "INT64", data: Array.from(m.stampUs, (t) => t - offsetUs) },
    ...(["qx", "qy", "qz", "qw", "x", "y", "z", "vx", "vy", "vz"] as const).map((c) =>
      double(c, m[c]),
    ),
    double("ax", rate(m.vx)),
    double("ay", rate(m.vy)),
    double("az", rate(m.vz)),
    double(
      "curvature",
      curvature.map((k, i) => (Math.abs(speed[i]) < minCurvatureSpeedMps ? 0 : k)),
    ),
  ]);
}

/** Pictures of a camera, decoded one at a time, at an even size. */
async function* picturesOf(
  drive: DriveHandle,
  camera: string,
  size: { width: number; height: number },
) {
  const { stampsUs } = drive.cameras.find(
    (c) => c.name === camera,
  ) as DriveHandle["cameras"][number];
  for (let i = 0; i < stampsUs.length; i++) {
    const [frame] = await drive.frames(camera, [i]);
    const where = `${drive.path ?? drive.id} camera ${camera} at ${stampsUs[i]} us`;
    yield await decodeImage(frame.bytes, { ...size, where });
  }
}

async function firstSize(
  drive: DriveHandle,
  camera: string,
): Promise<{ width: number; height: number }> {
  const [frame] = await drive.frames(camera, [0]);
  const image: RgbImage = await decodeImage(frame.bytes, {
    where: `${drive.path} camera ${camera}`,
  });
  return { width: image.width & ~1, height: image.height & ~1 };
}

function medianStepUs(stampsUs: Float64Array): number {
  const steps = Array.from(stampsUs.subarray(1), (t, i) => t - stampsUs[i]).sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? 100_000;
}

async function clipFiles(
  { drive, split, labels }: ExportItem,
  chunk: number,
  folder: string,
  options: ExportOptions,
): Promise<ClipFiles> {
  const id = clipIdOf(drive.id);
  const offsetUs = drive.source.clockOffsetUs ?? 0;
  const cameras = drive.cameras.filter(
    (c) => c.stampsUs.length > 0 && (options.cameras?.includes(c.name) ?? true),
  );
  const videos = new Map<string, { mp4: string; times: Uint8Array }>();
  for (const { name, stampsUs } of cameras) {
    const size = await firstSize(drive, name);
    const mp4 = join(folder, `${id}.${name}.mp4`);
    const fps = Math.round(1e8 / medianStepUs(stampsUs)) / 100;
    const backend = await openVideoBackend();
    await backend.encode(picturesOf(drive, name, size), mp4, { ...size, fps, crf: 18 });
    const times = parquetBytes([
      { name: "timestamp", type: "INT64", data: Array.from(stampsUs, (t) => t - offsetUs) },
      { name: "frame_index", type: "INT64", data: Array.from(stampsUs.keys()) },
    ]);
    videos.set(paiCamera(name), { mp4, times });
  }
  const front = cameras[0]?.stampsUs;
  const hasText = labels.length > 0 || drive.has.reasoning;
  return {
    id,
    split,
    chunk,
    egomotion: egomotionTable(drive),
    videos,
    drive: { egoSize: drive.egoSize, cameras, source: drive.source },
    events: hasText
      ? labels.map((label) => ({
          ...(front === undefined ? {} : { event_start_frame: lastAt(front, label.t0Us) }),
          event_start_timestamp: label.t0Us - offsetUs,
          [options.textKey]: label.trace,
        }))
      : null,
  };
}

const lastAt = (stamps: Float64Array, t: number): number => {
  let row = 0;
  while (row + 1 < stamps.length && stamps[row + 1] <= t) row++;
  return row;
};

/** The layout's cameras all begin so, and readers look for it. */
const paiCamera = (name: string): string => (name.startsWith("camera_") ? name : `camera_${name}`);

const chunkName = (feature: string, chunk: number, ending: string): string =>
  `${feature}.chunk_${String(chunk).padStart(4, "0")}.${ending}`;

async function writeChunk(out: string, chunk: number, clips: readonly ClipFiles[]): Promise<void> {
  const zip = (feature: string, folder: string, members: readonly ZipMember[]) =>
    atomicWrite(join(out, folder, feature, chunkName(feature, chunk, "zip")), (sink) =>
      writeZip(sink, members),
    );
  const bytes = (content: Uint8Array) =>
    async function* () {
      yield content;
    };
  await zip(
    "egomotion",
    "labels",
    clips.map((c) => ({ name: `${c.id}.egomotion.parquet`, open: bytes(c.egomotion) })),
  );
  for (const camera of new Set(clips.flatMap((c) => [...c.videos.keys()]))) {
    const members = clips.flatMap((c): ZipMember[] => {
      const video = c.videos.get(camera);
      if (video === undefined) return [];
      return [
        { name: `${c.id}.${camera}.mp4`, open: () => createReadStream(video.mp4) },
        { name: `${c.id}.${camera}.timestamps.parquet`, open: bytes(video.times) },
      ];
    });
    await zip(camera, "camera", members);
  }
  const table = (feature: string, columns: readonly ParquetColumn[]) =>
    atomicWriteFile(
      join(out, "calibration", feature, chunkName(feature, chunk, "parquet")),
      parquetBytes(columns),
    );
  const lenses = clips.flatMap((c) =>
    c.drive.cameras.flatMap((camera) =>
      camera.lens === undefined
        ? []
        : [{ clip: c.id, camera: paiCamera(camera.name), lens: camera.lens }],
    ),
  );
  const poly = (key: "forward" | "backward", prefix: string): ParquetColumn[] =>
    Array.from({ length: Math.max(...lenses.map((l) => l.lens[key].length)) }, (_, k) => ({
      name: `${prefix}_poly_${k}`,
      type: "DOUBLE",
      data: lenses.map((l) => l.lens[key][k] ?? 0),
    }));
  if (lenses.length > 0) {
    await table("camera_intrinsics", [
      { name: "width", type: "INT64", data: lenses.map((l) => l.lens.width) },
      { name: "height", type: "INT64", data: lenses.map((l) => l.lens.height) },
      { name: "cx", type: "DOUBLE", data: lenses.map((l) => l.lens.cx) },
      { name: "cy", type: "DOUBLE", data: lenses.map((l) => l.lens.cy) },
      ...poly("backward", "bw"),
      ...poly("forward", "fw"),
      { name: "clip_id", type: "STRING", data: lenses.map((l) => l.clip) },
      { name: "camera_name", type: "STRING", data: lenses.map((l) => l.camera) },
    ]);
  }
  const mounted = clips.flatMap((c) =>
    c.drive.cameras.flatMap(({ name, lens, calibration }) => {
      const at = lens?.rigFromCamera ?? calibration?.rigFromCamera;
      return at === undefined ? [] : [{ clip: c.id, camera: paiCamera(name), at }];
    }),
  );
  if (mounted.length > 0) {
    await table("sensor_extrinsics", [
      ...(["qx", "qy", "qz", "qw", "x", "y", "z"] as const).map(
        (key): ParquetColumn => ({
          name: key,
          type: "DOUBLE",
          data: mounted.map((m) => m.at[key]),
        }),
      ),
      { name: "clip_id", type: "STRING", data: mounted.map((m) => m.clip) },
      { name: "sensor_name", type: "STRING", data: mounted.map((m) => m.camera) },
    ]);
  }
  const sized = clips.flatMap((c) =>
    c.drive.egoSize === null ? [] : [{ id: c.id, size: c.drive.egoSize }],
  );
  if (sized.length > 0) {
    await table("vehicle_dimensions", [
      { name: "length", type: "DOUBLE", data: sized.map((s) => s.size.lengthM) },
      { name: "width", type: "DOUBLE", data: sized.map((s) => s.size.widthM) },
      { name: "height", type: "DOUBLE", data: sized.map((s) => s.size.heightM) },
      {
        name: "rear_axle_to_bbox_center",
        type: "DOUBLE",
        data: sized.map((s) => s.size.rearAxleToCenterM),
      },
      { name: "clip_id", type: "STRING", data: sized.map((s) => s.id) },
    ]);
  }
}

/** Rows of the root's tables; a few hundred bytes a clip. */
type ClipSummary = Pick<ClipFiles, "id" | "split" | "chunk" | "events"> & {
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly cameras: readonly string[];
};

function featuresCsv(cameras: readonly string[]): string {
  const quoted = (value: object) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
  const chunk = "chunk_{chunk_id:04d}";
  const lines = ["feature,directory,chunk_path,clip_files_in_zip"];
  const egomotion = quoted({ egomotion: "{clip_id}.egomotion.parquet" });
  lines.push(`egomotion,labels,labels/egomotion/egomotion.${chunk}.zip,${egomotion}`);
  for (const name of ["camera_intrinsics", "sensor_extrinsics", "vehicle_dimensions"]) {
    lines.push(`${name},calibration,calibration/${name}/${name}.${chunk}.parquet,`);
  }
  for (const name of cameras) {
    const files = {
      video: `{clip_id}.${name}.mp4`,
      frame_timestamps: `{clip_id}.${name}.timestamps.parquet`,
    };
    lines.push(`${name},camera,camera/${name}/${name}.${chunk}.zip,${quoted(files)}`);
  }
  return `${lines.join("\n")}\n`;
}

async function writeRoot(out: string, clips: readonly ClipSummary[], options: ExportOptions) {
  const ids: ParquetColumn = { name: "clip_id", type: "STRING", data: clips.map((c) => c.id) };
  const cameras = [...new Set(clips.flatMap((c) => c.cameras))];
  await atomicWriteFile(join(out, "features.csv"), featuresCsv(cameras));
  const text = (name: string, key: string): ParquetColumn => ({
    name,
    type: "STRING",
    data: clips.map((c) => (typeof c.facts[key] === "string" ? (c.facts[key] as string) : null)),
  });
  const number = (name: string, key: string): ParquetColumn => ({
    name,
    type: "INT64",
    data: clips.map((c) => (typeof c.facts[key] === "number" ? (c.facts[key] as number) : null)),
  });
  await atomicWriteFile(
    join(out, "metadata", "data_collection.parquet"),
    parquetBytes([
      text("country", "country"),
      number("month", "month"),
      number("hour_of_day", "hourOfDay"),
      text("platform_class", "platformClass"),
      text("radar_config", "radarConfig"),
      ids,
    ]),
  );
  await atomicWriteFile(
    join(out, "metadata", "feature_presence.parquet"),
    parquetBytes([
      { name: "egomotion", type: "BOOLEAN", data: clips.map(() => true) },
      ...cameras.map(
        (name): ParquetColumn => ({
          name,
          type: "BOOLEAN",
          data: clips.map((c) => c.cameras.includes(name)),
        }),
      ),
      ids,
    ]),
  );
  const told = clips.filter((c) => c.events !== null);
  if (told.length > 0) {
    const fact = (key: string, otherwise: string) =>
      told.map((c) => (typeof c.facts[key] === "string" ? (c.facts[key] as string) : otherwise));
    await atomicWriteFile(
      join(out, "reasoning", "ood_reasoning.parquet"),
      parquetBytes([
        { name: "feature", type: "STRING", data: fact("reasoningFeature", "causeway") },
        { name: "event_cluster", type: "STRING", data: fact("eventCluster", "unknown") },
        { name: "split", type: "STRING", data: told.map((c) => c.split) },
        { name: "events", type: "STRING", data: told.map((c) => JSON.stringify(c.events)) },
        { name: "clip_id", type: "STRING", data: told.map((c) => c.id) },
      ]),
    );
  }
  if (options.chunkSize > 9999) {
    throw new DataConfigError(`export: chunk size ${options.chunkSize}; expected at most 9999.`);
  }
  await atomicWriteFile(
    join(out, "clip_index.parquet"),
    parquetBytes([
      {
        name: "clip_is_valid",
        type: "BOOLEAN",
        data: clips.map((c) => c.facts.clipIsValid !== false),
      },
      { name: "chunk", type: "INT64", data: clips.map((c) => c.chunk) },
      { name: "split", type: "STRING", data: clips.map((c) => c.split) },
      ids,
    ]),
  );
}

export async function writePhysicalAi(
  input: ExportInput,
  out: string,
  options: ExportOptions,
): Promise<number> {
  await mkdir(out, { recursive: true });
  const clips: ClipSummary[] = [];
  for (let chunk = 0; chunk * options.chunkSize < input.drives.length; chunk++) {
    const part = input.drives.slice(chunk * options.chunkSize, (chunk + 1) * options.chunkSize);
    // Videos of one chunk wait here until their archive is written.
    const folder = await mkdtemp(join(out, ".chunk-"));
    try {
      const files: ClipFiles[] = [];
      const done = input.each(part, async (item) => {
        requireMotion(item.drive, "physicalai-av");
        if (item.drive.path === null)
          throw new FormatError("missing", { path: item.drive.id }, "is no file.");
        return clipFiles(item, chunk, folder, options);
      });
      for await (const clip of done) files.push(clip);
      if (files.length > 0) await writeChunk(out, chunk, files);
      for (const { id, split, events, drive, videos } of files) {
        clips.push({
          id,
          split: typeof drive.source.facts?.split === "string" ? drive.source.facts.split : split,
          chunk,
          events,
          facts: drive.source.facts ?? {},
          cameras: [...videos.keys()],
        });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  if (clips.length > 0) await writeRoot(out, clips, options);
  return clips.length;
}
