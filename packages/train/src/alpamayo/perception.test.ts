import type { LocalPath } from "@causeway/geom";
import { perceptionChannels } from "@causeway/label";
import { expect, test } from "vitest";
import { numPerceptionChannels, pathTargets, withPathTargets } from "./perception.ts";

/** 64 poses at a speed along a circle of the given curvature. */
function arc(speedMps: number, curvature: number): LocalPath {
  const s = Float64Array.from({ length: 64 }, (_, i) => 0.1 * (i + 1) * speedMps);
  return {
    x: s.map((d) => (curvature === 0 ? d : Math.sin(curvature * d) / curvature)),
    y: s.map((d) => (curvature === 0 ? 0 : (1 - Math.cos(curvature * d)) / curvature)),
    z: new Float64Array(64),
    yaw: s.map((d) => curvature * d),
  };
}

test("a straight path is in the middle at every distance", () => {
  expect(pathTargets(arc(10, 0))).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
});

test("a left bend moves up, a right bend mirrors it, far offsets stop at the ends", () => {
  const left = pathTargets(arc(10, 0.02));
  const right = pathTargets(arc(10, -0.02));
  // 14 m along: y = (1 - cos 0.28) / 0.02 = 1.947 m.
  expect(left[2]).toBeCloseTo((1.947 / 4 + 1) / 2, 3);
  left.forEach((value, i) => expect(value + (right[i] as number)).toBeCloseTo(1, 9));
  expect(pathTargets(arc(10, 0.1))[4]).toBe(1);
});

test("distances that the car does not reach are unknown", () => {
  const values = pathTargets(arc(2, 0));
  // 12.8 m in 6.4 s.
  expect(values.map(Number.isNaN)).toEqual([false, false, true, true, true]);
});

test("every token gets the path beside its own things", () => {
  const things = perceptionChannels.length;
  const seen = Float32Array.from({ length: 2 * things }, (_, i) => (i === things + 3 ? 1 : 0));
  const out = withPathTargets(seen, arc(10, 0));
  expect(out).toHaveLength(2 * numPerceptionChannels);
  expect(out[numPerceptionChannels + 3]).toBe(1);
  for (const token of [0, 1])
    expect([
      ...out.subarray(token * numPerceptionChannels + things, (token + 1) * numPerceptionChannels),
    ]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
});
