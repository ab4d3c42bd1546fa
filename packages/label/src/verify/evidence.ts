/** What the car did or plans to do, as the rules read it: speeds, headings and sideways shifts around t0. */
import {
  createActionSpace,
  futureAt,
  historyAt,
  pathSeries,
  requireFinite,
  resampleAt,
  rotationAtRow,
  yawOfQuat,
  type ActionSpace,
  type EgoMotion,
  type LocalPath,
} from "@causeway/geom";
import { findSways, type Sway } from "./sways.ts";

export interface MotionEvidence {
  readonly dtSecs: number;
  /** Signed speed, tick 0 = t0, then every future tick. */
  readonly speedMps: Float64Array;
  /** Its rate, centred mean over 5 ticks. */
  readonly accelMps2: Float64Array;
  /** Heading relative to t0, unwrapped. */
  readonly yawRad: Float64Array;
  readonly curvaturePerM: Float64Array;
  /** Way driven since t0. */
  readonly wayM: Float64Array;
  /** Turn of the heading in the history before t0 (up to 1.5 s); null without history. */
  readonly historyTurnRad: number | null;
  /** Speed lost since the fastest moment of the history (≥ 0); null without history. */
  readonly historyLostMps: number | null;
  /** Sideways moves over history and future, in time order. */
  readonly sways: readonly Sway[];
}

let sharedSpace: ActionSpace | null = null;
const defaultSpace = (): ActionSpace => (sharedSpace ??= createActionSpace());

/** @param history poses up to t0, or null; @param v0Mps speed at t0, estimated from the history when left out */
export function evidenceFromPath(
  path: LocalPath,
  history: LocalPath | null,
  v0Mps?: number,
): MotionEvidence {
  for (const name of ["x", "y", "yaw"] as const) requireFinite(`evidence path ${name}`, path[name]);
  const v0 = v0Mps ?? (history === null ? null : defaultSpace().estimateV0(history));
  if (v0 === null) {
    throw new RangeError(
      "evidence: neither a speed nor a history was given; expected one of them.",
    );
  }
  const series = pathSeries(path, v0);
  const n = series.x.length;
  const wayM = new Float64Array(n);
  for (let i = 1; i < n; i++) {
    wayM[i] =
      wayM[i - 1] + Math.hypot(series.x[i] - series.x[i - 1], series.y[i] - series.y[i - 1]);
  }
  const track = joinTrack(history, path);
  return {
    dtSecs: series.dtSecs,
    speedMps: series.signedSpeedMps,
    accelMps2: smooth(series.accelMps2),
    yawRad: series.yaw,
    curvaturePerM: series.curvaturePerM,
    wayM,
    historyTurnRad: history === null ? null : history.yaw[history.yaw.length - 1] - history.yaw[0],
    historyLostMps: history === null ? null : Math.max(0, fastest(history, series.dtSecs) - v0),
    sways: findSways(track, (history?.x.length ?? 1) - 1, series.dtSecs),
  };
}

/** Evidence from a recording: 1.5 s before and 6.4 s after t0; an error where that leaves it. */
export function evidenceFromMotion(motion: EgoMotion, t0Us: number): MotionEvidence {
  const now = resampleAt(motion, Float64Array.of(t0Us));
  const yaw = yawOfQuat(rotationAtRow(now, 0));
  const v0 = now.vx[0] * Math.cos(yaw) + now.vy[0] * Math.sin(yaw);
  return evidenceFromPath(futureAt(motion, t0Us), historyAt(motion, t0Us), v0);
}

function joinTrack(history: LocalPath | null, path: LocalPath) {
  const join = (past: Float64Array | undefined, future: Float64Array) => {
    const before = past ?? new Float64Array(1);
    const out = new Float64Array(before.length + future.length);
    out.set(before);
    out.set(future, before.length);
    return out;
  };
  return {
    x: join(history?.x, path.x),
    y: join(history?.y, path.y),
    yaw: join(history?.yaw, path.yaw),
  };
}

function smooth(values: Float64Array): Float64Array {
  return values.map((_, i) => {
    const from = Math.max(0, i - 2);
    const to = Math.min(values.length - 1, i + 2);
    let sum = 0;
    for (let j = from; j <= to; j++) sum += values[j];
    return sum / (to - from + 1);
  });
}

/** Fastest step of a path, m/s. */
function fastest(path: LocalPath, dtSecs: number): number {
  let most = 0;
  for (let i = 1; i < path.x.length; i++) {
    most = Math.max(
      most,
      Math.hypot(path.x[i] - path.x[i - 1], path.y[i] - path.y[i - 1]) / dtSecs,
    );
  }
  return most;
}
