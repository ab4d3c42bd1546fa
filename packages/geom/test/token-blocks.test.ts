import { describe, expect, test } from "vitest";
import { createActionSpace, createFutureTokenizer, createHistoryTokenizer } from "@causeway/geom";
import { arcHistory, meanDistance } from "./paths.ts";

const space = createActionSpace();
const start = { v0Mps: 8 };
/** Acceleration 0.8 sin(0.5 t), curvature 0.02 cos(0.4 t): smooth, as driven. */
const action = Float64Array.from({ length: 128 }, (_, i) => {
  const t = 0.1 * Math.floor(i / 2);
  const { accelMean, accelStd, curvatureMean, curvatureStd } = space.config;
  return i % 2 === 0
    ? (0.8 * Math.sin(0.5 * t) - accelMean) / accelStd
    : (0.02 * Math.cos(0.4 * t) - curvatureMean) / curvatureStd;
});

describe("tokens that cover several waypoints", () => {
  test("4 waypoints a token give 32 ids and stay within 15 cm on average", () => {
    const coarse = createFutureTokenizer({
      bins: 3000,
      min: -10,
      max: 10,
      waypointsPerToken: 4,
      actionSpace: space,
    });
    expect(coarse.tokenCount).toBe(32);
    const ids = coarse.encodeActions(action);
    const path = space.decode(action, start);
    expect(meanDistance(coarse.decode(ids, start), path)).toBeLessThan(0.15);
  });

  test("a block holds the mean of its actions", () => {
    const coarse = createFutureTokenizer({
      bins: 3000,
      min: -10,
      max: 10,
      waypointsPerToken: 64,
      actionSpace: space,
    });
    const [accel] = coarse.decodeActions(coarse.encodeActions(action));
    const mean = action.filter((_, i) => i % 2 === 0).reduce((a, b) => a + b, 0) / 64;
    expect(accel).toBeCloseTo(mean, 2);
  });

  test("a block size that does not divide the horizon is refused", () => {
    expect(() =>
      createFutureTokenizer({
        bins: 10,
        min: -1,
        max: 1,
        waypointsPerToken: 5,
        actionSpace: space,
      }),
    ).toThrow(/5 waypoints per token; expected a divisor of 64/);
  });
});

describe("sparse history tokens", () => {
  test("every second pose on two axes: 16 ids, the last pose kept, steps span two poses", () => {
    const sparse = createHistoryTokenizer({
      bins: 1000,
      min: [-8, -8, -8],
      max: [8, 8, 8],
      every: 2,
      axes: 2,
    });
    const ids = sparse.encode(arcHistory(5, 0));
    expect(ids.length).toBe(16);
    const points = sparse.decode(ids);
    // The first triple holds the clipped oldest position kept (row 1, 7 m back); seven steps of 1 m follow.
    expect(points.x[0]).toBeCloseTo(-7, 1);
    expect(points.x[7]).toBeCloseTo(0, 1);
    expect([...points.z]).toEqual(Array.from({ length: 8 }, () => 0));
  });
});
