import { createRng } from "@causeway/geom";
import { describe, expect, it } from "vitest";
import { bootstrapMean, bootstrapRatio, bootstrapShare, quantileOfSorted } from "./bootstrap.ts";

const options = { seed: 7, resamples: 1000, level: 0.95 };

describe("cluster bootstrap", () => {
  it("gives the same interval for the same seed and another one for another seed", () => {
    const rng = createRng(1);
    const values = Array.from({ length: 60 }, () => rng.normal());
    const ids = values.map((_, i) => `drive-${i % 12}`);
    const first = bootstrapMean(values, ids, options);
    expect(bootstrapMean(values, ids, options)).toEqual(first);
    expect(bootstrapMean(values, ids, { ...options, seed: 8 }).interval).not.toEqual(
      first.interval,
    );
    expect(first.n).toBe(60);
    expect(first.clusters).toBe(12);
  });

  it("treats repeated frames of one recording as one observation", () => {
    // Two recordings with means 0 and 1: resampled means are 0, ½ or 1 however many frames there are.
    const values = Array.from({ length: 200 }, (_, i) => i % 2);
    const ids = values.map((v) => `drive-${v}`);
    expect(bootstrapMean(values, ids, options).interval).toEqual([0, 1]);
    // The same values as 200 independent recordings: a narrow interval.
    const wide = bootstrapMean(
      values,
      values.map((_, i) => `d${i}`),
      options,
    ).interval as [number, number];
    expect(wide[1] - wide[0]).toBeLessThan(0.2);
  });

  it("covers the true mean about as often as it says", () => {
    let covered = 0;
    for (let trial = 0; trial < 100; trial++) {
      const rng = createRng(1000 + trial);
      const values: number[] = [];
      const ids: string[] = [];
      for (let c = 0; c < 30; c++) {
        const shift = rng.normal();
        for (let k = 0; k < 4; k++) {
          values.push(3 + shift + 0.3 * rng.normal());
          ids.push(`c${c}`);
        }
      }
      const [low, high] = bootstrapMean(values, ids, { ...options, resamples: 300 }).interval as [
        number,
        number,
      ];
      if (low <= 3 && 3 <= high) covered += 1;
    }
    expect(covered).toBeGreaterThanOrEqual(85);
    expect(covered).toBeLessThanOrEqual(100);
  });

  it("claims no interval from one recording and no value from none", () => {
    expect(bootstrapMean([1, 2, 3], ["a", "a", "a"], options)).toEqual({
      value: 2,
      interval: null,
      n: 3,
      clusters: 1,
    });
    expect(bootstrapMean([], [], options)).toEqual({
      value: null,
      interval: null,
      n: 0,
      clusters: 0,
    });
  });

  it("takes a ratio of sums, not a mean of ratios", () => {
    expect(bootstrapRatio([1, 0], [1, 3], ["a", "b"], options).value).toBe(0.25);
    expect(bootstrapRatio([1], [0], ["a"], options).value).toBeNull();
  });

  it("interpolates quantiles", () => {
    expect(quantileOfSorted([0, 10], 0.25)).toBe(2.5);
    expect(quantileOfSorted([1, 2, 3], 1)).toBe(3);
  });
});

describe("shares", () => {
  it("do not claim certainty from 0 of 48", () => {
    const ids = Array.from({ length: 48 }, (_, i) => `s${i}`);
    const never = bootstrapShare(
      ids.map(() => false),
      ids,
      options,
    );
    // Exact binomial: 1 − 0.025^(1/48).
    expect(never.interval?.[0]).toBe(0);
    expect(never.interval?.[1]).toBeCloseTo(0.07397, 4);
    const always = bootstrapShare(
      ids.map(() => true),
      ids,
      options,
    );
    expect(always.interval?.[0]).toBeCloseTo(1 - 0.07397, 4);
    expect(bootstrapShare([true, false], ["a", "b"], options).interval).toEqual([0, 1]);
  });
});
