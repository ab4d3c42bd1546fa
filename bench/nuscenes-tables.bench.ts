/**
 * Time and memory of importing from nuScenes tables as large as those of `v1.0-trainval` (850 scenes, 2.4 GB):
 *
 *   npx tsx bench/nuscenes-tables.bench.ts [SCENES]
 *
 * The tables are generated into a temporary folder, without pictures. Rows of one scene lie scattered over the whole of each
 * file, the worst order there is. Every step runs in a process of its own, whose largest resident size the system reports.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DriveRef, findSource, importDrives } from "../packages/data/src/index.ts";

const source = findSource("nuscenes");
const seconds = 20;
const cameras = ["FRONT", "FRONT_RIGHT", "BACK_RIGHT", "BACK", "BACK_LEFT", "FRONT_LEFT"];
const radars = ["FRONT", "FRONT_LEFT", "FRONT_RIGHT", "BACK_LEFT", "BACK_RIGHT"];
const channels = [
  { channel: "LIDAR_TOP", modality: "lidar", hz: 20, end: "pcd.bin" },
  ...cameras.map((c) => ({ channel: `CAM_${c}`, modality: "camera", hz: 12, end: "jpg" })),
  ...radars.map((c) => ({ channel: `RADAR_${c}`, modality: "radar", hz: 13, end: "pcd" })),
];
const samplesPerScene = seconds * 2;
const boxesPerSample = 34;
const startUs = 1_532_402_927_000_000;

/** 32 hex digits that look random, the same for the same numbers. */
function token(...numbers: readonly number[]): string {
  let text = "";
  for (let word = 0; word < 4; word++) {
    let h = 0x811c9dc5 ^ (word * 0x9e3779b1);
    for (const n of numbers) {
      h = Math.imul(h ^ n, 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      h ^= h >>> 16;
    }
    text += (h >>> 0).toString(16).padStart(8, "0");
  }
  return text;
}
const kinds = {
  scene: 1,
  sample: 2,
  data: 3,
  box: 4,
  instance: 5,
  calibrated: 6,
  sensor: 7,
  log: 8,
};
const sceneToken = (s: number) => token(kinds.scene, s);
const sampleToken = (s: number, k: number) => token(kinds.sample, s, k);
const sceneUs = (s: number) => startUs + s * 60_000_000;

/** As the published tables are written: one field or number a line. */
async function writeTable(path: string, rows: Iterable<object>): Promise<number> {
  const out = createWriteStream(path);
  let text = "[\n";
  let count = 0;
  for (const row of rows) {
    text += `${count++ === 0 ? "" : ",\n"}${JSON.stringify(row, null, 0).replaceAll(/,(?=["\d[-])/g, ",\n")}`;
    if (text.length > 2 ** 20) {
      if (!out.write(text)) await once(out, "drain");
      text = "";
    }
  }
  out.end(`${text}\n]`);
  await once(out, "finish");
  return count;
}

function* dataRows(scenes: number): Generator<object> {
  for (const [c, { channel, hz, end }] of channels.entries()) {
    for (let i = 0; i <= seconds * hz; i++) {
      for (let s = 0; s < scenes; s++) {
        const us = sceneUs(s) + Math.round((i * 1e6) / hz);
        const sample = Math.min(samplesPerScene - 1, Math.floor((i / hz) * 2));
        yield {
          token: token(kinds.data, s, c, i),
          sample_token: sampleToken(s, sample),
          ego_pose_token: token(kinds.data, s, c, i),
          calibrated_sensor_token: token(kinds.calibrated, s, c),
          timestamp: us,
          fileformat: end.slice(0, 3),
          is_key_frame: false,
          height: end === "jpg" ? 900 : 0,
          width: end === "jpg" ? 1600 : 0,
          filename: `sweeps/${channel}/n015-2018-07-24-11-22-45+0800__${channel}__${us}.${end}`,
          prev: token(kinds.data, s, c, i - 1),
          next: token(kinds.data, s, c, i + 1),
        };
      }
    }
  }
}

function* poseRows(scenes: number): Generator<object> {
  for (const [c, { hz }] of channels.entries()) {
    for (let i = 0; i <= seconds * hz; i++) {
      for (let s = 0; s < scenes; s++) {
        const t = i / hz;
        const yaw = (s % 6) + Math.PI / 7;
        yield {
          token: token(kinds.data, s, c, i),
          timestamp: sceneUs(s) + Math.round(t * 1e6),
          rotation: [Math.cos(yaw / 2), 0, 0, Math.sin(yaw / 2)],
          translation: [400 + s + 8 * t * Math.cos(yaw), 1100 + 8 * t * Math.sin(yaw), 0],
        };
      }
    }
  }
}

function* boxRows(scenes: number): Generator<object> {
  for (let k = 0; k < samplesPerScene; k++) {
    for (let b = 0; b < boxesPerSample; b++) {
      for (let s = 0; s < scenes; s++) {
        yield {
          token: token(kinds.box, s, k, b),
          sample_token: sampleToken(s, k),
          instance_token: token(kinds.instance, s, b),
          visibility_token: "4",
          attribute_tokens: [token(9, b)],
          translation: [400.123 + s + b * 2.71 + k, 1100.456 + b / 3, 1.0123],
          size: [0.621 + b / 17, 0.669 + b / 13, 1.642],
          rotation: [0.9831098797903927, 0, 0, -0.18301629506281616],
          prev: token(kinds.box, s, k - 1, b),
          next: token(kinds.box, s, k + 1, b),
          num_lidar_pts: 1,
          num_radar_pts: 0,
        };
      }
    }
  }
}

async function writeTables(folder: string, scenes: number): Promise<Record<string, number>> {
  await mkdir(folder, { recursive: true });
  const each = <T>(n: number, row: (i: number) => T) => Array.from({ length: n }, (_, i) => row(i));
  const counts: Record<string, number> = {};
  const tables: Record<string, Iterable<object>> = {
    scene: each(scenes, (s) => ({
      token: sceneToken(s),
      log_token: token(kinds.log, 0),
      nbr_samples: samplesPerScene,
      first_sample_token: sampleToken(s, 0),
      last_sample_token: sampleToken(s, samplesPerScene - 1),
      name: `scene-${String(s + 1).padStart(4, "0")}`,
      description: "Parked truck, construction, intersection, turn left",
    })),
    sample: each(scenes * samplesPerScene, (n) => {
      const [s, k] = [Math.floor(n / samplesPerScene), n % samplesPerScene];
      const timestamp = sceneUs(s) + k * 500_000;
      return { token: sampleToken(s, k), timestamp, scene_token: sceneToken(s) };
    }),
    calibrated_sensor: each(scenes * channels.length, (n) => {
      const [s, c] = [Math.floor(n / channels.length), n % channels.length];
      return {
        token: token(kinds.calibrated, s, c),
        sensor_token: token(kinds.sensor, c),
        translation: [1.7, 0, 1.5],
        rotation: [0.5, -0.5, 0.5, -0.5],
        camera_intrinsic:
          channels[c].end === "jpg"
            ? [
                [1266, 0, 816],
                [0, 1266, 491],
                [0, 0, 1],
              ]
            : [],
      };
    }),
    sensor: channels.map(({ channel, modality }, c) => ({
      token: token(kinds.sensor, c),
      channel,
      modality,
    })),
    log: [{ token: token(kinds.log, 0), location: "boston-seaport", date_captured: "2018-07-24" }],
    category: [{ token: token(10, 0), name: "vehicle.car" }],
    instance: each(scenes * boxesPerSample, (n) => ({
      token: token(kinds.instance, Math.floor(n / boxesPerSample), n % boxesPerSample),
      category_token: token(10, 0),
    })),
    sample_data: dataRows(scenes),
    ego_pose: poseRows(scenes),
    sample_annotation: boxRows(scenes),
  };
  for (const [name, rows] of Object.entries(tables)) {
    counts[name] = await writeTable(join(folder, `${name}.json`), rows);
  }
  return counts;
}

async function listAll(path: string): Promise<DriveRef[]> {
  const refs: DriveRef[] = [];
  for await (const ref of source.list(path)) refs.push(ref);
  return refs;
}

/** One step, in a process of its own; returns what is worth printing besides time and memory. */
async function step(name: string, path: string, scenes: number): Promise<string> {
  if (name === "list") {
    const refs = await listAll(path);
    if (refs.length !== scenes) throw new Error(`${refs.length} of ${scenes} scenes listed`);
    return `${refs.length} scenes`;
  }
  if (name === "one scene") {
    const ref = (await listAll(path))[scenes >> 1];
    let [bytes, reports] = [0, 0];
    const before = performance.now();
    await source.prepare?.(path, {
      onProgress: ({ done }) => {
        bytes = done;
        reports++;
      },
    });
    const between = performance.now();
    const { egoMotion, actors, durationUs } = await source.read(ref);
    const after = performance.now();
    const got = [durationUs, egoMotion.stampUs.length, actors?.length, actors?.[1].actors.length];
    const want = [seconds * 1e6, seconds * 20 + 1, samplesPerScene, boxesPerSample];
    if (got.some((value, i) => value !== want[i]))
      throw new Error(`read ${got.join(", ")}; expected ${want.join(", ")}`);
    return `tables ${((between - before) / 1000).toFixed(1)} s (${((bytes / (between - before)) * 1000).toFixed(0)} MB/s, ${reports} reports), then the scene ${(after - between).toFixed(0)} ms`;
  }
  const result = await importDrives(source, path, join(path, "set"));
  if (result.imported !== scenes) throw new Error(`${result.imported} of ${scenes} imported`);
  return `${result.imported} drives`;
}

if (process.argv[2] === "step") {
  const [name, path, scenes] = process.argv.slice(3);
  const start = performance.now();
  const note = await step(name, path, Number(scenes));
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const wallSecs = (performance.now() - start) / 1000;
  const cpuSecs = (userCPUTime + systemCPUTime) * 1e-6;
  console.log(
    `${name}: ${wallSecs.toFixed(1)} s, ${cpuSecs.toFixed(1)} s of CPU, peak ${(maxRSS / 1000).toFixed(0)} MB (load ${loadavg()[0].toFixed(1)}): ${note}`,
  );
} else {
  const scenes = Number(process.argv[2] ?? 850);
  const root = await mkdtemp(join(tmpdir(), "nuscenes-tables-"));
  try {
    const counts = await writeTables(join(root, "v1.0-trainval"), scenes);
    console.log(`${cpus()[0]?.model}, Node ${process.version}`);
    for (const [name, rows] of Object.entries(counts)) {
      const { size } = await stat(join(root, "v1.0-trainval", `${name}.json`));
      if (size > 1e6) console.log(`${name}.json: ${rows} rows, ${(size / 1e6).toFixed(0)} MB`);
    }
    for (const name of ["list", "one scene", "all scenes"]) {
      const self = fileURLToPath(import.meta.url);
      const args = ["--import", "tsx", self, "step", name, root, String(scenes)];
      const { stdout, status } = spawnSync(process.execPath, args, {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      if (status !== 0) throw new Error(`${name} ended with ${status}`);
      process.stdout.write(stdout);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
