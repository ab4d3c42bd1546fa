import type { EgoMotion } from "@causeway/geom";

/** All columns of `EgoMotion` but the time. */
export const motionColumns = ["x", "y", "z", "qw", "qx", "qy", "qz", "vx", "vy", "vz"] as const;
export type MotionColumn = (typeof motionColumns)[number];

/** Whether the source tells how the car moved; see `Drive.egoMotion`. */
export const hasMotion = ({ egoMotion }: { readonly egoMotion: EgoMotion }): boolean =>
  egoMotion.stampUs.length > 0;

/** The motion of a drive whose source has none. */
export const noMotion = (): EgoMotion => newMotion(new Float64Array(0));

/** Zeroed columns, with the times given. */
export function newMotion(stampUs: Float64Array): EgoMotion {
  const n = stampUs.length;
  return {
    stampUs,
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
}
