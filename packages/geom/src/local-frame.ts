/**
 * Windows of ego motion in the rig frame at t0: p_local = R_t0⁻¹ (p - p_t0), R_local = R_t0⁻¹ R, with the full 3-D rotation,
 * so roll and pitch at t0 tilt the frame (as the released models are fed).
 */
import { unwrapAngles } from "./angle.ts";
import type { EgoMotion, LocalPath } from "./motion.ts";
import { yawOfQuat } from "./quaternion.ts";
import { resampleAt, rotationAtRow } from "./resample.ts";
import { composeSe3, inverseSe3, rotationOf, se3From, type Se3 } from "./se3.ts";
import { futureGrid, gridStamps, historyGrid, modelStepUs } from "./time-grid.ts";

/** world-from-rig of one row. */
export function poseAtRow(motion: EgoMotion, i: number): Se3 {
  return se3From(motion.x[i], motion.y[i], motion.z[i], rotationAtRow(motion, i));
}

/** world-from-rig at a time inside the recording. */
export function poseAt(motion: EgoMotion, timeUs: number): Se3 {
  return poseAtRow(resampleAt(motion, Float64Array.of(timeUs)), 0);
}

/** rig(t0)-from-rig(t) for each stamp. */
export function posesInRig(motion: EgoMotion, t0Us: number, stampsUs: Float64Array): Se3[] {
  const rigFromWorld = inverseSe3(poseAt(motion, t0Us));
  const there = resampleAt(motion, stampsUs);
  return Array.from(stampsUs, (_, i) => composeSe3(rigFromWorld, poseAtRow(there, i)));
}

/** Planar heading of each pose is atan2(R10, R00); unwrapped so that the value nearest t0 lies in [-π, π). */
function pathOf(poses: readonly Se3[], t0Side: "first" | "last"): LocalPath {
  const raw = Float64Array.from(poses, (p) => yawOfQuat(rotationOf(p)));
  const yaw = t0Side === "first" ? unwrapAngles(raw) : unwrapAngles(raw.reverse()).reverse();
  return {
    x: Float64Array.from(poses, (p) => p.x),
    y: Float64Array.from(poses, (p) => p.y),
    z: Float64Array.from(poses, (p) => p.z),
    yaw,
  };
}

/** `count` poses t0-(count-1)·step … t0 in the rig frame at t0; the last row is the identity. */
export function historyAt(
  motion: EgoMotion,
  t0Us: number,
  count = 16,
  stepUs: number = modelStepUs,
): LocalPath {
  const poses = posesInRig(motion, t0Us, gridStamps(historyGrid(t0Us, count, stepUs)));
  poses[count - 1] = se3From(0, 0, 0, { w: 1, x: 0, y: 0, z: 0 });
  return pathOf(poses, "last");
}

/** `count` poses t0+step … t0+count·step in the rig frame at t0. */
export function futureAt(
  motion: EgoMotion,
  t0Us: number,
  count = 64,
  stepUs: number = modelStepUs,
): LocalPath {
  return pathOf(posesInRig(motion, t0Us, gridStamps(futureGrid(t0Us, count, stepUs))), "first");
}
