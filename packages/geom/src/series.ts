/** Scalar series of planar motion on an even grid: what plots, labels and checks read. */
import { unwrapAngles } from "./angle.ts";
import { GeomError } from "./errors.ts";
import type { EgoMotion, LocalPath } from "./motion.ts";
import { yawOfQuat } from "./quaternion.ts";
import { resample, rotationAtRow } from "./resample.ts";

/** All columns have one value per tick. Left turns are positive. */
export interface MotionSeries {
  readonly dtSecs: number;
  readonly stampUs: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** World heading, rad, unwrapped. */
  readonly yaw: Float64Array;
  /** Planar velocity, in the frame of x and y. */
  readonly vxMps: Float64Array;
  readonly vyMps: Float64Array;
  /** Planar speed, never negative. */
  readonly speedMps: Float64Array;
  /** Planar velocity along the heading; negative when reversing. */
  readonly signedSpeedMps: Float64Array;
  /** Rate of the signed speed; central differences, one-sided at the two ends. */
  readonly accelMps2: Float64Array;
  readonly yawRateRadps: Float64Array;
  /** Yaw rate / signed speed; 0 where |speed| is below `minSpeedForCurvatureMps`, where the ratio is noise. */
  readonly curvaturePerM: Float64Array;
}

export const minSpeedForCurvatureMps = 0.3;

/** d/dt on an even grid: central differences, one-sided at the two ends; zeros for fewer than two values. */
export function rateOf(values: Float64Array, dtSecs: number): Float64Array {
  const n = values.length;
  const out = new Float64Array(n);
  if (n < 2) return out;
  out[0] = (values[1] - values[0]) / dtSecs;
  out[n - 1] = (values[n - 1] - values[n - 2]) / dtSecs;
  for (let i = 1; i < n - 1; i++) out[i] = (values[i + 1] - values[i - 1]) / (2 * dtSecs);
  return out;
}

function curvatureOf(yawRate: Float64Array, signedSpeed: Float64Array): Float64Array {
  return yawRate.map((rate, i) =>
    Math.abs(signedSpeed[i]) < minSpeedForCurvatureMps ? 0 : rate / signedSpeed[i],
  );
}

/** Series on the 10 Hz grid inside the recording (motion that is already on it is used as it is). */
export function motionSeries(motion: EgoMotion): MotionSeries {
  const at10Hz = resample(motion);
  const n = at10Hz.stampUs.length;
  if (n === 0) {
    throw new GeomError(
      "length",
      "motionSeries: no multiple of 0.1 s lies inside the recording; expected at least one.",
    );
  }
  const dtSecs = 0.1;
  const yaw = unwrapAngles(
    Float64Array.from({ length: n }, (_, i) => yawOfQuat(rotationAtRow(at10Hz, i))),
  );
  const speedMps = Float64Array.from({ length: n }, (_, i) =>
    Math.hypot(at10Hz.vx[i], at10Hz.vy[i]),
  );
  const signedSpeedMps = Float64Array.from(
    { length: n },
    (_, i) => at10Hz.vx[i] * Math.cos(yaw[i]) + at10Hz.vy[i] * Math.sin(yaw[i]),
  );
  const yawRateRadps = rateOf(yaw, dtSecs);
  return {
    dtSecs,
    stampUs: at10Hz.stampUs,
    x: at10Hz.x,
    y: at10Hz.y,
    yaw,
    vxMps: at10Hz.vx,
    vyMps: at10Hz.vy,
    speedMps,
    signedSpeedMps,
    accelMps2: rateOf(signedSpeedMps, dtSecs),
    yawRateRadps,
    curvaturePerM: curvatureOf(yawRateRadps, signedSpeedMps),
  };
}

/**
 * Series of a planned or recorded future path: row 0 is t0 (the origin, `v0Mps`), rows 1 … n are the poses.
 * Speed of a row is the mean signed step along the heading on both sides of it; the last row has one side.
 */
export function pathSeries(
  path: LocalPath,
  v0Mps: number,
  dtSecs = 0.1,
): Omit<MotionSeries, "stampUs"> {
  const n = path.x.length + 1;
  const shift = (column: Float64Array) => {
    const out = new Float64Array(n);
    out.set(column, 1);
    return out;
  };
  const x = shift(path.x);
  const y = shift(path.y);
  const yaw = unwrapAngles(shift(path.yaw));
  const signedSpeedMps = new Float64Array(n);
  signedSpeedMps[0] = v0Mps;
  for (let i = 1; i < n; i++) {
    const from = i - 1;
    const to = Math.min(i + 1, n - 1);
    const dx = x[to] - x[from];
    const dy = y[to] - y[from];
    signedSpeedMps[i] = (dx * Math.cos(yaw[i]) + dy * Math.sin(yaw[i])) / ((to - from) * dtSecs);
  }
  const yawRateRadps = rateOf(yaw, dtSecs);
  return {
    dtSecs,
    x,
    y,
    yaw,
    vxMps: signedSpeedMps.map((v, i) => v * Math.cos(yaw[i])),
    vyMps: signedSpeedMps.map((v, i) => v * Math.sin(yaw[i])),
    speedMps: signedSpeedMps.map(Math.abs),
    signedSpeedMps,
    accelMps2: rateOf(signedSpeedMps, dtSecs),
    yawRateRadps,
    curvaturePerM: curvatureOf(yawRateRadps, signedSpeedMps),
  };
}
