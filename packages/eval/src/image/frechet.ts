/**
 * Fréchet distance between Gaussians, the mathematics of FID and FVD:
 *
 *   |m1 − m2|² + tr S1 + tr S2 − 2 tr (S1^½ S2 S1^½)^½
 *
 * With S = A·Aᵀ the last trace is the sum of the singular values of A1ᵀ·A2, so no root of a rounding error is ever
 * taken: that is where the usual float64 computations lose half of their digits on rank-deficient covariances.
 * A is the centred feature matrix itself, or a pivoted Cholesky factor where only moments are given.
 */
import { EvalError } from "../errors.ts";
import { semiDefiniteFactor, singularValues } from "../geometry/singular-values.ts";

export interface Gaussian {
  readonly mean: Float64Array;
  /** Columns a with S = Σ a·aᵀ. */
  readonly factor: readonly Float64Array[];
}

/** @param rows One feature vector per sample; covariance with n − 1. */
export function gaussianOfFeatures(rows: readonly ArrayLike<number>[]): Gaussian {
  const n = rows.length;
  if (n < 2)
    throw new EvalError("empty", `Fréchet distance: ${n} feature vectors; expected at least 2`);
  const dim = rows[0].length;
  const mean = new Float64Array(dim);
  rows.forEach((row, r) => {
    if (row.length !== dim)
      throw new EvalError(
        "shape",
        `Fréchet distance: row ${r} has ${row.length} features; expected ${dim}`,
      );
    for (let d = 0; d < dim; d++) {
      if (!Number.isFinite(row[d]))
        throw new EvalError(
          "format",
          `Fréchet distance: feature ${d} of row ${r} is ${row[d]}; expected a finite number`,
        );
      mean[d] += row[d] / n;
    }
  });
  const scale = 1 / Math.sqrt(n - 1);
  const factor = rows.map((row) => mean.map((m, d) => (row[d] - m) * scale));
  return { mean, factor };
}

/** @param covariance Rows of a symmetric positive semi-definite matrix. */
export function gaussianOfMoments(
  mean: ArrayLike<number>,
  covariance: readonly ArrayLike<number>[],
): Gaussian {
  return { mean: Float64Array.from(mean), factor: semiDefiniteFactor(covariance) };
}

export function frechetDistance(a: Gaussian, b: Gaussian): number {
  if (a.mean.length !== b.mean.length)
    throw new EvalError(
      "shape",
      `Fréchet distance: ${a.mean.length} against ${b.mean.length} features; expected as many. Use the same network for both`,
    );
  const [x, y] = [compact(a), compact(b)];
  const trace = (g: Gaussian) =>
    g.factor.reduce((sum, column) => sum + column.reduce((s, v) => s + v * v, 0), 0);
  const product = y.factor.map((right) =>
    Float64Array.from(x.factor, (left) => {
      let sum = 0;
      for (let d = 0; d < left.length; d++) sum += left[d] * right[d];
      return sum;
    }),
  );
  const overlap = x.factor.length === 0 ? 0 : singularValues(product).reduce((s, v) => s + v, 0);
  const shift = a.mean.reduce((sum, m, d) => sum + (m - b.mean[d]) ** 2, 0);
  return shift + Math.max(0, trace(a) + trace(b) - 2 * overlap);
}

/** With more samples than features, an orthogonal change of the factor: its R of A = R·Q, as wide as it is high. */
function compact(g: Gaussian): Gaussian {
  const dim = g.mean.length;
  if (g.factor.length <= dim) return g;
  // Householder QR of Aᵀ (samples × features) keeps AAᵀ = RᵀR exactly as well conditioned as A.
  const n = g.factor.length;
  const columns = Array.from({ length: dim }, (_, d) =>
    Float64Array.from(g.factor, (column) => column[d]),
  );
  for (let k = 0; k < dim; k++) {
    const x = columns[k];
    let norm = 0;
    for (let i = k; i < n; i++) norm += x[i] * x[i];
    norm = Math.sqrt(norm);
    if (norm === 0) continue;
    const image = x[k] > 0 ? -norm : norm;
    const v = x.slice(k);
    v[0] -= image;
    let length = 0;
    for (const value of v) length += value * value;
    for (let j = k; j < dim; j++) {
      let sum = 0;
      for (let i = 0; i < v.length; i++) sum += v[i] * columns[j][k + i];
      const f = (2 * sum) / length;
      for (let i = 0; i < v.length; i++) columns[j][k + i] -= f * v[i];
    }
  }
  const factor = Array.from({ length: dim }, (_, r) => Float64Array.from(columns, (c) => c[r]));
  return { mean: g.mean, factor };
}
