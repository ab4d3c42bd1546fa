/** Small exact motions for tests. */
import { quatFromYawPitchRoll, type EgoMotion } from "@causeway/geom";

/** Columns from a function of time in seconds: position, yaw/pitch/roll and world velocity. */
export function motionFrom(
  stampsUs: readonly number[],
  at: (secs: number) => {
    p: [number, number, number];
    ypr: [number, number, number];
    v: [number, number, number];
  },
): EgoMotion {
  const rows = stampsUs.map((us) => at(us * 1e-6));
  const q = rows.map((r) => quatFromYawPitchRoll(...r.ypr));
  return {
    stampUs: Float64Array.from(stampsUs),
    x: Float64Array.from(rows, (r) => r.p[0]),
    y: Float64Array.from(rows, (r) => r.p[1]),
    z: Float64Array.from(rows, (r) => r.p[2]),
    qw: Float64Array.from(q, (r) => r.w),
    qx: Float64Array.from(q, (r) => r.x),
    qy: Float64Array.from(q, (r) => r.y),
    qz: Float64Array.from(q, (r) => r.z),
    vx: Float64Array.from(rows, (r) => r.v[0]),
    vy: Float64Array.from(rows, (r) => r.v[1]),
    vz: Float64Array.from(rows, (r) => r.v[2]),
  };
}

/** A circle of curvature k driven at speed v from heading yaw0, level ground. */
export function circle(v: number, k: number, yaw0 = 0) {
  return (t: number) => {
    const yaw = yaw0 + v * k * t;
    return {
      p: [(Math.sin(yaw) - Math.sin(yaw0)) / k, (Math.cos(yaw0) - Math.cos(yaw)) / k, 0] as [
        number,
        number,
        number,
      ],
      ypr: [yaw, 0, 0] as [number, number, number],
      v: [v * Math.cos(yaw), v * Math.sin(yaw), 0] as [number, number, number],
    };
  };
}

export const range = (n: number, step: number, start = 0): number[] =>
  Array.from({ length: n }, (_, i) => start + i * step);
