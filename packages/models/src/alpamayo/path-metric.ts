/**
 * What errors of the velocity field do to the driven path.
 *
 * The plain flow loss counts every normalised action alike, but an acceleration or curvature that is a little off for
 * seconds moves the car by metres, while the same error with changing sign moves it by nothing. This is a second
 * quadratic form of the same error, so the field that minimises it is the same conditional mean; a small expert that is
 * trained for minutes reaches it where the path needs it. Not in the released recipes.
 */
import type { ActionSpaceConfig } from "@causeway/geom";
import {
  concat,
  type Graph,
  matmul,
  mul,
  reduceMean,
  slice,
  tensor,
  type Value,
} from "@causeway/graph";

/** Position errors count per second of horizon, plus this, s: near ones are few but steer now. */
const softSecs = 0.5;

/** Row k: position error over (time + softSecs) after unit accelerations at steps 0 .. k. */
function doubleSum(g: Graph, steps: number, dtSecs: number): Value {
  const data = new Float32Array(steps * steps);
  for (let k = 0; k < steps; k++)
    for (let j = 0; j <= k; j++)
      data[k * steps + j] = ((k - j + 0.5) * dtSecs ** 2) / ((k + 1) * dtSecs + softSecs);
  return g.constant(tensor(data, [steps, steps]));
}

/**
 * Mean square of the first-order position error along and across the path, over the horizon, in (m/s)^2.
 *
 * @param error  [R, K, 2] in normalised actions. @param speed  [R, 1, 1] mean speed of the row's path, m/s.
 */
export function pathMetric(error: Value, speed: Value, space: ActionSpaceConfig): Value {
  const g = error.graph;
  const [, steps] = error.shape as [number, number, number];
  const axis = (k: number) => slice(error, { starts: [k], ends: [k + 1], axes: [2] });
  const along = mul(axis(0), space.accelStd);
  const across = mul(mul(axis(1), space.curvatureStd), mul(speed, speed));
  const drift = matmul(doubleSum(g, steps, space.dtSecs), concat([along, across], 2));
  return reduceMean(mul(drift, drift));
}
