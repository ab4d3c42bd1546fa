/**
 * Small least-squares problems whose rows touch only neighbours: normal equations in band storage, banded Cholesky, O(n).
 * All of the action space's fits are of this kind with half-width 3, where a dense solver would be O(n³).
 */
import { GeomError } from "./errors.ts";

/** Normal matrix AᵀA (symmetric, half-width `halfWidth`) and right side Aᵀb of n unknowns. */
export interface BandedSystem {
  readonly n: number;
  readonly halfWidth: number;
  /** bands[i * (halfWidth + 1) + k] is the entry (i, i - k). */
  readonly bands: Float64Array;
  readonly right: Float64Array;
}

export function bandedSystem(n: number, halfWidth: number): BandedSystem {
  return {
    n,
    halfWidth,
    bands: new Float64Array(n * (halfWidth + 1)),
    right: new Float64Array(n),
  };
}

/**
 * Adds weight · (Σ_j coefficients[j] · x[first + j] - target)² to the problem.
 * The unknown before the first one (index -1) is fixed at `known`, so that its part moves to the right side.
 */
export function addRow(
  system: BandedSystem,
  first: number,
  coefficients: readonly number[],
  target: number,
  weight = 1,
  known = 0,
): void {
  const { bands, right } = system;
  const width = system.halfWidth + 1;
  let rest = target;
  let start = 0;
  if (first < 0) {
    rest -= coefficients[0] * known;
    start = 1;
  }
  for (let a = start; a < coefficients.length; a++) {
    const row = first + a;
    const wa = weight * coefficients[a];
    right[row] += wa * rest;
    for (let b = start; b <= a; b++) bands[row * width + (a - b)] += wa * coefficients[b];
  }
}

/** Solves (AᵀA + ridge·I) x = Aᵀb, or returns null when the matrix is not positive definite. The system is unchanged. */
export function solveBanded(system: BandedSystem, ridge: number): Float64Array | null {
  const { n, halfWidth } = system;
  const width = halfWidth + 1;
  const l = Float64Array.from(system.bands);
  const x = Float64Array.from(system.right);
  for (let i = 0; i < n; i++) {
    const base = i * width;
    const reach = Math.min(halfWidth, i);
    for (let k = reach; k >= 0; k--) {
      const j = i - k;
      let sum = l[base + k] + (k === 0 ? ridge : 0);
      for (let m = Math.max(0, i - halfWidth, j - halfWidth); m < j; m++) {
        sum -= l[base + (i - m)] * l[j * width + (j - m)];
      }
      if (k > 0) l[base + k] = sum / l[j * width];
      else if (sum > 0 && Number.isFinite(sum)) l[base] = Math.sqrt(sum);
      else return null;
    }
    let value = x[i];
    for (let k = 1; k <= reach; k++) value -= l[base + k] * x[i - k];
    x[i] = value / l[base];
  }
  for (let i = n - 1; i >= 0; i--) {
    let value = x[i];
    for (let k = 1; k <= halfWidth && i + k < n; k++) value -= l[(i + k) * width + k] * x[i + k];
    x[i] = value / l[i * width];
  }
  return x;
}

/** As `solveBanded`, but a failed factorisation is tried again with ten times the ridge, at most 12 times. */
export function solveWithGrowingRidge(
  where: string,
  system: BandedSystem,
  ridge: number,
): Float64Array {
  let r = ridge;
  for (let attempt = 0; attempt < 12; attempt++) {
    const x = solveBanded(system, r);
    if (x !== null) return x;
    r *= 10;
  }
  throw new GeomError(
    "not-finite",
    `${where}: not positive definite even with ridge ${r}; expected finite, moderate input values. Check the trajectory.`,
  );
}
