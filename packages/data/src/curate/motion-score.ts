/** What the ego motion of a clip says about its quality, as plain numbers; no threshold is applied here. */
import type { EgoMotion } from "@causeway/geom";
import { motionSeries, yawOfQuat } from "@causeway/geom";

export interface MotionScores {
  /** Share of 10 Hz ticks slower than 0.3 m/s. */
  readonly parkedShare: number;
  readonly distanceM: number;
  readonly maxSpeedMps: number;
  readonly maxAccelMps2: number;
  readonly maxLateralAccelMps2: number;
  readonly maxYawRateRadps: number;
  /** Longest time between two poses, and how much steps differ: median of |step - median step| over the median step. */
  readonly poseGapSecs: number;
  readonly poseJitter: number;
  /** Largest step of the position that the velocities at both ends do not explain, m. */
  readonly jumpM: number;
  /** Largest change of heading in one step that the step before does not lead one to expect, rad. */
  readonly yawJumpRad: number;
}

/** Rows of a motion in [fromUs, toUs], as views. */
export function sliceMotion(motion: EgoMotion, fromUs: number, toUs: number): EgoMotion {
  const { stampUs } = motion;
  let first = 0;
  while (first < stampUs.length && stampUs[first] < fromUs) first++;
  let last = stampUs.length;
  while (last > first && stampUs[last - 1] > toUs) last--;
  const part = (column: Float64Array) => column.subarray(first, last);
  return {
    stampUs: part(motion.stampUs),
    x: part(motion.x),
    y: part(motion.y),
    z: part(motion.z),
    qw: part(motion.qw),
    qx: part(motion.qx),
    qy: part(motion.qy),
    qz: part(motion.qz),
    vx: part(motion.vx),
    vy: part(motion.vy),
    vz: part(motion.vz),
  };
}

const greatest = (values: Iterable<number>) => {
  let out = 0;
  for (const v of values) out = Math.max(out, Math.abs(v));
  return out;
};
const median = (sorted: Float64Array) => sorted[sorted.length >> 1] ?? 0;

/** @param motion at least 3 poses, spanning at least 0.3 s; null when it is less */
export function scoreMotion(motion: EgoMotion): MotionScores | null {
  const { stampUs, x, y, z, vx, vy, vz } = motion;
  const n = stampUs.length;
  if (n < 3 || stampUs[n - 1] - stampUs[0] < 300_000) return null;
  const series = motionSeries(motion);
  const steps = new Float64Array(n - 1);
  const yaw = Float64Array.from({ length: n }, (_, i) =>
    yawOfQuat({ w: motion.qw[i], x: motion.qx[i], y: motion.qy[i], z: motion.qz[i] }),
  );
  let [distanceM, jumpM, yawJumpRad] = [0, 0, 0];
  let expectedRate: number | null = null;
  for (let i = 1; i < n; i++) {
    const dt = (stampUs[i] - stampUs[i - 1]) * 1e-6;
    steps[i - 1] = dt;
    const [dx, dy, dz] = [x[i] - x[i - 1], y[i] - y[i - 1], z[i] - z[i - 1]];
    distanceM += Math.hypot(dx, dy);
    jumpM = Math.max(
      jumpM,
      Math.hypot(
        dx - (dt * (vx[i] + vx[i - 1])) / 2,
        dy - (dt * (vy[i] + vy[i - 1])) / 2,
        dz - (dt * (vz[i] + vz[i - 1])) / 2,
      ),
    );
    let turn = yaw[i] - yaw[i - 1];
    turn -= 2 * Math.PI * Math.round(turn / (2 * Math.PI));
    if (expectedRate !== null)
      yawJumpRad = Math.max(yawJumpRad, Math.abs(turn - expectedRate * dt));
    expectedRate = turn / dt;
  }
  const sorted = steps.slice().sort();
  const middle = median(sorted);
  const spread = median(steps.map((s) => Math.abs(s - middle)).sort());
  const ticks = series.speedMps.length;
  return {
    parkedShare: series.speedMps.filter((v) => v < 0.3).length / ticks,
    distanceM,
    maxSpeedMps: greatest(series.speedMps),
    maxAccelMps2: greatest(series.accelMps2),
    maxLateralAccelMps2: greatest(series.yawRateRadps.map((r, i) => r * series.speedMps[i])),
    maxYawRateRadps: greatest(series.yawRateRadps),
    poseGapSecs: sorted[sorted.length - 1],
    poseJitter: middle > 0 ? spread / middle : 0,
    jumpM,
    yawJumpRad,
  };
}
