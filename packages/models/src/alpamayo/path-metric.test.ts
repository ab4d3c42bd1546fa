import { referenceActionSpace } from "@causeway/geom";
import { Graph, reference, tensor } from "@causeway/graph";
import { expect, test } from "vitest";
import { pathMetric } from "./path-metric.ts";

/** The metric of one row of errors [64, 2] at a speed. */
async function metricOf(error: (step: number) => [number, number], speedMps: number) {
  const g = new Graph();
  const steps = referenceActionSpace.waypointCount;
  const value = pathMetric(
    g.input("error", [1, steps, 2]),
    g.input("speed", [1, 1, 1]),
    referenceActionSpace,
  );
  const executable = await reference.compile(g, { outputs: new Map([["metric", value]]) });
  const data = Float32Array.from({ length: 2 * steps }, (_, i) => error(i >> 1)[i % 2] as number);
  const out = await executable.run(
    new Map([
      ["error", tensor(data, [1, steps, 2])],
      ["speed", tensor(Float32Array.of(speedMps), [1, 1, 1])],
    ]),
  );
  return out.get("metric")?.data[0] as number;
}

test("a lasting error costs what it moves the car by, an alternating one next to nothing", async () => {
  const lasting = await metricOf(() => [0.1, 0], 10);
  const alternating = await metricOf((k) => [k % 2 === 0 ? 0.1 : -0.1, 0], 10);
  // Position error after t seconds of a constant acceleration error: half of it times t squared.
  let sum = 0;
  for (let k = 1; k <= 64; k++) {
    const t = 0.1 * k;
    sum += ((0.1 * referenceActionSpace.accelStd * t * t) / 2 / (t + 0.5)) ** 2;
  }
  expect(lasting).toBeCloseTo(sum / 128, 5);
  expect(alternating).toBeLessThan(lasting / 200);
});

test("curvature errors count with the square of the speed, and left as much as right", async () => {
  const at = (speed: number, sign = 1) => metricOf(() => [0, 0.1 * sign], speed);
  expect(await at(0)).toBe(0);
  expect((await at(10)) / (await at(5))).toBeCloseTo(16, 3);
  expect(await at(10, -1)).toBe(await at(10));
});
