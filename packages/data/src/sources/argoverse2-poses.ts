/** Argoverse 2 poses: cleaned of near-duplicate rows, read at any time, and as ego motion. */
import { type EgoMotion, lastAtOrBefore, normalizeQuat, type Quat, slerp } from "@causeway/geom";
import { FormatError } from "../errors.ts";
import { newMotion } from "../motion-columns.ts";
import { readFeather, requireFiniteColumns } from "./feather.ts";
import { gapLimitUs, requireIncreasing } from "./source.ts";

/** Rows that follow so closely are one measurement with two time stamps; differences between them are noise. */
const nearDuplicateNs = 1_000_000n;
/** 50 Hz holds the motion (the positioning is smoother than that) and has all multiples of 0.1 s. */
const gridUs = 20_000;
const velocityHalfUs = 50_000;
/** The ego frame is at the axle: 0.33 m above the road (median over the maps' lane edges below the car). */
export const axleHeightM = 0.33;
export interface PoseTable {
  /** Microseconds from the first pose; cleaned of near-duplicates. */
  readonly stampUs: Float64Array;
  readonly firstNs: bigint;
  /** City metres. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  readonly rotation: readonly Quat[];
  readonly numDropped: number;
}

export async function readPoses(path: string): Promise<PoseTable> {
  const table = await readFeather(path);
  const times = table.bigints("timestamp_ns");
  const [qw, qx, qy, qz, tx, ty, tz] = ["qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m"].map((c) =>
    table.numbers(c),
  );
  requireFiniteColumns(table, { qw, qx, qy, qz, tx_m: tx, ty_m: ty, tz_m: tz });
  requireIncreasing(path, "timestamp_ns", times);
  if (times.length < 2) {
    throw new FormatError("value", { path }, `${times.length} poses; expected at least 2.`);
  }
  const kept: number[] = [];
  for (let i = 0; i < times.length; i++) {
    const last = kept[kept.length - 1];
    if (last === undefined || times[i] - times[i - 1] >= nearDuplicateNs) kept.push(i);
  }
  const rotation = kept.map((i) => {
    const length = Math.hypot(qw[i], qx[i], qy[i], qz[i]);
    if (Math.abs(length - 1) > 1e-3) {
      throw new FormatError(
        "value",
        { path, row: i + 1 },
        `quaternion has length ${length}; expected 1. The row is damaged.`,
      );
    }
    return normalizeQuat({ w: qw[i], x: qx[i], y: qy[i], z: qz[i] });
  });
  const pick = (values: Float64Array) => Float64Array.from(kept, (i) => values[i]);
  return {
    stampUs: Float64Array.from(kept, (i) => Math.round(Number(times[i] - times[0]) / 1000)),
    firstNs: times[0],
    x: pick(tx),
    y: pick(ty),
    z: pick(tz),
    rotation,
    numDropped: times.length - kept.length,
  };
}

/** Linear between rows, as the positions of such dense logs need no more. */
export function poseAtUs(
  poses: PoseTable,
  timeUs: number,
): { p: [number, number, number]; q: Quat } {
  const last = poses.stampUs.length - 1;
  const i = Math.min(Math.max(lastAtOrBefore(poses.stampUs, timeUs), 0), last - 1);
  const share = Math.min(
    1,
    Math.max(0, (timeUs - poses.stampUs[i]) / (poses.stampUs[i + 1] - poses.stampUs[i])),
  );
  const mix = (v: Float64Array) => v[i] + share * (v[i + 1] - v[i]);
  return {
    p: [mix(poses.x), mix(poses.y), mix(poses.z)],
    q: slerp(poses.rotation[i], poses.rotation[i + 1], share),
  };
}

/** City position of the point on the road below the axle, which does not swing when the body nods. */
export function groundAt(
  poses: PoseTable,
  timeUs: number,
): { p: [number, number, number]; q: Quat } {
  const { p, q } = poseAtUs(poses, timeUs);
  return { p: [p[0], p[1], p[2] - axleHeightM], q };
}

export interface Origin {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export function motionOf(poses: PoseTable, origin: Origin): EgoMotion {
  const endUs = poses.stampUs[poses.stampUs.length - 1];
  const count = Math.floor(endUs / gridUs) + 1;
  const isInGap = (t: number) => {
    const i = lastAtOrBefore(poses.stampUs, t);
    const next = poses.stampUs[Math.min(i + 1, poses.stampUs.length - 1)];
    return t !== poses.stampUs[i] && next - poses.stampUs[i] > gapLimitUs;
  };
  // No rows inside a gap: who samples must see it.
  const grid = Float64Array.from({ length: count }, (_, i) => i * gridUs).filter(
    (t) => !isInGap(t),
  );
  const motion = newMotion(grid);
  for (let i = 0; i < grid.length; i++) {
    const t = motion.stampUs[i];
    const { p, q } = groundAt(poses, t);
    motion.x[i] = p[0] - origin.x;
    motion.y[i] = p[1] - origin.y;
    motion.z[i] = p[2] - origin.z;
    motion.qw[i] = q.w;
    motion.qx[i] = q.x;
    motion.qy[i] = q.y;
    motion.qz[i] = q.z;
    const fromUs = Math.max(0, t - velocityHalfUs);
    const toUs = Math.min(endUs, t + velocityHalfUs);
    const a = groundAt(poses, fromUs).p;
    const b = groundAt(poses, toUs).p;
    const dt = (toUs - fromUs) * 1e-6;
    motion.vx[i] = (b[0] - a[0]) / dt;
    motion.vy[i] = (b[1] - a[1]) / dt;
    motion.vz[i] = (b[2] - a[2]) / dt;
  }
  return motion;
}
