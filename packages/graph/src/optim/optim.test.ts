import { describe, expect, test } from "vitest";
import { allocateFlat } from "./arena.ts";
import { clipCoefficient, gradNorm } from "./clip.ts";
import { adamPlain, addScaledPlain, kernelsFor, sumSquaresPlain } from "./kernels.ts";
import { createOptimizer } from "./optimizer.ts";
import { learningRate } from "./schedule.ts";

/** Reproducible values over many magnitudes, signs and a few specials. */
function fill(x: Float32Array, seed: number): void {
  let state = seed;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    x[i] = (state / 2 ** 31) * 10 ** (((state >>> 8) % 13) - 8);
  }
}
const bits = (x: Float32Array) => [...new Uint32Array(x.slice().buffer)];
const scalars = {
  decay: 0.9997,
  l2: 0,
  gradScale: 0.37,
  beta1: 0.9,
  beta2: 0.95,
  stepSize: 3e-3,
  invSqrtCorrection2: 2.3,
  eps: 1e-8,
};

describe("SIMD kernels", () => {
  test("give the same bits as the plain loops, whatever the alignment and length", () => {
    const length = 103;
    const arena = allocateFlat([length, length, length, length]);
    const kernels = kernelsFor(arena);
    expect(kernels.simd).toBe(true);
    for (const [start, end] of [
      [0, length],
      [3, 98],
      [5, 6],
      [7, 7],
    ] as const) {
      arena.buffers.forEach((b, i) => fill(b, i + 1));
      const [, , , v] = arena.buffers as [Float32Array, Float32Array, Float32Array, Float32Array];
      v.forEach((x, i) => (v[i] = Math.abs(x)));
      const copies = arena.buffers.map((b) => b.slice());
      const [p, g, m, w] = copies as [Float32Array, Float32Array, Float32Array, Float32Array];
      const [pw, gw, mw, vw] = arena.buffers as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      for (const l2 of [0, 0.1]) {
        adamPlain(p, g, m, w, null, start, end, { ...scalars, l2 });
        kernels.adam(pw, gw, mw, vw, start, end, { ...scalars, l2 });
      }
      expect(arena.buffers.map(bits)).toEqual(copies.map(bits));
      expect(kernels.sumSquares(gw, start, end)).toBe(sumSquaresPlain(g, start, end));
      addScaledPlain(p, g, 0.3);
      kernels.addScaled(pw, gw, 0.3);
      expect(bits(pw)).toEqual(bits(p));
    }
  });

  test("refuse a buffer from elsewhere", () => {
    const kernels = kernelsFor(allocateFlat([8]));
    expect(() => kernels.sumSquares(new Float32Array(8), 0, 8)).toThrow("outside the arena");
  });

  test("an arena that must be plain gives plain kernels", () => {
    const arena = allocateFlat([9], { plain: true });
    expect(arena.memory).toBeNull();
    expect(kernelsFor(arena).simd).toBe(false);
  });
});

describe("optimiser", () => {
  test("elements outside every group stay untouched, groups scale the rate and the decay", () => {
    const p = Float64Array.of(1, 1, 1, 1);
    const g = Float64Array.of(0, 0, 0, 0);
    const optimizer = createOptimizer(
      { kind: "adamw", beta1: 0.9, beta2: 0.99, eps: 1e-8 },
      [
        { ranges: [{ start: 0, end: 1 }], lrMultiplier: 1, weightDecay: 0.5 },
        { ranges: [{ start: 1, end: 2 }], lrMultiplier: 0.1, weightDecay: 0.5 },
        { ranges: [{ start: 2, end: 3 }], lrMultiplier: 1, weightDecay: 0 },
      ],
      { parameters: p, gradients: g },
    );
    optimizer.step(0.1);
    expect([...p]).toEqual([0.95, 0.995, 1, 1]);
  });

  test("resumes to the same bits from state and step count", () => {
    const config = { kind: "adamw", beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;
    const groups = [{ ranges: [{ start: 0, end: 16 }], lrMultiplier: 1, weightDecay: 0.01 }];
    const make = () => ({
      parameters: new Float32Array(16).fill(1),
      gradients: new Float32Array(16),
    });
    const whole = make();
    const a = createOptimizer(config, groups, whole);
    for (let i = 0; i < 5; i++) {
      fill(whole.gradients, i + 1);
      a.step(1e-2, 0.5);
    }
    const parts = make();
    let b = createOptimizer(config, groups, parts);
    for (let i = 0; i < 5; i++) {
      if (i === 3) {
        const saved = [...b.state.values()].map((x) => Float32Array.from(x));
        b = createOptimizer(config, groups, { ...parts, state: saved });
        b.setStepCount(3);
      }
      fill(parts.gradients, i + 1);
      b.step(1e-2, 0.5);
    }
    expect(bits(parts.parameters)).toEqual(bits(whole.parameters));
  });

  test("overlapping groups are refused", () => {
    const buffers = { parameters: new Float32Array(4), gradients: new Float32Array(4) };
    const group = (start: number, end: number) => ({
      ranges: [{ start, end }],
      lrMultiplier: 1,
      weightDecay: 0,
    });
    const config = { kind: "sgd", momentum: 0 } as const;
    expect(() => createOptimizer(config, [group(0, 3), group(2, 4)], buffers)).toThrow("overlaps");
    expect(() => createOptimizer(config, [group(0, 5)], buffers)).toThrow(
      "leaves the 4 parameters",
    );
  });
});

describe("clipping", () => {
  test("leaves small gradients alone and brings large ones to the limit", () => {
    const g = Float32Array.of(3, 4, 100);
    const norm = gradNorm(g, [{ start: 0, end: 2 }]);
    expect(norm).toBe(5);
    expect(clipCoefficient(norm, 10)).toBe(1);
    expect(norm * clipCoefficient(norm, 1)).toBeCloseTo(1, 6);
    expect(clipCoefficient(Number.NaN, 1)).toBeNaN();
  });
});

describe("schedules", () => {
  test("cosine warms up linearly, peaks at the base rate and ends at its minimum", () => {
    const schedule = { kind: "cosine", warmup: 10, total: 110, minRatio: 0.1 } as const;
    expect(learningRate(schedule, 2, 5)).toBe(1);
    expect(learningRate(schedule, 2, 10)).toBe(2);
    expect(learningRate(schedule, 2, 60)).toBeCloseTo(1.1, 12);
    expect(learningRate(schedule, 2, 110)).toBeCloseTo(0.2, 12);
  });
});
