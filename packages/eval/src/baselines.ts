/**
 * Kinematic baselines: what a driver with no eyes would plan from the 16-pose history alone. Speed, acceleration
 * and turn rate at t0 are least-squares fits over the whole history, so that one noisy pose does not decide 6.4 s.
 */
import type { LocalPath } from "@causeway/geom";
import { EvalError } from "./errors.ts";

export interface MotionFit {
  /** Signed along the heading, m/s. */
  readonly speedMps: number;
  readonly accelMps2: number;
  readonly yawRateRadps: number;
}

const stepSecs = 0.1;
/** Slower than this in the last step and not speeding up: standing. */
const standingMps = 0.05;

/** Intercept at time 0 and slope of the least-squares line. */
function fitLine(times: readonly number[], values: readonly number[]): [number, number] {
  const n = times.length;
  const meanT = times.reduce((a, b) => a + b, 0) / n;
  const meanV = values.reduce((a, b) => a + b, 0) / n;
  let covariance = 0;
  let variance = 0;
  for (let i = 0; i < n; i++) {
    covariance += (times[i] - meanT) * (values[i] - meanV);
    variance += (times[i] - meanT) ** 2;
  }
  const slope = variance === 0 ? 0 : covariance / variance;
  return [meanV - slope * meanT, slope];
}

/** Motion at t0 (the last row). Standing vehicles get exact zeros; no fit may turn a forward stop into reversing. */
export function fitMotion(history: LocalPath): MotionFit {
  const n = history.x.length;
  if (n < 3) {
    throw new EvalError(
      "shape",
      `fitMotion: history has ${n} poses; expected at least 3 (16 in a model sample).`,
    );
  }
  const speeds: number[] = [];
  const middles: number[] = [];
  for (let i = 1; i < n; i++) {
    const heading = (history.yaw[i] + history.yaw[i - 1]) / 2;
    const dx = history.x[i] - history.x[i - 1];
    const dy = history.y[i] - history.y[i - 1];
    speeds.push((dx * Math.cos(heading) + dy * Math.sin(heading)) / stepSecs);
    middles.push((i - n + 0.5) * stepSecs);
  }
  const [fitted, accelMps2] = fitLine(middles, speeds);
  const last = speeds[speeds.length - 1];
  const slowing = accelMps2 * Math.sign(fitted || 1) <= 0;
  if (speeds.every((v) => Math.abs(v) < standingMps) || (Math.abs(last) < standingMps && slowing)) {
    return { speedMps: 0, accelMps2: 0, yawRateRadps: 0 };
  }
  const wasForward = speeds.every((v) => v >= -standingMps);
  const wasBackward = speeds.every((v) => v <= standingMps);
  const speedMps = wasForward ? Math.max(0, fitted) : wasBackward ? Math.min(0, fitted) : fitted;
  const stamps = Array.from({ length: n }, (_, i) => (i - n + 1) * stepSecs);
  const [, yawRateRadps] = fitLine(stamps, Array.from(history.yaw));
  return { speedMps, accelMps2, yawRateRadps };
}

/** Straight on at the fitted speed of t0: rows at t0 + 0.1 s … , rig frame at t0. */
export function constantVelocity(history: LocalPath, steps = 64): LocalPath {
  const { speedMps } = fitMotion(history);
  return rollOut({ speedMps, accelMps2: 0, yawRateRadps: 0 }, steps);
}

/** Constant turn rate and acceleration; a braking car stops and then stands, it does not reverse. */
export function constantTurnRateAcceleration(history: LocalPath, steps = 64): LocalPath {
  return rollOut(fitMotion(history), steps);
}

// Three-point Gauss-Legendre on [0, 1]: exact to fifth order, so 0.1 s steps lose nothing that matters.
const nodes = [0.5 - Math.sqrt(0.15), 0.5, 0.5 + Math.sqrt(0.15)];
const nodeWeights = [5 / 18, 8 / 18, 5 / 18];

/** Path of a motion that stays as fitted: x' = v cos(h), y' = v sin(h), v' = a until it stops, h' = turn rate while it moves. */
export function rollOut(motion: MotionFit, steps: number): LocalPath {
  const { speedMps: v0, accelMps2: a, yawRateRadps: rate } = motion;
  const stopSecs = v0 * a < 0 ? -v0 / a : v0 === 0 && a <= 0 ? 0 : Number.POSITIVE_INFINITY;
  const path: LocalPath = {
    x: new Float64Array(steps),
    y: new Float64Array(steps),
    z: new Float64Array(steps),
    yaw: new Float64Array(steps),
  };
  let x = 0;
  let y = 0;
  for (let i = 0; i < steps; i++) {
    const from = Math.min(i * stepSecs, stopSecs);
    const to = Math.min((i + 1) * stepSecs, stopSecs);
    for (let g = 0; g < 3; g++) {
      const t = from + (to - from) * nodes[g];
      const ds = (v0 + a * t) * (to - from) * nodeWeights[g];
      x += ds * Math.cos(rate * t);
      y += ds * Math.sin(rate * t);
    }
    path.x[i] = x;
    path.y[i] = y;
    path.yaw[i] = rate * to;
  }
  return path;
}

/** The baselines of every open-loop table, by predictor name. */
export const kinematicBaselines: Readonly<
  Record<"constant_velocity" | "ctra", (history: LocalPath) => LocalPath>
> = {
  constant_velocity: (history) => constantVelocity(history),
  ctra: (history) => constantTurnRateAcceleration(history),
};
