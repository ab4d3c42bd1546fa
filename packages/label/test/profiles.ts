/** Synthetic 10 Hz drives for tests: accelerations and curvatures integrated to ego columns. */
import type { EgoMotion, Rng } from "@causeway/geom";
import type { EgoColumns } from "@causeway/label";

export interface Control {
  readonly secs: number;
  readonly accelMps2?: number;
  readonly curvaturePerM?: number;
}

/** Drives the controls one after another from the origin at `v0Mps`; braking stops at standstill unless `mayReverse`. */
export function drive(
  v0Mps: number,
  controls: readonly Control[],
  { yaw0 = 0, mayReverse = false } = {},
): EgoColumns {
  const rows: number[][] = [];
  let [x, y, yaw, v] = [0, 0, yaw0, v0Mps];
  const fine = 10;
  const dt = 0.1 / fine;
  rows.push([x, y, yaw, v]);
  for (const c of controls) {
    for (let i = 0; i < Math.round(c.secs * 10); i++) {
      for (let k = 0; k < fine; k++) {
        let next = v + (c.accelMps2 ?? 0) * dt;
        if (!mayReverse && next < 0) next = 0;
        const step = ((v + next) / 2) * dt;
        const turn = (c.curvaturePerM ?? 0) * step;
        x += step * Math.cos(yaw + turn / 2);
        y += step * Math.sin(yaw + turn / 2);
        yaw += turn;
        v = next;
      }
      rows.push([x, y, yaw, v]);
    }
  }
  const column = (f: (r: number[]) => number) => Float64Array.from(rows, f);
  return {
    x: column((r) => r[0]),
    y: column((r) => r[1]),
    yaw: column((r) => Math.atan2(Math.sin(r[2]), Math.cos(r[2]))),
    vx: column((r) => r[3] * Math.cos(r[2])),
    vy: column((r) => r[3] * Math.sin(r[2])),
  };
}

export function mirror(c: EgoColumns): EgoColumns {
  const negate = (v: Float64Array) => v.map((a) => -a);
  return { x: c.x, y: negate(c.y), yaw: negate(c.yaw), vx: c.vx, vy: negate(c.vy) };
}

/** A drive given by functions of time: acceleration, road curvature (per metre) and sideways offset from the road's lane. */
export interface Course {
  readonly v0Mps: number;
  readonly secs: number;
  readonly accelMps2: (secs: number) => number;
  readonly roadPerM?: (secs: number) => number;
  readonly offsetM?: (secs: number) => number;
  /** Standard deviations of the recorded values. */
  readonly noise?: {
    readonly rng: Rng;
    readonly posM: number;
    readonly yawRad: number;
    readonly speedMps: number;
  };
}

/** 10 Hz ego motion of a course; speed never falls below 0. */
export function driveCourse(course: Course): EgoMotion {
  const { accelMps2, roadPerM = () => 0, offsetM = () => 0, noise } = course;
  const fine = 8;
  const dt = 0.1 / fine;
  const ticks = Math.round(course.secs * 10) + 1;
  const rows: number[][] = [];
  let [x, y, road, v] = [0, 0, 0.4, course.v0Mps];
  const jitter = (sd: number) => (noise === undefined ? 0 : sd * noise.rng.normal());
  for (let i = 0; i < ticks; i++) {
    const slope = (t: number) => {
      const rate = (offsetM(t + 1e-3) - offsetM(t - 1e-3)) / 2e-3;
      return v < 0.2 ? 0 : Math.atan2(rate, v);
    };
    const t0 = i * 0.1;
    const yaw = road + slope(t0) + jitter(noise?.yawRad ?? 0);
    const speed = Math.max(0, v + jitter(noise?.speedMps ?? 0));
    rows.push([
      x + jitter(noise?.posM ?? 0),
      y + jitter(noise?.posM ?? 0),
      yaw,
      speed * Math.cos(yaw),
      speed * Math.sin(yaw),
    ]);
    for (let k = 0; k < fine; k++) {
      const t = t0 + k * dt;
      const next = Math.max(0, v + accelMps2(t) * dt);
      const step = ((v + next) / 2) * dt;
      const heading = road + slope(t);
      x += step * Math.cos(heading);
      y += step * Math.sin(heading);
      road += roadPerM(t) * step;
      v = next;
    }
  }
  const column = (f: (r: number[]) => number) => Float64Array.from(rows, f);
  const zero = () => new Float64Array(ticks);
  return {
    stampUs: Float64Array.from(rows, (_, i) => i * 100_000),
    x: column((r) => r[0]),
    y: column((r) => r[1]),
    z: zero(),
    qw: column((r) => Math.cos(r[2] / 2)),
    qx: zero(),
    qy: zero(),
    qz: column((r) => Math.sin(r[2] / 2)),
    vx: column((r) => r[3]),
    vy: column((r) => r[4]),
    vz: zero(),
  };
}

/** 0 before `start`, 1 after `start + secs`, smooth between (quintic). */
export function ease(start: number, secs: number): (t: number) => number {
  return (t) => {
    const u = Math.min(1, Math.max(0, (t - start) / secs));
    return u * u * u * (10 - 15 * u + 6 * u * u);
  };
}
