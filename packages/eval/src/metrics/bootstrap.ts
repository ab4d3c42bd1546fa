/**
 * Cluster bootstrap: frames of one recording share a road, a driver and a weather, so the independent unit is
 * the recording (closed loop: the scene). A resample draws as many clusters as there are, with replacement;
 * an item's weight is how often its cluster was drawn. The interval is the percentile interval.
 */
import { createRng } from "@causeway/geom";

/** [low, high] of a 95 % interval unless said otherwise. */
export type Interval = readonly [number, number];

/** A statistic of a set, how sure it is and what it was taken over. */
export interface Estimate {
  /** null when nothing was measured (n = 0). */
  readonly value: number | null;
  /** null with fewer than two clusters: one recording says nothing about the next. */
  readonly interval: Interval | null;
  /** Items in the statistic. */
  readonly n: number;
  /** Independent clusters among them. */
  readonly clusters: number;
}

export interface BootstrapOptions {
  readonly seed: number;
  readonly resamples: number;
  /** Coverage, e.g. 0.95. */
  readonly level: number;
}
export const defaultBootstrap: BootstrapOptions = { seed: 20260, resamples: 1000, level: 0.95 };

/** Linear-interpolated quantile of an ascending array (type 7, numpy's default). */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/**
 * Estimate of `statistic(weights)`; weights are 1 for the point value and cluster multiplicities in resamples.
 * A resample where the statistic is not finite (an empty denominator) is left out of the quantiles.
 * Clusters are drawn in sorted order of their ids, so the order of the items does not matter.
 *
 * @param clusterIds  One id per item.
 */
export function bootstrap(
  clusterIds: readonly string[],
  statistic: (weights: Float64Array) => number,
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  const n = clusterIds.length;
  const names = [...new Set(clusterIds)].sort();
  const clusters = names.length;
  if (n === 0) return { value: null, interval: null, n, clusters };
  const weights = new Float64Array(n).fill(1);
  const point = statistic(weights);
  const value = Number.isFinite(point) ? point : null;
  if (clusters < 2 || value === null) return { value, interval: null, n, clusters };

  const indexOf = new Map(names.map((name, i) => [name, i]));
  const clusterOf = Int32Array.from(clusterIds, (id) => indexOf.get(id) as number);
  const rng = createRng(options.seed);
  const drawn = new Float64Array(clusters);
  const statistics: number[] = [];
  for (let r = 0; r < options.resamples; r++) {
    drawn.fill(0);
    for (let c = 0; c < clusters; c++) drawn[rng.int(clusters)] += 1;
    for (let i = 0; i < n; i++) weights[i] = drawn[clusterOf[i]];
    const s = statistic(weights);
    if (Number.isFinite(s)) statistics.push(s);
  }
  if (statistics.length === 0) return { value, interval: null, n, clusters };
  statistics.sort((a, b) => a - b);
  const tail = (1 - options.level) / 2;
  return {
    value,
    interval: [quantileOfSorted(statistics, tail), quantileOfSorted(statistics, 1 - tail)],
    n,
    clusters,
  };
}

/** Sum of w·v over sum of w. */
export function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    sum += weights[i] * values[i];
    total += weights[i];
  }
  return sum / total;
}

/** Mean of `values` with its interval. */
export function bootstrapMean(
  values: readonly number[],
  clusterIds: readonly string[],
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  return bootstrapRatio(
    values,
    values.map(() => 1),
    clusterIds,
    options,
  );
}

/**
 * Mean of values in [0, 1] (a share when they are flags), with its interval. Where every value is 0, or every one
 * is 1, a resample cannot vary, and 0 of 48 must not read as "never": the interval is then the exact binomial one,
 * with clusters as the trials.
 */
export function bootstrapShare(
  flags: readonly (boolean | number)[],
  clusterIds: readonly string[],
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  const estimate = bootstrapMean(flags.map(Number), clusterIds, options);
  if (estimate.interval === null || (estimate.value !== 0 && estimate.value !== 1)) return estimate;
  const beyond = 1 - ((1 - options.level) / 2) ** (1 / estimate.clusters);
  return { ...estimate, interval: estimate.value === 0 ? [0, beyond] : [1 - beyond, 1] };
}

/** Ratio of sums, e.g. incidents over kilometres, or one predictor's paired error over another's. */
export function bootstrapRatio(
  numerators: readonly number[],
  denominators: readonly number[],
  clusterIds: readonly string[],
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  // A ratio of sums needs only the sums of each cluster: a resample costs its clusters, not its items.
  const sums = new Map<string, [number, number]>();
  clusterIds.forEach((id, i) => {
    const sum = sums.get(id) ?? [0, 0];
    sum[0] += numerators[i];
    sum[1] += denominators[i];
    sums.set(id, sum);
  });
  const ids = [...sums.keys()];
  const pairs = [...sums.values()];
  const estimate = bootstrap(
    ids,
    (w) => {
      let top = 0;
      let bottom = 0;
      for (let i = 0; i < pairs.length; i++) {
        top += w[i] * pairs[i][0];
        bottom += w[i] * pairs[i][1];
      }
      return top / bottom;
    },
    options,
  );
  return { ...estimate, n: clusterIds.length };
}
