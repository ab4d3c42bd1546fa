/** The built-in matcher on pictures whose motion is known, and consistency of a world that is rigid or not. */
import { createRng } from "@causeway/geom";
import {
  crossViewConsistency,
  detectFeatures,
  matchFeatures,
  robustFundamental,
  sampsonDistances,
  temporalConsistency,
} from "@causeway/eval/geometry";
import { describe, expect, it } from "vitest";

const width = 320;
const height = 200;

/** Smooth noise in three octaves, sampled anywhere. */
function texture(seed: number): (x: number, y: number) => number {
  const octaves = [5, 11, 23].map((cell, k) => {
    const rng = createRng(seed).fork(k);
    const side = 80;
    const lattice = Float64Array.from({ length: side * side }, () => rng.uniform(-1, 1));
    return (x: number, y: number) => {
      const [u, v] = [x / cell + 4, y / cell + 4];
      const [i, j] = [Math.floor(u), Math.floor(v)];
      const ease = (t: number) => t * t * (3 - 2 * t);
      const [s, t] = [ease(u - i), ease(v - j)];
      const at = (a: number, b: number) => lattice[(b % side) * side + (a % side)];
      const top = at(i, j) * (1 - s) + at(i + 1, j) * s;
      return top * (1 - t) + (at(i, j + 1) * (1 - s) + at(i + 1, j + 1) * s) * t;
    };
  });
  return (x, y) => 128 + octaves.reduce((sum, octave, k) => sum + (25 + 15 * k) * octave(x, y), 0);
}

const draw = (of: (x: number, y: number) => number) => {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      data[y * width + x] = Math.max(0, Math.min(255, Math.round(of(x, y))));
  return { width, height, channels: 1, data };
};

describe("features", () => {
  const near = texture(1);
  const far = texture(2);
  /** Two walls, left and right half, whose pictures move by different amounts: a camera that goes sideways. */
  const scene = (nearShift: number, farShift: number, rise = 0) =>
    draw((x, y) => (y < 100 ? far(x + farShift, y) : near(x + nearShift, y + rise)));

  it("finds the same points under a shift, to a fraction of a pixel", () => {
    const a = detectFeatures(draw((x, y) => near(x, y)));
    const b = detectFeatures(draw((x, y) => near(x + 7.5, y - 3.25)));
    const { p0, p1 } = matchFeatures(a, b);
    const errors = Array.from({ length: p0.length / 2 }, (_, i) =>
      Math.hypot(p0[2 * i] - 7.5 - p1[2 * i], p0[2 * i + 1] + 3.25 - p1[2 * i + 1]),
    );
    expect(errors.length).toBeGreaterThan(60);
    expect(errors.filter((e) => e < 1).length / errors.length).toBeGreaterThan(0.95);
    expect(errors.sort((x, y) => x - y)[errors.length >> 1]).toBeLessThan(0.3);
  });
  it("matches hardly anything between unrelated pictures", () => {
    const a = detectFeatures(draw(near));
    const b = detectFeatures(draw(far));
    expect(matchFeatures(a, b).p0.length / 2).toBeLessThan(a.points.length / 2 / 20);
  });
  it("a rigid motion is consistent, a part that moves against it is not", () => {
    const pair = (nearShift: number, farShift: number, rise: number) =>
      matchFeatures(detectFeatures(scene(0, 0)), detectFeatures(scene(nearShift, farShift, rise)));
    const rigid = temporalConsistency([pair(9, 3, 0)], createRng(1));
    expect(rigid.medianPx as number).toBeLessThan(0.3);
    expect(rigid.inlierShare as number).toBeGreaterThan(0.95);
    // The lower half also rises: no single camera motion along x explains both halves with most matches left.
    const sideways = robustFundamental(pair(9, 3, 0), createRng(1));
    const torn = sampsonDistances((sideways as { F: Float64Array }).F, pair(9, 3, 5));
    expect([...torn].sort((x, y) => x - y)[Math.floor(torn.length * 0.9)]).toBeGreaterThan(2);
  });
  it("cross-view: one geometry for all frames; a frame without matches counts in neither mean", () => {
    const pair = matchFeatures(detectFeatures(scene(0, 0)), detectFeatures(scene(12, 5)));
    const none = { p0: new Float64Array(0), p1: new Float64Array(0) };
    const got = crossViewConsistency([pair, none, pair], createRng(1));
    expect(got.frameMediansPx[1]).toBeNull();
    expect(got.medianPx as number).toBeLessThan(0.3);
    expect(got.framesWithoutFit).toBe(1);
  });
  it("a camera that stands still is consistent, although its geometry is not unique", () => {
    const points = Float64Array.from({ length: 40 }, (_, i) => (i * 37) % 101);
    const got = temporalConsistency([{ p0: points, p1: points }], createRng(1));
    expect(got.framesWithoutFit).toBe(0);
    expect(got.medianPx as number).toBeLessThan(1e-6);
  });
  it("too few matches are no error of 0 but none at all", () => {
    const few = { p0: Float64Array.of(1, 2, 3, 4), p1: Float64Array.of(1, 2, 3, 4) };
    expect(temporalConsistency([few], createRng(1))).toMatchObject({
      medianPx: null,
      framesWithoutFit: 1,
    });
  });
});
