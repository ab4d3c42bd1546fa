/** Singular values without squaring the matrix, so that small ones keep their digits. */

/** Column-major dense matrix: column c is `columns[c]`. */
export type Columns = readonly Float64Array[];

const dot = (a: Float64Array, b: Float64Array, from: number): number => {
  let sum = 0;
  for (let i = from; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/**
 * Householder vector that maps x[from…] to a multiple of its first axis.
 * Returns the multiple; x[from…] is overwritten with the unit reflector (zeros when there is nothing to do).
 */
function reflector(x: Float64Array, from: number): number {
  let scale = 0;
  for (let i = from; i < x.length; i++) scale = Math.max(scale, Math.abs(x[i]));
  if (scale === 0) return 0;
  let sum = 0;
  for (let i = from; i < x.length; i++) sum += (x[i] / scale) ** 2;
  const norm = scale * Math.sqrt(sum);
  const image = x[from] > 0 ? -norm : norm;
  x[from] -= image;
  let length = 0;
  for (let i = from; i < x.length; i++) length += (x[i] / scale) ** 2;
  const inverse = 1 / (scale * Math.sqrt(length));
  for (let i = from; i < x.length; i++) x[i] *= inverse;
  return image;
}

/**
 * Singular values of a matrix, descending. Householder bidiagonalisation, then the symmetric tridiagonal matrix with
 * zero diagonal whose eigenvalues are ± the singular values (Golub and Kahan). O(rows · columns²) time.
 */
export function singularValues(matrix: Columns): Float64Array {
  if (matrix.length === 0 || matrix[0].length === 0) return new Float64Array(0);
  const numRows = matrix[0].length;
  if (numRows < matrix.length)
    return singularValues(
      Array.from({ length: numRows }, (_, r) => Float64Array.from(matrix, (c) => c[r])),
    );
  const a = matrix.map((column) => Float64Array.from(column));
  const n = a.length;
  const diagonal = new Float64Array(n);
  const upper = new Float64Array(n);
  const row = new Float64Array(n);
  const product = new Float64Array(numRows);
  for (let k = 0; k < n; k++) {
    diagonal[k] = reflector(a[k], k);
    for (let j = k + 1; j < n; j++) {
      const factor = 2 * dot(a[k], a[j], k);
      for (let i = k; i < numRows; i++) a[j][i] -= factor * a[k][i];
    }
    if (k + 1 >= n) continue;
    for (let j = k + 1; j < n; j++) row[j] = a[j][k];
    upper[k] = reflector(row, k + 1);
    // Columns times the row reflector, column by column to stay in cache.
    product.fill(0);
    for (let j = k + 1; j < n; j++)
      for (let i = k + 1; i < numRows; i++) product[i] += a[j][i] * row[j];
    for (let j = k + 1; j < n; j++) {
      const factor = 2 * row[j];
      for (let i = k + 1; i < numRows; i++) a[j][i] -= factor * product[i];
    }
  }
  const off = new Float64Array(2 * n - 1);
  for (let k = 0; k < n; k++) {
    off[2 * k] = diagonal[k];
    if (k + 1 < n) off[2 * k + 1] = upper[k];
  }
  return tridiagonalEigenvalues(new Float64Array(2 * n), off)
    .sort()
    .reverse()
    .subarray(0, n)
    .map((v) => Math.max(v, 0));
}

/** Eigenvalues of a symmetric tridiagonal matrix, by implicit QL with Wilkinson's shift, in no order. */
export function tridiagonalEigenvalues(
  diagonal: Float64Array,
  offDiagonal: Float64Array,
): Float64Array {
  const d = Float64Array.from(diagonal);
  const n = d.length;
  const e = new Float64Array(n);
  e.set(offDiagonal);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(d[i]) + Math.abs(e[i]));
  const tiny = largest * Number.EPSILON * 0.25;
  for (let l = 0; l < n; l++) {
    for (let round = 0; ; round++) {
      let m = l;
      while (
        m < n - 1 &&
        Math.abs(e[m]) > tiny + Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))
      )
        m++;
      if (m === l) break;
      if (round === 300) throw new RangeError("eigenvalues did not converge in 300 rounds");
      let g = (d[l + 1] - d[l]) / (2 * e[l]);
      let r = Math.hypot(g, 1);
      g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i];
        const b = c * e[i];
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
      }
      if (r === 0 && i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return d;
}

export interface RightSingular {
  /** Descending. */
  readonly values: Float64Array;
  /** Right singular vector of each value. */
  readonly vectors: readonly Float64Array[];
  /** Columns U·Σ. */
  readonly scaled: readonly Float64Array[];
}

/**
 * Singular value decomposition of a matrix with few columns, by one-sided Jacobi rotations: accurate also for the
 * smallest value, which is what an estimate from a null space needs.
 */
export function jacobiSvd(matrix: Columns): RightSingular {
  const a = matrix.map((column) => Float64Array.from(column));
  const n = a.length;
  const v = a.map((_, c) => Float64Array.from({ length: n }, (_, i) => Number(i === c)));
  const rotate = (x: Float64Array, y: Float64Array, c: number, s: number) => {
    for (let i = 0; i < x.length; i++) {
      const t = x[i];
      x[i] = c * t - s * y[i];
      y[i] = s * t + c * y[i];
    }
  };
  for (let sweep = 0; sweep < 60; sweep++) {
    let isDone = true;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const pp = dot(a[p], a[p], 0);
        const qq = dot(a[q], a[q], 0);
        const pq = dot(a[p], a[q], 0);
        if (Math.abs(pq) <= 1e-17 * Math.sqrt(pp * qq) || pq === 0) continue;
        if (Math.abs(pq) > 1e-15 * Math.sqrt(pp * qq)) isDone = false;
        const zeta = (qq - pp) / (2 * pq);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        rotate(a[p], a[q], c, c * t);
        rotate(v[p], v[q], c, c * t);
      }
    if (isDone) break;
  }
  const norms = a.map((column) => Math.sqrt(dot(column, column, 0)));
  const order = norms.map((_, i) => i).sort((i, j) => norms[j] - norms[i]);
  return {
    values: Float64Array.from(order, (i) => norms[i]),
    vectors: order.map((i) => v[i]),
    scaled: order.map((i) => a[i]),
  };
}

/**
 * L with L·Lᵀ = S for a symmetric positive semi-definite S (rows), by Cholesky with pivots; stops at the rank.
 * Rounding leaves tiny negative pivots in singular matrices: they end the factor.
 */
export function semiDefiniteFactor(rows: readonly ArrayLike<number>[]): Float64Array[] {
  const n = rows.length;
  const rest = rows.map((row) => Float64Array.from(row));
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, rest[i][i]);
  const columns: Float64Array[] = [];
  const used = new Uint8Array(n);
  for (let k = 0; k < n; k++) {
    let pivot = -1;
    for (let i = 0; i < n; i++)
      if (used[i] === 0 && (pivot < 0 || rest[i][i] > rest[pivot][pivot])) pivot = i;
    if (pivot < 0 || rest[pivot][pivot] <= largest * n * Number.EPSILON) break;
    used[pivot] = 1;
    const root = Math.sqrt(rest[pivot][pivot]);
    const column = Float64Array.from({ length: n }, (_, i) =>
      i === pivot ? root : used[i] === 1 ? 0 : rest[i][pivot] / root,
    );
    for (let i = 0; i < n; i++)
      if (used[i] === 0) for (let j = 0; j < n; j++) rest[i][j] -= column[i] * column[j];
    columns.push(column);
  }
  return columns;
}
