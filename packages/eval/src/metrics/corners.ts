/**
 * Corner distance: how far the eight corners of a fixed box at the planned pose are from those at the logged pose.
 * It sees heading, which ADE does not. Two definitions, never mixed:
 * - mixture (upstream): the least distance over samples at *each step and corner*, then the mean. It may stitch
 *   one plan out of several, so it is optimistic; kept to compare with published numbers.
 * - per trajectory: the mean over steps and corners of each sample, then the least over samples.
 */
import type { LocalPath } from "@causeway/geom";
import { EvalError } from "../errors.ts";
import { type ByHorizon, byHorizon } from "./displacement.ts";

/** Box of the upstream metric, m, centred at the pose: 4 long, 3 wide, 2 high (not the real vehicle). */
export const cornerBoxM = { length: 4, width: 3, height: 2 } as const;

const cornerSigns: readonly (readonly [number, number, number])[] = [
  [1, 1, -1],
  [1, -1, -1],
  [-1, -1, -1],
  [-1, 1, -1],
  [1, 1, 1],
  [1, -1, 1],
  [-1, -1, 1],
  [-1, 1, 1],
];

/** Box corners from positions [T, 3] and rotation matrices [T, 3, 3] row-major. Result [T, 8, 3], m. */
export function cornersOfPoses(xyz: ArrayLike<number>, rotation: ArrayLike<number>): Float64Array {
  const steps = xyz.length / 3;
  if (rotation.length !== steps * 9) {
    throw new EvalError(
      "shape",
      `cornersOfPoses: ${xyz.length} position values need ${steps * 9} rotation values, got ${rotation.length}.`,
    );
  }
  const out = new Float64Array(steps * 24);
  for (let t = 0; t < steps; t++) {
    for (let c = 0; c < 8; c++) {
      const u = (cornerSigns[c][0] * cornerBoxM.length) / 2;
      const v = (cornerSigns[c][1] * cornerBoxM.width) / 2;
      const w = (cornerSigns[c][2] * cornerBoxM.height) / 2;
      for (let a = 0; a < 3; a++) {
        const r = t * 9 + a * 3;
        out[t * 24 + c * 3 + a] =
          xyz[t * 3 + a] + rotation[r] * u + rotation[r + 1] * v + rotation[r + 2] * w;
      }
    }
  }
  return out;
}

/** Box corners of a planar path, [T, 8, 3], m. */
export function cornersOfPath(path: LocalPath): Float64Array {
  const steps = path.x.length;
  const xyz = new Float64Array(steps * 3);
  const rotation = new Float64Array(steps * 9);
  for (let t = 0; t < steps; t++) {
    xyz.set([path.x[t], path.y[t], path.z[t]], t * 3);
    const c = Math.cos(path.yaw[t]);
    const s = Math.sin(path.yaw[t]);
    rotation.set([c, -s, 0, s, c, 0, 0, 0, 1], t * 9);
  }
  return cornersOfPoses(xyz, rotation);
}

/** Distance of each corner at each step, [T, 8], m. */
export function cornerDistancesM(predicted: Float64Array, logged: Float64Array): Float64Array {
  if (predicted.length !== logged.length || logged.length === 0) {
    throw new EvalError(
      "shape",
      `cornerDistancesM: ${predicted.length} predicted and ${logged.length} logged corner values; expected the same number, T * 24, at least one step.`,
    );
  }
  return Float64Array.from({ length: logged.length / 3 }, (_, i) =>
    Math.hypot(
      predicted[i * 3] - logged[i * 3],
      predicted[i * 3 + 1] - logged[i * 3 + 1],
      predicted[i * 3 + 2] - logged[i * 3 + 2],
    ),
  );
}

function meanOfFirst(values: Float64Array, steps: number): number {
  let sum = 0;
  for (let i = 0; i < steps * 8; i++) sum += values[i];
  return sum / (steps * 8);
}

/** Upstream corner distance (optimistic mixture) over `steps` steps, m. `distances`: one [T, 8] per sample. */
export function cornerDistanceMixture(
  distances: readonly Float64Array[],
  steps: number = (distances[0]?.length ?? 0) / 8,
): number {
  const least = Float64Array.from(distances[0]);
  for (const d of distances)
    for (let i = 0; i < least.length; i++) least[i] = Math.min(least[i], d[i]);
  return meanOfFirst(least, steps);
}

/** Corner distance of one whole trajectory, the best by this measure over `steps` steps, m. */
export function cornerDistancePerTrajectory(
  distances: readonly Float64Array[],
  steps: number = (distances[0]?.length ?? 0) / 8,
): number {
  return Math.min(...distances.map((d) => meanOfFirst(d, steps)));
}

/** Both definitions as prefix means at every horizon that fits. */
export function cornerDistances(
  predicted: readonly LocalPath[],
  logged: LocalPath,
): { readonly mixture: ByHorizon; readonly perTrajectory: ByHorizon } {
  const truth = cornersOfPath(logged);
  const distances = predicted.map((path) => cornerDistancesM(cornersOfPath(path), truth));
  const steps = logged.x.length;
  return {
    mixture: byHorizon(steps, (count) => cornerDistanceMixture(distances, count)),
    perTrajectory: byHorizon(steps, (count) => cornerDistancePerTrajectory(distances, count)),
  };
}
