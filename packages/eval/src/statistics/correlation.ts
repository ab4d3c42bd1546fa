/**
 * Pearson, Spearman and Kendall correlation. Undefined is null, never NaN: a constant side, fewer than two points
 * or a value that is not finite has no correlation.
 */
import { normalUpperTail, studentTwoSided } from "./distributions.ts";

export interface Correlation {
  /** −1 … 1, or null where it is undefined. */
  readonly value: number | null;
  /** Two-sided p-value of "no correlation"; null where the test has no meaning (too few points). */
  readonly p: number | null;
}
const undefinedCorrelation: Correlation = { value: null, p: null };

const isUsable = (x: ArrayLike<number>, y: ArrayLike<number>): boolean => {
  if (x.length !== y.length)
    throw new RangeError(`correlation: ${x.length} values against ${y.length}; expected as many`);
  if (x.length < 2) return false;
  for (let i = 0; i < x.length; i++)
    if (!Number.isFinite(x[i]) || !Number.isFinite(y[i])) return false;
  return true;
};

function centred(values: ArrayLike<number>): Float64Array {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  const mean = sum / values.length;
  // A second pass removes the rounding of the mean, which matters for values with a large offset.
  let rest = 0;
  for (let i = 0; i < values.length; i++) rest += values[i] - mean;
  const exact = mean + rest / values.length;
  return Float64Array.from(values, (v) => v - exact);
}

const isConstant = (values: ArrayLike<number>): boolean => {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
};

/** Correlation coefficient alone, for resampling; NaN where it is undefined. */
export function pearsonValue(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (isConstant(x) || isConstant(y)) return Number.NaN;
  const a = centred(x);
  const b = centred(y);
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < a.length; i++) {
    xy += a[i] * b[i];
    xx += a[i] * a[i];
    yy += b[i] * b[i];
  }
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** p of a correlation r under t = r √(df / (1 − r²)), df = n − 2. */
function pOfCorrelation(r: number, n: number): number | null {
  const degrees = n - 2;
  if (degrees < 1) return null;
  // 1 − r² loses digits near ±1; the factors do not. A last-bit ±1 is a perfect fit.
  const rest = (1 - Math.abs(r)) * (1 + Math.abs(r));
  if (rest <= 4 * Number.EPSILON) return 0;
  return studentTwoSided(r * Math.sqrt(degrees / rest), degrees);
}

export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): Correlation {
  if (!isUsable(x, y)) return undefinedCorrelation;
  const value = pearsonValue(x, y);
  if (Number.isNaN(value)) return undefinedCorrelation;
  // Two points always lie on a line.
  return { value, p: x.length === 2 ? 1 : pOfCorrelation(value, x.length) };
}

/** Ranks from 1; equal values share their average rank. */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => values[a] - values[b],
  );
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let j = i;
    while (j < order.length && values[order[j]] === values[order[i]]) j++;
    for (let k = i; k < j; k++) ranks[order[k]] = (i + j + 1) / 2;
    i = j;
  }
  return ranks;
}

export function spearmanValue(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearsonValue(averageRanks(x), averageRanks(y));
}

export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): Correlation {
  if (!isUsable(x, y)) return undefinedCorrelation;
  const value = spearmanValue(x, y);
  if (Number.isNaN(value)) return undefinedCorrelation;
  return { value, p: pOfCorrelation(value, x.length) };
}

export interface KendallCorrelation {
  /** Corrects for ties on both sides. */
  readonly tauB: number | null;
  /** Stuart's, for tables that are not square. */
  readonly tauC: number | null;
  /** Two-sided, normal approximation with tie correction. */
  readonly p: number | null;
}

/** Sizes of groups of equal values. */
function tieSizes(values: ArrayLike<number>): number[] {
  const sizes = new Map<number, number>();
  for (let i = 0; i < values.length; i++) sizes.set(values[i], (sizes.get(values[i]) ?? 0) + 1);
  return [...sizes.values()];
}

/** O(n²): concordant minus discordant pairs are counted one by one. */
export function kendall(x: ArrayLike<number>, y: ArrayLike<number>): KendallCorrelation {
  if (!isUsable(x, y) || isConstant(x) || isConstant(y)) return { tauB: null, tauC: null, p: null };
  const n = x.length;
  let excess = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) excess += Math.sign(x[i] - x[j]) * Math.sign(y[i] - y[j]);
  const pairs = (n * (n - 1)) / 2;
  const sums = (values: ArrayLike<number>) => {
    let tied = 0;
    let cubic = 0;
    let weighted = 0;
    for (const t of tieSizes(values)) {
      tied += (t * (t - 1)) / 2;
      cubic += t * (t - 1) * (t - 2);
      weighted += t * (t - 1) * (2 * t + 5);
    }
    return { tied, cubic, weighted };
  };
  const a = sums(x);
  const b = sums(y);
  const classes = Math.min(tieSizes(x).length, tieSizes(y).length);
  const m = n * (n - 1);
  const variance =
    (m * (2 * n + 5) - a.weighted - b.weighted) / 18 +
    (2 * a.tied * b.tied) / m +
    (a.cubic * b.cubic) / (9 * m * (n - 2));
  return {
    tauB: excess / Math.sqrt(pairs - a.tied) / Math.sqrt(pairs - b.tied),
    tauC: (2 * excess * classes) / (n * n * (classes - 1)),
    p: n > 2 ? 2 * normalUpperTail(Math.abs(excess) / Math.sqrt(variance)) : null,
  };
}
