/**
 * Two-view geometry: Sampson distance, the fundamental matrix from matches, and a robust estimate.
 * Convention: x0ᵀ F x1 = 0 with x0 in picture 0, in pixels. F is scaled to norm 1 with its largest entry positive.
 */
import type { Rng } from "@causeway/geom";
import { jacobiSvd } from "./singular-values.ts";

/** 3x3, row by row. */
export type Matrix3 = ArrayLike<number>;

/** Matched points, x and y interleaved: [x, y, x, y, …]. */
export interface Matches {
  readonly p0: ArrayLike<number>;
  readonly p1: ArrayLike<number>;
}

/**
 * Squared distance to first order of a match from satisfying the geometry, in pixels²:
 * (x0ᵀF x1)² / ((Fᵀx0)₁² + (Fᵀx0)₂² + (F x1)₁² + (F x1)₂²).
 */
export function sampsonSquared(F: Matrix3, x0: number, y0: number, x1: number, y1: number): number {
  const a0 = F[0] * x1 + F[1] * y1 + F[2];
  const a1 = F[3] * x1 + F[4] * y1 + F[5];
  const a2 = F[6] * x1 + F[7] * y1 + F[8];
  const b0 = F[0] * x0 + F[3] * y0 + F[6];
  const b1 = F[1] * x0 + F[4] * y0 + F[7];
  const e = x0 * a0 + y0 * a1 + a2;
  return (e * e) / (a0 * a0 + a1 * a1 + b0 * b0 + b1 * b1);
}

/** Sampson distance of every match, in pixels. */
export function sampsonDistances(F: Matrix3, { p0, p1 }: Matches): Float64Array {
  return Float64Array.from({ length: p0.length / 2 }, (_, i) =>
    Math.sqrt(sampsonSquared(F, p0[2 * i], p0[2 * i + 1], p1[2 * i], p1[2 * i + 1])),
  );
}

/** Norm 1, largest entry positive. */
export function normaliseF(F: Matrix3): Float64Array {
  const out = Float64Array.from(F);
  const norm = Math.sqrt(out.reduce((sum, v) => sum + v * v, 0));
  const largest = out.reduce((best, v) => (Math.abs(v) > Math.abs(best) ? v : best), 0);
  return out.map((v) => (largest < 0 ? -v / norm : v / norm));
}

/** Similarity that moves points to mean 0 and mean distance √2: [scale, shiftX, shiftY]. */
function normaliser(
  points: ArrayLike<number>,
  rows: ArrayLike<number>,
): readonly [number, number, number] {
  let cx = 0;
  let cy = 0;
  for (let k = 0; k < rows.length; k++) {
    cx += points[2 * rows[k]] / rows.length;
    cy += points[2 * rows[k] + 1] / rows.length;
  }
  let distance = 0;
  for (let k = 0; k < rows.length; k++)
    distance += Math.hypot(points[2 * rows[k]] - cx, points[2 * rows[k] + 1] - cy) / rows.length;
  const scale = distance > 0 ? Math.SQRT2 / distance : 1;
  return [scale, -scale * cx, -scale * cy];
}

/** F in pixels from F between normalised points: T0ᵀ F T1. */
function denormalise(
  F: Float64Array,
  [s, tx, ty]: readonly [number, number, number],
  [u, vx, vy]: readonly [number, number, number],
): Float64Array {
  const right = [0, 1, 2].map((r) => {
    const [a, b, c] = F.subarray(3 * r, 3 * r + 3);
    return [a * u, b * u, a * vx + b * vy + c];
  });
  const row = (f: (c: number) => number) => [0, 1, 2].map(f);
  return normaliseF([
    ...row((c) => s * right[0][c]),
    ...row((c) => s * right[1][c]),
    ...row((c) => tx * right[0][c] + ty * right[1][c] + right[2][c]),
  ]);
}

/** Columns of the design matrix of normalised matches: one equation per match, nine unknowns. */
function designMatrix(
  { p0, p1 }: Matches,
  rows: ArrayLike<number>,
  weights: ArrayLike<number> | null = null,
) {
  const t0 = normaliser(p0, rows);
  const t1 = normaliser(p1, rows);
  const columns = Array.from({ length: 9 }, () => new Float64Array(rows.length));
  for (let k = 0; k < rows.length; k++) {
    const i = rows[k];
    const a = [t0[0] * p0[2 * i] + t0[1], t0[0] * p0[2 * i + 1] + t0[2], 1];
    const b = [t1[0] * p1[2 * i] + t1[1], t1[0] * p1[2 * i + 1] + t1[2], 1];
    const w = weights === null ? 1 : weights[k];
    for (let r = 0; r < 3; r++) for (let c = 0; c < 3; c++) columns[3 * r + c][k] = w * a[r] * b[c];
  }
  return { t0, t1, columns };
}

/**
 * Two vectors of the null space of 7 equations, by elimination with full pivoting. Below rank 7 (a camera that stands
 * still, a single plane) there are more than two, and all of them explain the matches: the first two are as good.
 */
function nullPlane(columns: readonly Float64Array[]): [Float64Array, Float64Array] {
  const free = columns.map((_, c) => c);
  const order: number[] = [];
  for (let k = 0; k < 7; k++) {
    let row = k;
    let at = 0;
    free.forEach((c, i) => {
      for (let r = k; r < 7; r++)
        if (Math.abs(columns[c][r]) > Math.abs(columns[free[at]][row])) [row, at] = [r, i];
    });
    const value = columns[free[at]][row];
    if (Math.abs(value) < 1e-12) break;
    const [pivot] = free.splice(at, 1);
    order.push(pivot);
    for (const c of [pivot, ...free]) {
      const top = columns[c][row];
      columns[c][row] = columns[c][k];
      columns[c][k] = top / value;
    }
    for (let r = 0; r < 7; r++) {
      if (r === k) continue;
      const factor = columns[pivot][r];
      for (const c of free) columns[c][r] -= factor * columns[c][k];
    }
  }
  return free.slice(0, 2).map((c) => {
    const vector = new Float64Array(9);
    vector[c] = 1;
    order.forEach((pivot, k) => {
      vector[pivot] = -columns[c][k];
    });
    const norm = Math.hypot(...vector);
    return vector.map((v) => v / norm);
  }) as [Float64Array, Float64Array];
}

/** Closest matrix of rank 2: all epipolar lines then meet in one point. */
function rankTwo(F: Float64Array): Float64Array {
  const { vectors, scaled } = jacobiSvd(
    [0, 1, 2].map((c) => Float64Array.of(F[c], F[3 + c], F[6 + c])),
  );
  const out = new Float64Array(9);
  for (let k = 0; k < 2; k++)
    for (let r = 0; r < 3; r++)
      for (let c = 0; c < 3; c++) out[3 * r + c] += scaled[k][r] * vectors[k][c];
  return out;
}

/**
 * The normalised 8-point algorithm (Hartley 1997) by SVD of the design matrix; needs 8 matches or more.
 *
 * @param rows Which matches to use; all by default.
 */
export function eightPoint(
  matches: Matches,
  rows: ArrayLike<number> = Int32Array.from({ length: matches.p0.length / 2 }, (_, i) => i),
  weights: ArrayLike<number> | null = null,
): Float64Array {
  if (rows.length < 8)
    throw new RangeError(`fundamental matrix: ${rows.length} matches; expected at least 8`);
  const { t0, t1, columns } = designMatrix(matches, rows, weights);
  return denormalise(rankTwo(jacobiSvd(columns).vectors[8]), t0, t1);
}

const determinant = (m: ArrayLike<number>): number =>
  m[0] * (m[4] * m[8] - m[5] * m[7]) -
  m[1] * (m[3] * m[8] - m[5] * m[6]) +
  m[2] * (m[3] * m[7] - m[4] * m[6]);

/** Real roots of c3 x³ + c2 x² + c1 x + c0, by closed form. */
function cubicRoots(c0: number, c1: number, c2: number, c3: number): number[] {
  const size = Math.max(Math.abs(c0), Math.abs(c1), Math.abs(c2));
  if (Math.abs(c3) <= 1e-14 * size) {
    if (Math.abs(c2) <= 1e-14 * size) return c1 === 0 ? [] : [-c0 / c1];
    const d = c1 * c1 - 4 * c2 * c0;
    return d < 0 ? [] : [(-c1 + Math.sqrt(d)) / (2 * c2), (-c1 - Math.sqrt(d)) / (2 * c2)];
  }
  const [a, b, c] = [c2 / c3, c1 / c3, c0 / c3];
  const q = (a * a - 3 * b) / 9;
  const r = (2 * a * a * a - 9 * a * b + 27 * c) / 54;
  if (r * r < q * q * q) {
    const t = Math.acos(Math.max(-1, Math.min(1, r / Math.sqrt(q * q * q))));
    return [0, 1, -1].map((k) => -2 * Math.sqrt(q) * Math.cos((t + 2 * Math.PI * k) / 3) - a / 3);
  }
  const s = -Math.sign(r) * Math.cbrt(Math.abs(r) + Math.sqrt(r * r - q * q * q));
  return [s + (s === 0 ? 0 : q / s) - a / 3];
}

/** Up to three matrices through exactly 7 matches: the members of the null plane with determinant 0. */
function sevenPoint(matches: Matches, rows: ArrayLike<number>): Float64Array[] {
  const { t0, t1, columns } = designMatrix(matches, rows);
  const [f, g] = nullPlane(columns);
  const at = (x: number) => f.map((v, i) => v + x * g[i]);
  // det(f + x g) is a cubic; four values fix it.
  const [d0, d1, dm] = [determinant(f), determinant(at(1)), determinant(at(-1))];
  const c3 = determinant(g);
  const c2 = (d1 + dm) / 2 - d0;
  const c1 = d1 - d0 - c2 - c3;
  return cubicRoots(d0, c1, c2, c3).map((x) => denormalise(at(x), t0, t1));
}

/** Larger of the two distances from a point to the epipolar line of its partner, in pixels, squared. */
function lineDistanceSquared(F: Matrix3, { p0, p1 }: Matches, i: number): number {
  const [x0, y0, x1, y1] = [p0[2 * i], p0[2 * i + 1], p1[2 * i], p1[2 * i + 1]];
  const a0 = F[0] * x1 + F[1] * y1 + F[2];
  const a1 = F[3] * x1 + F[4] * y1 + F[5];
  const a2 = F[6] * x1 + F[7] * y1 + F[8];
  const b0 = F[0] * x0 + F[3] * y0 + F[6];
  const b1 = F[1] * x0 + F[4] * y0 + F[7];
  const e = x0 * a0 + y0 * a1 + a2;
  return Math.max((e * e) / (a0 * a0 + a1 * a1), (e * e) / (b0 * b0 + b1 * b1));
}

export interface RobustFit {
  readonly F: Float64Array;
  /** Indices of matches within the threshold of their epipolar lines. */
  readonly inliers: readonly number[];
}

export interface RansacOptions {
  readonly thresholdPx: number;
  /** Chance that at least one sample was free of outliers; stops early. */
  readonly confidence: number;
  readonly maxSamples: number;
}
export const defaultRansac: RansacOptions = { thresholdPx: 3, confidence: 0.99, maxSamples: 2000 };

/**
 * RANSAC over 7-point samples; each new best sample is refitted to its inliers (weighted by the Sampson gradient)
 * until they stop growing. Same matches and same `rng` give the same result. null with fewer than 8 matches or
 * when no model has 8 inliers.
 */
export function robustFundamental(
  matches: Matches,
  rng: Rng,
  options: RansacOptions = defaultRansac,
): RobustFit | null {
  const n = matches.p0.length / 2;
  if (n < 8) return null;
  const limit = options.thresholdPx ** 2;
  const inliersOf = (F: Matrix3): number[] => {
    const out: number[] = [];
    for (let i = 0; i < n; i++) if (lineDistanceSquared(F, matches, i) <= limit) out.push(i);
    return out;
  };
  let best: RobustFit | null = null;
  let needed = options.maxSamples;
  for (let sample = 0; sample < needed; sample++) {
    const rows = new Set<number>();
    while (rows.size < 7) rows.add(rng.int(n));
    for (const F of sevenPoint(matches, [...rows])) {
      const inliers = inliersOf(F);
      if (inliers.length < 8 || inliers.length <= (best?.inliers.length ?? 0)) continue;
      best = polish({ F, inliers }, matches, inliersOf);
      const clean = (best.inliers.length / n) ** 7;
      if (clean >= 1 - 1e-12) needed = 0;
      else
        needed = Math.min(needed, Math.ceil(Math.log(1 - options.confidence) / Math.log1p(-clean)));
    }
  }
  return best;
}

/** Refits to the inliers while that does not lose any. */
function polish(
  start: RobustFit,
  matches: Matches,
  inliersOf: (F: Matrix3) => number[],
): RobustFit {
  let best = start;
  for (let round = 0; round < 10; round++) {
    // Dividing each equation by its gradient turns the algebraic error into the Sampson distance.
    const { p0, p1 } = matches;
    const weights = best.inliers.map((i) => {
      const F = best.F;
      const a = Math.hypot(
        F[0] * p1[2 * i] + F[1] * p1[2 * i + 1] + F[2],
        F[3] * p1[2 * i] + F[4] * p1[2 * i + 1] + F[5],
        F[0] * p0[2 * i] + F[3] * p0[2 * i + 1] + F[6],
        F[1] * p0[2 * i] + F[4] * p0[2 * i + 1] + F[7],
      );
      return a > 0 ? 1 / a : 0;
    });
    const scale = Math.max(...weights);
    const F = eightPoint(matches, best.inliers, scale > 0 ? weights.map((w) => w / scale) : null);
    const inliers = inliersOf(F);
    if (inliers.length < best.inliers.length) break;
    const isSettled = inliers.length === best.inliers.length && round > 2;
    best = { F, inliers };
    if (isSettled) break;
  }
  return best;
}

/** F of two calibrated cameras: x0ᵀ K0⁻ᵀ [t]× R K1⁻¹ x1, with R, t mapping camera-1 points into camera 0. */
export function fundamentalOfPose(
  K0: Matrix3,
  K1: Matrix3,
  R: Matrix3,
  t: ArrayLike<number>,
): Float64Array {
  const inverse = (K: Matrix3): Float64Array => {
    const d = determinant(K);
    return Float64Array.of(
      (K[4] * K[8] - K[5] * K[7]) / d,
      (K[2] * K[7] - K[1] * K[8]) / d,
      (K[1] * K[5] - K[2] * K[4]) / d,
      (K[5] * K[6] - K[3] * K[8]) / d,
      (K[0] * K[8] - K[2] * K[6]) / d,
      (K[2] * K[3] - K[0] * K[5]) / d,
      (K[3] * K[7] - K[4] * K[6]) / d,
      (K[1] * K[6] - K[0] * K[7]) / d,
      (K[0] * K[4] - K[1] * K[3]) / d,
    );
  };
  const times = (A: Matrix3, B: Matrix3): Float64Array =>
    Float64Array.from({ length: 9 }, (_, i) => {
      const [r, c] = [Math.floor(i / 3), i % 3];
      return A[3 * r] * B[c] + A[3 * r + 1] * B[3 + c] + A[3 * r + 2] * B[6 + c];
    });
  const skew = [0, -t[2], t[1], t[2], 0, -t[0], -t[1], t[0], 0];
  const i0 = inverse(K0);
  const transposed = [i0[0], i0[3], i0[6], i0[1], i0[4], i0[7], i0[2], i0[5], i0[8]];
  return normaliseF(times(times(transposed, times(skew, R)), inverse(K1)));
}

export interface SampsonSummary {
  /** Mean over frames of the mean over matches, px; null without any frame that has matches. */
  readonly meanPx: number | null;
  /** Median over frames of the frame medians. */
  readonly medianPx: number | null;
  /** Per frame; null for a frame without matches, which counts in neither. */
  readonly frameMeansPx: readonly (number | null)[];
  readonly frameMediansPx: readonly (number | null)[];
}

/** The lower of the two middle values for even counts, as torch has it. */
const lowerMedian = (values: ArrayLike<number>): number | null =>
  values.length === 0 ? null : Float64Array.from(values).sort()[(values.length - 1) >> 1];

/** @param frames Sampson distances of each frame (or frame pair), px. */
export function summariseSampson(frames: readonly ArrayLike<number>[]): SampsonSummary {
  const frameMeansPx = frames.map((f) =>
    f.length === 0 ? null : Array.from(f).reduce((a, b) => a + b, 0) / f.length,
  );
  const frameMediansPx = frames.map(lowerMedian);
  const means = frameMeansPx.filter((v) => v !== null);
  return {
    meanPx: means.length === 0 ? null : means.reduce((a, b) => a + b, 0) / means.length,
    // Over frames, an even count takes the mean of the middle values, as numpy's nanmedian does.
    medianPx: medianOf(frameMediansPx.filter((v) => v !== null)),
    frameMeansPx,
    frameMediansPx,
  };
}

const medianOf = (values: readonly number[]): number | null => {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
