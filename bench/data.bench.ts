/**
 * Drive files and samples: writes, reads and samples a small data set like the quickstart's (20 s, 3 cameras of 160x96 at
 * 10 Hz, 12 actors, a map of 30 lanes), and prints times per drive and per picture.
 *
 *   npx tsx bench/data.bench.ts [drives]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import {
  createDataset,
  type Drive,
  encodeJpeg,
  openSampleLoader,
  sampleGrid,
} from "../packages/data/src/index.ts";
import { createRng } from "../packages/geom/src/index.ts";

const numDrives = Number(process.argv[2] ?? 20);
const numFrames = 201;
const [width, height] = [160, 96];
const cameraNames = [
  "camera_front_wide_120fov",
  "camera_cross_left_120fov",
  "camera_cross_right_120fov",
];
const rng = createRng(1);

/** Smooth shading with a little noise: compresses like a rendered road. */
async function pictures(count: number): Promise<Uint8Array[]> {
  const out: Uint8Array[] = [];
  for (let k = 0; k < count; k++) {
    const pixels = new Uint8Array(width * height * 3);
    for (let i = 0; i < pixels.length; i++) {
      const x = Math.floor(i / 3) % width;
      const y = Math.floor(i / 3 / width);
      pixels[i] =
        90 + 60 * Math.sin((x + k) / 17 + (i % 3)) + (y > 48 ? 40 : 0) + rng.uniform(0, 12);
    }
    out.push(await encodeJpeg({ width, height, pixels }, 90));
  }
  return out;
}

function makeDrive(id: string, frames: readonly Uint8Array[]): Drive {
  const stamps = Array.from({ length: numFrames }, (_, i) => i * 100_000);
  const column = (f: (t: number) => number) => Float64Array.from(stamps, (us) => f(us * 1e-6));
  const zero = column(() => 0);
  const lanePoints = Array.from({ length: 100 }, (_, i) => i * 2);
  const line = (y: number) => ({ x: lanePoints, y: lanePoints.map((x) => y + Math.sin(x / 40)) });
  return {
    id,
    source: { format: "bench", licence: "Apache-2.0", scenario: "bench", seed: 1, notes: [] },
    durationUs: stamps[numFrames - 1],
    egoMotion: {
      stampUs: Float64Array.from(stamps),
      x: column((t) => 10 * t),
      y: zero,
      z: zero,
      qw: column(() => 1),
      qx: zero,
      qy: zero,
      qz: zero,
      vx: column(() => 10),
      vy: zero,
      vz: zero,
    },
    egoSize: null,
    cameras: cameraNames.map((name, c) => ({
      name,
      calibration: null,
      frames: stamps.map((stampUs, i) => ({
        stampUs,
        encoding: "jpeg",
        bytes: frames[(i + 7 * c) % frames.length],
      })),
    })),
    actors: stamps.map((stampUs) => ({
      stampUs,
      actors: Array.from({ length: 12 }, (_, k) => ({
        id: k,
        kind: "car",
        x: rng.uniform(0, 100),
        y: rng.uniform(-10, 10),
        z: 0,
        yaw: rng.uniform(-1, 1),
        speedMps: rng.uniform(0, 15),
        lengthM: 4.6,
        widthM: 1.9,
        heightM: 1.6,
        braking: false,
        indicator: "none",
      })),
    })),
    lights: null,
    map: {
      lanes: Array.from({ length: 30 }, (_, k) => ({
        id: k,
        centerline: line(3.5 * k),
        left: line(3.5 * k + 1.75),
        right: line(3.5 * k - 1.75),
        leftMarking: "dashed",
        rightMarking: "solid",
        isJunction: false,
        successors: [],
        speedLimitMps: 14,
      })),
      drivable: [],
      crosswalks: [],
      stopLines: [],
      lights: [],
    },
    route: [{ stampUs: 0, command: "straight", distanceM: null }],
    decisions: null,
  };
}

async function timed<T>(
  what: string,
  count: number,
  unit: string,
  work: () => Promise<T>,
): Promise<T> {
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  const result = await work();
  const ms = performance.now() - from;
  const cpu = process.cpuUsage(cpuFrom);
  const cpuMs = (cpu.user + cpu.system) / 1000;
  const rssMb = process.memoryUsage().rss / 1e6;
  console.log(
    `${what.padEnd(34)} ${(ms / count).toFixed(2).padStart(8)} ms/${unit}  cpu ${(cpuMs / count).toFixed(2).padStart(7)}  ${((count / ms) * 1000).toFixed(0).padStart(7)} ${unit}/s  rss ${rssMb.toFixed(0)} MB`,
  );
  return result;
}

const folder = await mkdtemp(join(tmpdir(), "data-bench-"));
try {
  console.log(
    `${numDrives} drives, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
  );
  const frames = await timed("encode JPEG, one after another", 201, "picture", () => pictures(201));
  const drives = Array.from({ length: numDrives }, (_, i) => makeDrive(`bench-${i}`, frames));
  const dataset = await createDataset(folder);
  await timed("write (with fsync)", numDrives, "drive", async () => {
    for (const drive of drives) await dataset.addDrive(drive);
  });
  const bytes = dataset.drives.reduce((sum, d) => sum + d.bytes, 0);
  console.log(`${"size".padEnd(34)} ${(bytes / numDrives / 1e6).toFixed(2).padStart(8)} MB/drive`);
  await timed("open", numDrives, "drive", async () => {
    for (const { id } of dataset.drives) await (await dataset.open(id)).close();
  });
  await timed("read all but pictures", numDrives, "drive", async () => {
    for (const { id } of dataset.drives) await dataset.read(id, { cameras: false });
  });
  await timed("read all", numDrives, "drive", async () => {
    for (const { id } of dataset.drives) await dataset.read(id);
  });
  const keys = drives.flatMap((drive) =>
    sampleGrid(drive, { strideUs: 500_000 }).map((t0Us) => ({ driveId: drive.id, t0Us })),
  );
  const order = keys.map((key) => ({ key, at: rng.next() })).sort((a, b) => a.at - b.at);
  for (const cacheDir of [null, dataset.cacheDir]) {
    const loader = await openSampleLoader(dataset, {
      cameras: cameraNames,
      width,
      height,
      cacheDir,
    });
    for (const pass of ["first pass", "second pass"]) {
      await timed(
        `samples, ${loader.stats().cache} cache, ${pass}`,
        keys.length,
        "sample",
        async () => {
          for (let i = 0; i < order.length; i += 16) {
            const batch = await loader.load(order.slice(i, i + 16).map((o) => o.key));
            const image = batch[0]?.cameras.get(cameraNames[0])?.[3];
            if (image?.pixels.length !== width * height * 3) throw new Error("wrong sample");
          }
        },
      );
    }
    console.log(`${"".padEnd(34)} ${JSON.stringify(loader.stats())}`);
    await loader.close();
  }
} finally {
  await rm(folder, { recursive: true });
}
