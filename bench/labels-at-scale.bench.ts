/**
 * Peak memory of importing and labelling generated clips, for two sizes of dataset:
 * `npx tsx bench/labels-at-scale.bench.ts [FEW] [MANY]` (default 1000 and 10000).
 * A clip is 20 s of ego motion and decisions at 10 Hz without pictures, in our own MCAP layout. Every step runs in a process
 * of its own, whose largest resident size the system reports.
 */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labelDataset } from "../packages/cli/src/stages/labels.ts";
import { work as writePages } from "../packages/cli/src/stages/dataset-pages.ts";
import {
  type Drive,
  type DrivingDecision,
  findSource,
  importDrives,
  openDataset,
  writeDrive,
} from "../packages/data/src/index.ts";
import { bareDrive, type PlanarState } from "../packages/data/src/testing/index.ts";
import { createRng } from "../packages/geom/src/index.ts";

const numTicks = 201;

/** Random accelerations and curvatures, 1 to 5 s each, with the decision that goes with them. */
function clip(id: string, seed: number): Drive {
  const rng = createRng(seed);
  const states: PlanarState[] = [];
  const decisions: { stampUs: number; decision: DrivingDecision }[] = [];
  let [x, y, yaw, v, accel, curvature, left] = [0, 0, 0, rng.uniform(0, 15), 0, 0, 0];
  for (let i = 0; i < numTicks; i++) {
    if (left-- <= 0) {
      left = 10 + rng.int(40);
      accel = rng.next() < 0.4 ? 0 : rng.uniform(-2.5, 2);
      curvature = rng.next() < 0.6 ? 0 : rng.uniform(-0.05, 0.05);
    }
    states.push({ x, y, yawRad: yaw, speedMps: v });
    decisions.push({
      stampUs: i * 100_000,
      decision: {
        longitudinal: accel < 0 ? "speed_adaptation_road_event" : "set_speed_tracking",
        lateral: "lane_keep",
        lateralSide: null,
        components: [],
        causeIds: [],
      },
    });
    v = Math.min(25, Math.max(0, v + accel * 0.1));
    yaw += curvature * v * 0.1;
    x += v * 0.1 * Math.cos(yaw);
    y += v * 0.1 * Math.sin(yaw);
  }
  return bareDrive(id, states, {
    source: { format: "bench", licence: "CC0-1.0", scenario: null, seed, notes: [] },
    decisions,
  });
}

const signal = new AbortController().signal;
const nothing = () => undefined;

/** One step, in a process of its own. */
async function step(name: string, count: number, logs: string, set: string): Promise<void> {
  if (name === "generate") {
    await mkdir(logs, { recursive: true });
    for (let i = 0; i < count; i++) {
      const id = `clip-${String(i).padStart(6, "0")}`;
      await writeDrive(clip(id, i + 1), join(logs, `${id}.mcap`));
    }
  } else if (name === "import") {
    const { imported } = await importDrives(findSource("causeway"), logs, set, { signal });
    if (imported !== count) throw new Error(`${imported} of ${count} clips imported`);
  } else if (name === "label") {
    const options = {
      splits: null,
      seed: 1,
      trainEverySecs: 0.5,
      heldOutEverySecs: 0.5,
      name: "bench",
    };
    const result = await labelDataset(set, options, { signal, progress: nothing });
    if (result.drives !== count || result.labelled === 0 || result.keyframes === 0)
      throw new Error(`labelled ${JSON.stringify(result)}; expected ${count} drives`);
  } else {
    const input = { runDir: set, options: { maxPages: 40 }, setting: { dataDir: "." } };
    await writePages(input, { signal, progress: nothing, line: nothing, part: 0, parts: 1 });
  }
}

const steps = ["generate", "import", "label", "report"] as const;
interface Measured {
  readonly peakMb: number;
  readonly wallSecs: number;
  readonly cpuSecs: number;
}

function measure(name: string, count: number, logs: string, set: string): Measured {
  const self = fileURLToPath(import.meta.url);
  const { stdout, status } = spawnSync(
    process.execPath,
    ["--import", "tsx", self, "step", name, String(count), logs, set],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  );
  if (status !== 0) throw new Error(`${name} of ${count} clips ended with ${status}`);
  return JSON.parse(stdout) as Measured;
}

if (process.argv[2] === "step") {
  const [name, count, logs, set] = process.argv.slice(3);
  const start = performance.now();
  await step(name, Number(count), logs, set);
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const measured: Measured = {
    peakMb: maxRSS / 1000,
    wallSecs: (performance.now() - start) / 1000,
    cpuSecs: (userCPUTime + systemCPUTime) * 1e-6,
  };
  console.log(JSON.stringify(measured));
} else {
  const sizes = [Number(process.argv[2] ?? 1000), Number(process.argv[3] ?? 10_000)] as const;
  const root = await mkdtemp(join(tmpdir(), "labels-at-scale-"));
  const peaks = new Map<string, number[]>();
  try {
    for (const count of sizes) {
      const [logs, set] = [join(root, `logs-${count}`), join(root, `set-${count}`)];
      for (const name of steps) {
        const { peakMb, wallSecs, cpuSecs } = measure(name, count, logs, set);
        peaks.set(name, [...(peaks.get(name) ?? []), peakMb]);
        console.log(
          `${name} of ${count} clips: peak ${peakMb.toFixed(0)} MB, ${(cpuSecs / count / 0.001).toFixed(1)} ms of CPU a clip, ${wallSecs.toFixed(0)} s (load ${loadavg()[0].toFixed(1)})`,
        );
      }
      const dataset = await openDataset(set);
      if (dataset.drives.length !== count) throw new Error(`${dataset.drives.length} drives`);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  for (const [name, [few, many]] of peaks)
    console.log(
      `${name}: peak at ${sizes[1]} clips is ${(many / few).toFixed(2)} times that at ${sizes[0]}`,
    );
}
