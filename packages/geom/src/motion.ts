/**
 * Ego motion as columns: what every importer produces and every label, sample and metric reads.
 * World frame: right-handed, z up, metres. Rig: rear-axle centre on the ground, x forward, y left, z up.
 */
export interface EgoMotion {
  /** Integer microseconds from clip start, strictly increasing. All columns have this length. */
  readonly stampUs: Float64Array;
  /** world-from-rig translation, m. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  /** world-from-rig rotation, unit quaternion. */
  readonly qw: Float64Array;
  readonly qx: Float64Array;
  readonly qy: Float64Array;
  readonly qz: Float64Array;
  /** Velocity of the rig origin in the world frame, m/s. */
  readonly vx: Float64Array;
  readonly vy: Float64Array;
  readonly vz: Float64Array;
}

/**
 * A planar path in the rig frame at t0: what a model plans and what metrics compare.
 * Row i is at t0 + (i + 1) * 0.1 s for futures; for histories row 15 is t0 (the identity).
 */
export interface LocalPath {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  /** Heading, rad, counter-clockwise (left) positive, unwrapped. */
  readonly yaw: Float64Array;
}

/** RGB picture, row-major, 3 bytes a pixel, no padding. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}
