/**
 * Bootstrap of independent rows with a generator that is stated in full, for numbers that others must be able to
 * recompute. `metrics/bootstrap.ts` is the one for clustered items of a run.
 */
import { type Interval, quantileOfSorted } from "../metrics/bootstrap.ts";
import { normalCdf, normalQuantile } from "./distributions.ts";

/** mulberry32 by Tommy Ettinger: 32 bits of state, one 32-bit output per call. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

export interface Resampling {
  readonly estimate: number;
  /** Ascending, one per resample where the statistic is defined. */
  readonly statistics: Float64Array;
  /** Statistics in the order of drawing, undefined ones left out. */
  readonly drawn: Float64Array;
  readonly undefinedResamples: number;
  /** Statistic without row i, for each i. */
  readonly jackknife: Float64Array;
}

/** @param statistic Over row indices (with repetition); NaN where it is undefined. */
export function resample(
  numRows: number,
  statistic: (rows: Int32Array) => number,
  options: { readonly seed: number; readonly resamples: number },
): Resampling {
  const next = mulberry32(options.seed);
  const all = Int32Array.from({ length: numRows }, (_, i) => i);
  const rows = new Int32Array(numRows);
  const drawn: number[] = [];
  for (let r = 0; r < options.resamples; r++) {
    for (let i = 0; i < numRows; i++) rows[i] = Math.floor((next() / 2 ** 32) * numRows);
    const value = statistic(rows);
    if (Number.isFinite(value)) drawn.push(value);
  }
  return {
    estimate: statistic(all),
    statistics: Float64Array.from(drawn).sort(),
    drawn: Float64Array.from(drawn),
    undefinedResamples: options.resamples - drawn.length,
    jackknife: Float64Array.from(all, (i) => statistic(all.filter((j) => j !== i))),
  };
}

/** Quantiles of the resampled statistic. */
export function percentileInterval({ statistics }: Resampling, confidence: number): Interval {
  const tail = (1 - confidence) / 2;
  return [quantileOfSorted(statistics, tail), quantileOfSorted(statistics, 1 - tail)];
}

/** The percentile interval mirrored at the estimate. */
export function basicInterval(resampling: Resampling, confidence: number): Interval {
  const [low, high] = percentileInterval(resampling, confidence);
  return [2 * resampling.estimate - high, 2 * resampling.estimate - low];
}

/** Efron's bias-corrected and accelerated interval; null where it is undefined (all resamples equal). */
export function bcaInterval(
  { statistics, estimate, jackknife }: Resampling,
  confidence: number,
): Interval | null {
  let below = 0;
  for (const s of statistics) below += Number(s < estimate) + Number(s <= estimate);
  const bias = normalQuantile(below / (2 * statistics.length));
  const mean = jackknife.reduce((sum, v) => sum + v, 0) / jackknife.length;
  let cubes = 0;
  let squares = 0;
  for (const v of jackknife) {
    cubes += (mean - v) ** 3;
    squares += (mean - v) ** 2;
  }
  const acceleration = cubes / (6 * squares ** 1.5);
  const quantile = (p: number): number => {
    const z = bias + normalQuantile(p);
    return normalCdf(bias + z / (1 - acceleration * z));
  };
  const tail = (1 - confidence) / 2;
  const [low, high] = [quantile(tail), quantile(1 - tail)];
  if (Number.isNaN(low) || Number.isNaN(high)) return null;
  return [quantileOfSorted(statistics, low), quantileOfSorted(statistics, high)];
}
