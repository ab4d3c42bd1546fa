/**
 * Rig motion from the poses of a camera that is bolted to the vehicle: what comma2k19 and KITTI record.
 * The rig is on the ground below the rear axle, so the camera's place on the vehicle must be taken off.
 */
import {
  type EgoMotion,
  multiplyQuat,
  conjugateQuat,
  normalizeQuat,
  type Quat,
  quatFromYawPitchRoll,
  yawOfQuat,
} from "@causeway/geom";
import { newMotion } from "../motion-columns.ts";

/** Where the camera sits in the rig frame, m, and how it is turned from straight ahead. */
export interface CameraMount {
  readonly aheadM: number;
  readonly leftM: number;
  readonly upM: number;
  /** The camera looks this much to the left of the rig's x axis. */
  readonly yawRad: number;
  /** The camera looks this much below the rig's x axis. */
  readonly pitchRad: number;
}

/** World poses of the camera with axes turned to x forward, y left, z up. */
export interface CameraPoses {
  readonly stampUs: Float64Array;
  readonly position: readonly (readonly [x: number, y: number, z: number])[];
  readonly rotation: readonly Quat[];
}

/**
 * World vector from the rig origin to the camera. Only the heading turns it: the body nods and rolls on its springs and the
 * camera with it, but the place on the road below the axle does not swing (1 degree would move it 2 cm, and jerk the speed).
 */
export function mountArm(
  worldFromRig: Quat,
  mount: Pick<CameraMount, "aheadM" | "leftM" | "upM">,
): { x: number; y: number; z: number } {
  const yaw = yawOfQuat(worldFromRig);
  return {
    x: mount.aheadM * Math.cos(yaw) - mount.leftM * Math.sin(yaw),
    y: mount.aheadM * Math.sin(yaw) + mount.leftM * Math.cos(yaw),
    z: mount.upM,
  };
}

/** Rig positions and rotations, the first position moved to the origin; velocities are left at zero. */
export function rigFromCameraPoses(poses: CameraPoses, mount: CameraMount): EgoMotion {
  const motion = newMotion(poses.stampUs);
  const cameraFromRig = conjugateQuat(quatFromYawPitchRoll(mount.yawRad, mount.pitchRad, 0));
  let origin: { x: number; y: number; z: number } | null = null;
  for (let i = 0; i < poses.stampUs.length; i++) {
    const q = normalizeQuat(multiplyQuat(poses.rotation[i], cameraFromRig));
    const arm = mountArm(q, mount);
    const [x, y, z] = poses.position[i];
    origin ??= { x: x - arm.x, y: y - arm.y, z: z - arm.z };
    motion.x[i] = x - arm.x - origin.x;
    motion.y[i] = y - arm.y - origin.y;
    motion.z[i] = z - arm.z - origin.z;
    motion.qw[i] = q.w;
    motion.qx[i] = q.x;
    motion.qy[i] = q.y;
    motion.qz[i] = q.z;
  }
  return motion;
}

/**
 * First derivative by local cubics: each value is the slope of the cubic that fits its window best (Savitzky-Golay with
 * even steps, window 2 * half + 1; the ends use the first and the last window).
 */
export function smoothedRate(values: Float64Array, stepSecs: number, half = 4): Float64Array {
  const n = values.length;
  const out = new Float64Array(n);
  if (n < 2 * half + 1) {
    for (let i = 0; i < n; i++) {
      const a = Math.max(0, i - 1);
      const b = Math.min(n - 1, i + 1);
      if (b > a) out[i] = (values[b] - values[a]) / ((b - a) * stepSecs);
    }
    return out;
  }
  // Centred window: odd and even powers separate. Sums of u^k for u = -half … half.
  let s2 = 0;
  let s4 = 0;
  let s6 = 0;
  for (let u = -half; u <= half; u++) {
    s2 += u ** 2;
    s4 += u ** 4;
    s6 += u ** 6;
  }
  const width = 2 * half + 1;
  const oddDet = s2 * s6 - s4 * s4;
  const evenDet = width * s4 - s2 * s2;
  for (let i = 0; i < n; i++) {
    const center = Math.min(Math.max(i, half), n - 1 - half);
    let m0 = 0;
    let m1 = 0;
    let m2 = 0;
    let m3 = 0;
    for (let u = -half; u <= half; u++) {
      const v = values[center + u];
      m0 += v;
      m1 += v * u;
      m2 += v * u ** 2;
      m3 += v * u ** 3;
    }
    const c1 = (m1 * s6 - m3 * s4) / oddDet;
    const c3 = (m3 * s2 - m1 * s4) / oddDet;
    const c2 = (m2 * width - m0 * s2) / evenDet;
    const at = i - center;
    out[i] = (c1 + 2 * c2 * at + 3 * c3 * at * at) / stepSecs;
  }
  return out;
}
