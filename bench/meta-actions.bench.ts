/**
 * Ticks per second of meta-actions + keyframes, and of manoeuvres without a map, on one thread: `npx tsx bench/meta-actions.bench.ts`.
 * 20 s clips (200 ticks), as a data set has them, and one long drive. Detection, tidy intervals and keyframes are timed;
 * reading files is not. Rates are by the process's CPU time (a thread that has a core to itself) and by the clock, which on a
 * machine that does other work says how much of a core was left.
 */
import { loadavg } from "node:os";
import { createRng } from "@causeway/geom";
import {
  chooseKeyframes,
  detectMetaActions,
  type EgoColumns,
  findManoeuvres,
} from "@causeway/label";

/** Random accelerations and curvatures, 1 to 5 s each. */
function randomDrive(seed: number, tickCount: number): EgoColumns {
  const rng = createRng(seed);
  const [x, y, yaw, vx, vy] = Array.from({ length: 5 }, () => new Float64Array(tickCount));
  let [px, py, heading, v, accel, curvature, left] = [0, 0, 0, rng.uniform(0, 15), 0, 0, 0];
  for (let i = 0; i < tickCount; i++) {
    if (left-- <= 0) {
      left = 10 + rng.int(40);
      accel = rng.next() < 0.4 ? 0 : rng.uniform(-2.5, 2);
      curvature = rng.next() < 0.5 ? 0 : rng.uniform(-0.1, 0.1);
    }
    [x[i], y[i], yaw[i]] = [px, py, heading];
    [vx[i], vy[i]] = [v * Math.cos(heading), v * Math.sin(heading)];
    v = Math.min(25, Math.max(0, v + accel * 0.1));
    heading += curvature * v * 0.1;
    px += v * 0.1 * Math.cos(heading);
    py += v * 0.1 * Math.sin(heading);
  }
  return { x, y, yaw, vx, vy };
}

const keyframesOf = (d: EgoColumns): number =>
  chooseKeyframes(detectMetaActions(d), d).keyframes.length;
const manoeuvresOf = (d: EgoColumns): number => findManoeuvres(d).length;

function bench(
  name: string,
  drives: readonly EgoColumns[],
  rounds: number,
  work: (d: EgoColumns) => number = keyframesOf,
): void {
  const ticks = drives.reduce((sum, d) => sum + d.x.length, 0);
  let found = 0;
  const pass = () => {
    found = 0;
    for (const d of drives) found += work(d);
  };
  pass();
  pass();
  const rates: number[] = [];
  const began = process.hrtime.bigint();
  for (let i = 0; i < rounds; i++) {
    const start = process.cpuUsage();
    pass();
    const { user, system } = process.cpuUsage(start);
    rates.push(ticks / ((user + system) * 1e-6));
  }
  const wallSecs = Number(process.hrtime.bigint() - began) * 1e-9;
  if (found === 0) throw new Error(`${name}: nothing found; the input is wrong`);
  rates.sort((a, b) => a - b);
  const millions = (v: number) => (v / 1e6).toFixed(2);
  console.log(
    `${name}: ${millions(rates[rates.length >> 1])} M ticks per CPU second median, ${millions(rates[rates.length - 1])} best of ${rounds}; ${millions((rounds * ticks) / wallSecs)} M ticks/s by the clock, load ${loadavg()[0].toFixed(1)} (${ticks} ticks, ${found} found)`,
  );
}

bench(
  "meta-actions + keyframes, clips of 200 ticks",
  Array.from({ length: 2000 }, (_, i) => randomDrive(i + 1, 200)),
  9,
);
bench("meta-actions + keyframes, one drive of 100000 ticks", [randomDrive(7, 100_000)], 9);
bench(
  "manoeuvres without a map, clips of 200 ticks",
  Array.from({ length: 500 }, (_, i) => randomDrive(i + 1, 200)),
  5,
  manoeuvresOf,
);
bench(
  "manoeuvres without a map, one drive of 20000 ticks",
  [randomDrive(7, 20_000)],
  5,
  manoeuvresOf,
);
