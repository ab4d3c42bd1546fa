/** causeway.EgoState and foxglove.FrameTransform: where the vehicle is. */
import { unwrapAngles, yawOfQuat, type EgoMotion } from "@causeway/geom";
import type { PinholeCalibration } from "../drive.ts";
import { type MotionColumn, motionColumns } from "../motion-columns.ts";
import {
  BinaryWriter,
  bit32,
  bit64,
  delimited,
  readFields,
  readPacked,
  writeDoubles,
  writePacked,
  writeTime,
} from "./wire.ts";

/** Series that viewers plot; not read back. Slow rows have no curvature. */
export function plotSeries(motion: EgoMotion): {
  readonly speed: Float64Array;
  readonly accel: Float64Array;
  readonly yawRate: Float64Array;
  readonly curvature: Float64Array;
} {
  const n = motion.stampUs.length;
  const yaw = unwrapAngles(
    Float64Array.from({ length: n }, (_, i) =>
      yawOfQuat({ w: motion.qw[i], x: motion.qx[i], y: motion.qy[i], z: motion.qz[i] }),
    ),
  );
  const speed = Float64Array.from(
    { length: n },
    (_, i) => motion.vx[i] * Math.cos(yaw[i]) + motion.vy[i] * Math.sin(yaw[i]),
  );
  // Rows of fast logs are closer than their noise allows to differentiate: look 0.05 s to each side.
  const rate = (values: Float64Array) => {
    const out = new Float64Array(n);
    let from = 0;
    let to = 0;
    for (let i = 0; i < n; i++) {
      while (motion.stampUs[i] - motion.stampUs[from + 1] >= 50_000) from++;
      while (to < n - 1 && motion.stampUs[to] - motion.stampUs[i] < 50_000) to++;
      const dt = (motion.stampUs[to] - motion.stampUs[from]) * 1e-6;
      out[i] = dt > 0 ? (values[to] - values[from]) / dt : 0;
    }
    return out;
  };
  const yawRate = rate(yaw);
  return {
    speed,
    accel: rate(speed),
    yawRate,
    curvature: yawRate.map((w, i) => (Math.abs(speed[i]) < 0.3 ? 0 : w / speed[i])),
  };
}

export function encodeEgoState(
  motion: EgoMotion,
  i: number,
  plot: ReturnType<typeof plotSeries>,
): Uint8Array {
  const w = new BinaryWriter();
  writeTime(w, 1, motion.stampUs[i]);
  for (let c = 0; c < motionColumns.length; c++) {
    w.tag(c + 2, bit64).double(motion[motionColumns[c]][i]);
  }
  w.tag(12, bit64).double(plot.speed[i]);
  w.tag(13, bit64).double(plot.accel[i]);
  w.tag(14, bit64).double(plot.yawRate[i]);
  w.tag(15, bit64).double(plot.curvature[i]);
  return w.finish();
}

/** Writes one row into the columns; the time comes from the message's log time. */
export function decodeEgoState(
  bytes: Uint8Array,
  columns: Readonly<Record<MotionColumn, Float64Array>>,
  row: number,
): void {
  readFields(bytes, (r, number) => {
    const name = motionColumns[number - 2];
    if (name === undefined) return false;
    columns[name][row] = r.double();
    return true;
  });
}

export interface Transform {
  readonly parent: string;
  readonly child: string;
  readonly translation: readonly [x: number, y: number, z: number];
  /** x, y, z, w: Foxglove's order. */
  readonly rotation: readonly [x: number, y: number, z: number, w: number];
}

export function encodeTransform(stampUs: number, t: Transform): Uint8Array {
  const w = new BinaryWriter();
  writeTime(w, 1, stampUs);
  w.tag(2, delimited).string(t.parent);
  w.tag(3, delimited).string(t.child);
  writeDoubles(w, 4, t.translation);
  writeDoubles(w, 5, t.rotation);
  return w.finish();
}

function readVector(bytes: Uint8Array, length: number): number[] {
  const values = Array.from({ length }, () => 0);
  readFields(bytes, (r, number) => {
    if (number > length) return false;
    values[number - 1] = r.double();
    return true;
  });
  return values;
}

export function decodeTransform(bytes: Uint8Array): Transform {
  let parent = "";
  let child = "";
  let translation = [0, 0, 0];
  let rotation = [0, 0, 0, 1];
  readFields(bytes, (r, number) => {
    if (number === 2) parent = r.string();
    else if (number === 3) child = r.string();
    else if (number === 4) translation = readVector(r.bytes(), 3);
    else if (number === 5) rotation = readVector(r.bytes(), 4);
    else return false;
    return true;
  });
  return {
    parent,
    child,
    translation: translation as [number, number, number],
    rotation: rotation as [number, number, number, number],
  };
}

/** foxglove.CameraCalibration without distortion; the mounting is a static transform rig → camera. */
export function encodeCalibration(frameId: string, c: PinholeCalibration): Uint8Array {
  const w = new BinaryWriter();
  writeTime(w, 1, 0);
  w.tag(2, bit32).fixed32(c.width);
  w.tag(3, bit32).fixed32(c.height);
  w.tag(4, delimited).string("plumb_bob");
  writePacked(w, 5, [0, 0, 0, 0, 0]);
  writePacked(w, 6, [c.fx, 0, c.cx, 0, c.fy, c.cy, 0, 0, 1]);
  writePacked(w, 7, [1, 0, 0, 0, 1, 0, 0, 0, 1]);
  writePacked(w, 8, [c.fx, 0, c.cx, 0, 0, c.fy, c.cy, 0, 0, 0, 1, 0]);
  w.tag(9, delimited).string(frameId);
  return w.finish();
}

/** Null where the intrinsic matrix is not one. */
export function decodeCalibration(
  bytes: Uint8Array,
  mounting: Transform,
): PinholeCalibration | null {
  let width = 0;
  let height = 0;
  const k: number[] = [];
  readFields(bytes, (r, number, wire) => {
    if (number === 2) width = r.fixed32();
    else if (number === 3) height = r.fixed32();
    else if (number === 6) readPacked(r, wire, k);
    else return false;
    return true;
  });
  if (k.length !== 9) return null;
  const [x, y, z] = mounting.translation;
  const [qx, qy, qz, qw] = mounting.rotation;
  return {
    model: "pinhole",
    width,
    height,
    fx: k[0],
    fy: k[4],
    cx: k[2],
    cy: k[5],
    rigFromCamera: { x, y, z, qw, qx, qy, qz },
  };
}
