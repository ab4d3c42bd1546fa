/**
 * Ego motion at any time inside its recording: rotation by slerp, position by a not-a-knot cubic spline through all rows,
 * velocity linearly. Nothing is extrapolated: a time outside is an error.
 */
import { GeomError, requireFinite, requireLength } from "./errors.ts";
import type { EgoMotion } from "./motion.ts";
import { slerp, type Quat } from "./quaternion.ts";
import { fitSpline, splineValue, type Spline } from "./spline.ts";
import { gridStamps, gridWithin, lastAtOrBefore, modelStepUs, type TimeGrid } from "./time-grid.ts";

const columns = ["x", "y", "z", "qw", "qx", "qy", "qz", "vx", "vy", "vz"] as const;

/**
 * Throws a `GeomError` unless all columns are as long as `stampUs`, finite, strictly increasing in time, with quaternions
 * of length 1 within 1e-3. Importers call it once at their edge.
 */
export function checkEgoMotion(motion: EgoMotion, where = "ego motion"): void {
  const { stampUs } = motion;
  if (stampUs.length === 0) {
    throw new GeomError("length", `${where}: has no rows; expected at least 1.`);
  }
  requireFinite(`${where} stampUs`, stampUs);
  for (let i = 0; i < stampUs.length; i++) {
    if (!Number.isInteger(stampUs[i])) {
      throw new GeomError(
        "config",
        `${where}: stamp ${i} is ${stampUs[i]}; expected integer microseconds from clip start. Round at import.`,
      );
    }
    if (i > 0 && stampUs[i] <= stampUs[i - 1]) {
      throw new GeomError(
        "not-increasing",
        `${where}: stamp ${i} is ${stampUs[i]} us after ${stampUs[i - 1]} us; expected strictly increasing times. Sort the rows and drop repeats.`,
      );
    }
  }
  for (const name of columns) {
    requireLength(`${where} column ${name}`, motion[name].length, stampUs.length);
    requireFinite(`${where} column ${name}`, motion[name]);
  }
  for (let i = 0; i < stampUs.length; i++) {
    const length = Math.hypot(motion.qw[i], motion.qx[i], motion.qy[i], motion.qz[i]);
    if (Math.abs(length - 1) > 1e-3) {
      throw new GeomError(
        "config",
        `${where}: quaternion ${i} has length ${length}; expected 1. Check the column order (w, x, y, z) and normalise.`,
      );
    }
  }
}

export function rotationAtRow(motion: EgoMotion, i: number): Quat {
  return { w: motion.qw[i], x: motion.qx[i], y: motion.qy[i], z: motion.qz[i] };
}

interface PositionSplines {
  readonly x: Spline;
  readonly y: Spline;
  readonly z: Spline;
}

// Many windows are read from one recording; its columns are read-only, so the fit may be kept as long as it lives.
const splinesOf = new WeakMap<EgoMotion, PositionSplines>();

function positionSplines(motion: EgoMotion): PositionSplines {
  let splines = splinesOf.get(motion);
  if (splines === undefined) {
    checkEgoMotion(motion);
    const seconds = motion.stampUs.map((us) => us * 1e-6);
    splines = {
      x: fitSpline(seconds, motion.x),
      y: fitSpline(seconds, motion.y),
      z: fitSpline(seconds, motion.z),
    };
    splinesOf.set(motion, splines);
  }
  return splines;
}

/** Motion at the given stamps (any order, integer microseconds, inside the recording). */
export function resampleAt(motion: EgoMotion, stampsUs: Float64Array): EgoMotion {
  const splines = positionSplines(motion);
  const { stampUs } = motion;
  const last = stampUs.length - 1;
  const n = stampsUs.length;
  const out = {
    stampUs: Float64Array.from(stampsUs),
    x: new Float64Array(n),
    y: new Float64Array(n),
    z: new Float64Array(n),
    qw: new Float64Array(n),
    qx: new Float64Array(n),
    qy: new Float64Array(n),
    qz: new Float64Array(n),
    vx: new Float64Array(n),
    vy: new Float64Array(n),
    vz: new Float64Array(n),
  };
  for (let i = 0; i < n; i++) {
    const t = stampsUs[i];
    if (!(t >= stampUs[0] && t <= stampUs[last])) {
      throw new GeomError(
        "out-of-range",
        `resample: asked for ${t} us; the recording spans ${stampUs[0]} … ${stampUs[last]} us. Choose a t0 with its whole window inside.`,
      );
    }
    const row = lastAtOrBefore(stampUs, t);
    if (stampUs[row] === t) {
      for (const name of columns) out[name][i] = motion[name][row];
      continue;
    }
    const share = (t - stampUs[row]) / (stampUs[row + 1] - stampUs[row]);
    const seconds = t * 1e-6;
    out.x[i] = splineValue(splines.x, row, seconds);
    out.y[i] = splineValue(splines.y, row, seconds);
    out.z[i] = splineValue(splines.z, row, seconds);
    const q = slerp(rotationAtRow(motion, row), rotationAtRow(motion, row + 1), share);
    out.qw[i] = q.w;
    out.qx[i] = q.x;
    out.qy[i] = q.y;
    out.qz[i] = q.z;
    out.vx[i] = motion.vx[row] + share * (motion.vx[row + 1] - motion.vx[row]);
    out.vy[i] = motion.vy[row] + share * (motion.vy[row + 1] - motion.vy[row]);
    out.vz[i] = motion.vz[row] + share * (motion.vz[row + 1] - motion.vz[row]);
  }
  return out;
}

/** Motion on a grid; the default is every multiple of 0.1 s inside the recording. */
export function resample(motion: EgoMotion, grid?: TimeGrid): EgoMotion {
  const { stampUs } = motion;
  const g = grid ?? gridWithin(stampUs[0], stampUs[stampUs.length - 1], modelStepUs);
  return resampleAt(motion, gridStamps(g));
}

/**
 * Velocity of a position column as the slopes of its spline, per second: for sources that record no velocity.
 * Passes through noise unchanged; smooth first where the positions jitter.
 */
export function slopesPerSecond(stampsUs: Float64Array, values: Float64Array): Float64Array {
  requireLength("slopesPerSecond values", values.length, stampsUs.length);
  return fitSpline(
    stampsUs.map((us) => us * 1e-6),
    values,
  ).slopes;
}
