import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathOf, straight } from "../../test/paths.ts";
import {
  acrossSets,
  bestSample,
  displacementsM,
  errorComponentsM,
  isMiss,
  minAde,
  minAdePerHorizon,
  minFde,
  upstreamStd,
} from "./displacement.ts";

describe("displacement metrics", () => {
  it("takes prefix means of the sample that is best over the full horizon", () => {
    // A is perfect for 1 s, then 4 m off; B is 1 m off throughout. B wins overall, A wins at 0.5 and 1 s.
    const a = Float64Array.from({ length: 64 }, (_, i) => (i < 10 ? 0 : 4));
    const b = new Float64Array(64).fill(1);
    const upstream = minAde([a, b]);
    expect(upstream.sample).toBe(1);
    expect(upstream.byHorizon).toEqual({ "0.5s": 1, "1s": 1, "3s": 1, "5s": 1, "6.4s": 1 });
    expect(minAdePerHorizon([a, b])).toEqual({ "0.5s": 0, "1s": 0, "3s": 1, "5s": 1, "6.4s": 1 });
    expect(minFde([a, b])).toBe(1);
    expect(isMiss([a])).toBe(true);
    expect(isMiss([a, b])).toBe(false);
  });

  it("leaves out horizons that the path does not reach", () => {
    const d = new Float64Array(20).fill(2);
    expect(minAde([d]).byHorizon).toEqual({ "0.5s": 2, "1s": 2 });
  });

  it("measures in the plane", () => {
    const logged = straight(10, 0, 3);
    expect([...displacementsM(straight(10, 3, 3), logged)]).toEqual([3, 3, 3]);
    expect([
      ...displacementsM(
        pathOf([
          [4, 4],
          [2, 0],
          [3, 0],
        ]),
        logged,
      ),
    ]).toEqual([5, 0, 0]);
  });

  it("splits the error along and across the logged heading", () => {
    const logged = pathOf([[0, 0, Math.PI / 2]]);
    const { along, across } = errorComponentsM(pathOf([[-2, 3, 0]]), logged);
    // Heading is +y: 3 m ahead; −x is to the left.
    expect(along[0]).toBeCloseTo(3, 12);
    expect(across[0]).toBeCloseTo(2, 12);
  });

  it("refuses paths of unequal length and names both", () => {
    expect(() => displacementsM(straight(1, 0, 3), straight(1, 0, 4))).toThrow(/3 poses.*4/);
  });

  it("keeps its laws: order of samples, more samples, per-horizon below upstream", () => {
    const sample = fc.array(fc.double({ min: 0, max: 50, noNaN: true }), {
      minLength: 64,
      maxLength: 64,
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 2, maxLength: 6 }), (rows) => {
        const d = rows.map((r) => Float64Array.from(r));
        const reversed = [...d].reverse();
        const full = minAde(d).full;
        expect(minAde(reversed).full).toBe(full);
        expect(minAde(d.slice(0, -1)).full).toBeGreaterThanOrEqual(full);
        expect(d[bestSample(d)]).toEqual(reversed[bestSample(reversed)]);
        const each = minAdePerHorizon(d);
        const upstream = minAde(d).byHorizon;
        for (const key of ["0.5s", "1s", "3s", "5s", "6.4s"] as const) {
          expect(each[key] as number).toBeLessThanOrEqual(upstream[key] as number);
        }
        expect(each["6.4s"]).toBe(upstream["6.4s"]);
      }),
      { numRuns: 40 },
    );
  });
});

describe("across sets", () => {
  it("gives the population deviation, and 0 where upstream's difference of squares has no root", () => {
    expect(acrossSets([1, 2, 6])).toEqual({ mean: 3, std: Math.sqrt(14 / 3) });
    expect(upstreamStd([1, 2, 6])).toBeCloseTo(Math.sqrt(14 / 3), 5);
    const same = [1.7, 1.7, 1.7];
    expect(acrossSets(same).std).toBeCloseTo(0, 12);
    expect(upstreamStd(same)).toBeNaN();
  });
});
