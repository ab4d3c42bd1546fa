/**
 * Lloyd's k-means in float64 on rows of unit length (so that Euclidean distance orders as cosine does).
 *
 * Deterministic: ties go to the lower centroid, a centroid that wins no row stays where it is. Distances use
 * |x - c|² = |x|² - 2 x·c + |c|², so one round costs rows * k * dim multiplications.
 */
import type { Rng } from "@causeway/geom";

/** Rows one after another: `data[i * dim + j]`. */
export interface Matrix {
  readonly rows: number;
  readonly dim: number;
  readonly data: Float64Array;
}

export interface Clustering {
  /** k x dim; a mean of unit rows is shorter than 1. */
  readonly centroids: Matrix;
  readonly labels: Int32Array;
  /** Updates of the centroids. */
  readonly iterations: number;
  /** False when `maxRounds` ended it. */
  readonly isSettled: boolean;
}

/** Copies rows and scales each to length 1; a row of zeros stays zero. */
export function unitRows(rows: number, dim: number, values: ArrayLike<number>): Matrix {
  const data = new Float64Array(rows * dim);
  for (let i = 0; i < rows; i++) {
    let square = 0;
    for (let j = 0; j < dim; j++) square += values[i * dim + j] * values[i * dim + j];
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let j = 0; j < dim; j++) data[i * dim + j] = values[i * dim + j] * scale;
  }
  return { rows, dim, data };
}

/** x·y of row i of `a` and row j of `b`. */
export function dotRows(a: Matrix, i: number, b: Matrix, j: number): number {
  const { dim } = a;
  const [p, q] = [i * dim, j * dim];
  let sum = 0;
  for (let c = 0; c < dim; c++) sum += a.data[p + c] * b.data[q + c];
  return sum;
}

function squaresOf(m: Matrix): Float64Array {
  return Float64Array.from({ length: m.rows }, (_, i) => dotRows(m, i, m, i));
}

/** Nearest centroid of every row. */
export function nearestCentroids(points: Matrix, centroids: Matrix): Int32Array {
  const squares = squaresOf(centroids);
  const labels = new Int32Array(points.rows);
  for (let i = 0; i < points.rows; i++) {
    let best = Number.POSITIVE_INFINITY;
    for (let k = 0; k < centroids.rows; k++) {
      const distance = squares[k] - 2 * dotRows(points, i, centroids, k);
      if (distance < best) {
        best = distance;
        labels[i] = k;
      }
    }
  }
  return labels;
}

export function kmeans(points: Matrix, initial: Matrix, maxRounds = 100): Clustering {
  const { dim } = points;
  const centroids: Matrix = { ...initial, data: initial.data.slice() };
  let labels = nearestCentroids(points, centroids);
  let iterations = 0;
  while (iterations < maxRounds) {
    const sums = new Float64Array(centroids.rows * dim);
    const counts = new Float64Array(centroids.rows);
    for (let i = 0; i < points.rows; i++) {
      counts[labels[i]]++;
      const [from, to] = [i * dim, labels[i] * dim];
      for (let j = 0; j < dim; j++) sums[to + j] += points.data[from + j];
    }
    for (let k = 0; k < centroids.rows; k++) {
      if (counts[k] === 0) continue;
      for (let j = 0; j < dim; j++) centroids.data[k * dim + j] = sums[k * dim + j] / counts[k];
    }
    iterations++;
    const next = nearestCentroids(points, centroids);
    const isSame = next.every((label, i) => label === labels[i]);
    labels = next;
    if (isSame) return { centroids, labels, iterations, isSettled: true };
  }
  return { centroids, labels, iterations, isSettled: false };
}

/** k rows far from each other (k-means++): each is drawn with a chance that grows with its squared distance. */
export function seedCentroids(points: Matrix, k: number, rng: Rng): Matrix {
  const { dim, rows } = points;
  const data = new Float64Array(k * dim);
  const take = (centroid: number, row: number) =>
    data.set(points.data.subarray(row * dim, (row + 1) * dim), centroid * dim);
  take(0, rng.int(rows));
  const nearest = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  const chosen: Matrix = { rows: k, dim, data };
  for (let c = 1; c < k; c++) {
    let total = 0;
    for (let i = 0; i < rows; i++) {
      // Rows have length 1 (or 0), so the squared distance to a chosen row is at most 2 - 2 cos.
      const distance = Math.max(0, 2 - 2 * dotRows(points, i, chosen, c - 1));
      nearest[i] = Math.min(nearest[i], distance);
      total += nearest[i];
    }
    let left = rng.next() * total;
    let row = 0;
    while (row < rows - 1 && left >= nearest[row]) left -= nearest[row++];
    take(c, row);
  }
  return chosen;
}
