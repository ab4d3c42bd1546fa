/**
 * Distances between planned and logged paths, in the plane, as the Alpamayo recipes define them:
 * "minADE" picks the sample of least full-horizon mean distance and reports prefix means *of that same sample*.
 * Picking anew at each horizon is a different, more forgiving number; it is named `...PerHorizon` here.
 */
import type { LocalPath } from "@causeway/geom";
import { EvalError } from "../errors.ts";

/** Horizons of every open-loop table, s. The last one is the whole plan (64 steps). */
export const horizonsSecs = [0.5, 1, 3, 5, 6.4] as const;
export type HorizonKey = "0.5s" | "1s" | "3s" | "5s" | "6.4s";
export const horizonKeys: readonly HorizonKey[] = ["0.5s", "1s", "3s", "5s", "6.4s"];
/** One number per horizon that the path reaches. */
export type ByHorizon = Partial<Record<HorizonKey, number>>;
export const stepSecs = 0.1;

/** Steps up to and including the horizon: row i of a path is at (i + 1) * 0.1 s. */
export function stepsWithin(horizonSecs: number): number {
  return Math.round(horizonSecs / stepSecs);
}

function requireSameLength(where: string, predicted: number, logged: number): void {
  if (predicted === logged && logged > 0) return;
  throw new EvalError(
    "shape",
    `${where}: predicted path has ${predicted} poses, logged path ${logged}; expected the same number, at least 1. Score both on one time grid.`,
  );
}

/** Distance in the xy plane at each step, m. */
export function displacementsM(predicted: LocalPath, logged: LocalPath): Float64Array {
  requireSameLength("displacementsM", predicted.x.length, logged.x.length);
  return Float64Array.from(logged.x, (x, i) =>
    Math.hypot(predicted.x[i] - x, predicted.y[i] - logged.y[i]),
  );
}

/** Mean of the first `count` values. */
export function prefixMean(values: ArrayLike<number>, count: number = values.length): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i];
  return sum / count;
}

/** Evaluates `at` (steps → number) at every horizon that fits in `steps`; longer ones are left out. */
export function byHorizon(steps: number, at: (count: number) => number): ByHorizon {
  const out: ByHorizon = {};
  horizonsSecs.forEach((secs, i) => {
    const count = stepsWithin(secs);
    if (count <= steps) out[horizonKeys[i]] = at(count);
  });
  return out;
}

/** Index of the sample of least full-horizon mean distance; the first of equals. */
export function bestSample(displacements: readonly Float64Array[]): number {
  if (displacements.length === 0) {
    throw new EvalError("empty", "bestSample: no samples; expected at least one path.");
  }
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  displacements.forEach((d, k) => {
    const ade = prefixMean(d);
    if (ade < least) {
      least = ade;
      best = k;
    }
  });
  return best;
}

/** Upstream minADE: prefix means of the sample that is best over the full horizon, m. */
export function minAde(displacements: readonly Float64Array[]): {
  readonly full: number;
  readonly sample: number;
  readonly byHorizon: ByHorizon;
} {
  const sample = bestSample(displacements);
  const best = displacements[sample];
  return {
    full: prefixMean(best),
    sample,
    byHorizon: byHorizon(best.length, (count) => prefixMean(best, count)),
  };
}

/** NOT upstream: the least prefix mean at each horizon, sample chosen anew each time, m. Never above `minAde`. */
export function minAdePerHorizon(displacements: readonly Float64Array[]): ByHorizon {
  bestSample(displacements);
  return byHorizon(displacements[0].length, (count) =>
    Math.min(...displacements.map((d) => prefixMean(d, count))),
  );
}

/** Least final distance over samples, m. */
export function minFde(displacements: readonly Float64Array[]): number {
  bestSample(displacements);
  return Math.min(...displacements.map((d) => d[d.length - 1]));
}

/** Final distance of the best sample beyond this is a miss (the Argoverse convention), m. */
export const missThresholdM = 2;

/** Whether no sample ends within `missThresholdM` of the logged end point. */
export function isMiss(
  displacements: readonly Float64Array[],
  thresholdM = missThresholdM,
): boolean {
  return minFde(displacements) > thresholdM;
}

/**
 * Error split along and across the logged heading, signed, m.
 * Along > 0: ahead of the log (too fast). Across > 0: left of the log.
 */
export function errorComponentsM(
  predicted: LocalPath,
  logged: LocalPath,
): { readonly along: Float64Array; readonly across: Float64Array } {
  requireSameLength("errorComponentsM", predicted.x.length, logged.x.length);
  const n = logged.x.length;
  const along = new Float64Array(n);
  const across = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const dx = predicted.x[i] - logged.x[i];
    const dy = predicted.y[i] - logged.y[i];
    const c = Math.cos(logged.yaw[i]);
    const s = Math.sin(logged.yaw[i]);
    along[i] = c * dx + s * dy;
    across[i] = c * dy - s * dx;
  }
  return { along, across };
}

/** Mean and population standard deviation over sample sets of one clip, as upstream reports several sets. */
export function acrossSets(values: readonly number[]): {
  readonly mean: number;
  readonly std: number;
} {
  const mean = prefixMean(values);
  return { mean, std: Math.sqrt(prefixMean(values.map((v) => (v - mean) ** 2))) };
}

/**
 * NOT used: the deviation as upstream computes it, the root of E[x²] - E[x]² in float32. Rounding loses small spreads, and
 * where the difference falls below 0 the result is NaN.
 */
export function upstreamStd(values: readonly number[]): number {
  const f32 = Math.fround;
  const mean = (of: (v: number) => number) =>
    f32(values.reduce((sum, v) => f32(sum + f32(of(f32(v)))), 0) / values.length);
  const first = mean((v) => v);
  return f32(Math.sqrt(f32(mean((v) => v * v) - f32(first * first))));
}
