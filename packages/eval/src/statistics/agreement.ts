/** Agreement of two raters, intervals of a share, and accuracy on an ordinal scale with its denominators named. */
import type { Interval } from "../metrics/bootstrap.ts";
import { betaQuantile, normalQuantile } from "./distributions.ts";

export type KappaWeights = "unweighted" | "linear" | "quadratic";

/**
 * Cohen's kappa, 1 − Σ w·observed / Σ w·expected, with w = 0/1, |i − j| or (i − j)² over the sorted classes that occur.
 * null when chance alone agrees fully (a single class).
 */
export function cohenKappa(
  a: readonly number[],
  b: readonly number[],
  weights: KappaWeights = "unweighted",
): number | null {
  const classes = [...new Set([...a, ...b])].sort((p, q) => p - q);
  const index = new Map(classes.map((c, i) => [c, i]));
  const k = classes.length;
  const observed = new Float64Array(k * k);
  const rows = new Float64Array(k);
  const columns = new Float64Array(k);
  a.forEach((value, n) => {
    const i = index.get(value) as number;
    const j = index.get(b[n]) as number;
    observed[i * k + j] += 1;
    rows[i] += 1;
    columns[j] += 1;
  });
  let seen = 0;
  let expected = 0;
  for (let i = 0; i < k; i++)
    for (let j = 0; j < k; j++) {
      const w = weights === "unweighted" ? Number(i !== j) : Math.abs(i - j);
      const cost = weights === "quadratic" ? w * w : w;
      seen += cost * observed[i * k + j];
      expected += (cost * rows[i] * columns[j]) / a.length;
    }
  return expected > 0 ? 1 - seen / expected : null;
}

/** Wilson's score interval of a share; `isCorrected` adds the continuity correction. */
export function wilsonInterval(
  successes: number,
  n: number,
  confidence: number = 0.95,
  isCorrected: boolean = false,
): Interval {
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const p = successes / n;
  const zz = z * z;
  if (!isCorrected) {
    const centre = (p + zz / (2 * n)) / (1 + zz / n);
    const half = (z * Math.sqrt((p * (1 - p)) / n + zz / (4 * n * n))) / (1 + zz / n);
    return [successes === 0 ? 0 : centre - half, successes === n ? 1 : centre + half];
  }
  const denominator = 2 * (n + zz);
  const root = (sign: 1 | -1): number =>
    z * Math.sqrt(zz - 1 / n + 4 * n * p * (1 - p) + sign * (4 * p - 2)) + 1;
  const low = successes === 0 ? 0 : (2 * n * p + zz - root(1)) / denominator;
  const high = successes === n ? 1 : (2 * n * p + zz + root(-1)) / denominator;
  return [Math.max(0, low), Math.min(1, high)];
}

/** The exact binomial interval (Clopper and Pearson): at least `confidence` coverage. */
export function clopperPearson(successes: number, n: number, confidence: number = 0.95): Interval {
  const tail = (1 - confidence) / 2;
  return [
    successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1),
    successes === n ? 1 : betaQuantile(1 - tail, successes + 1, n - successes),
  ];
}

/** Scores on an ordinal scale against truth; null predictions could not be parsed. */
export interface OrdinalAccuracy {
  readonly n: number;
  readonly parsed: number;
  readonly exact: number;
  readonly withinOne: number;
  /** Over parsed items; null when there is none. */
  readonly accuracyOfParsed: number | null;
  /** Over all items: an unparsed prediction is wrong. */
  readonly accuracyOfAll: number | null;
  readonly withinOneOfParsed: number | null;
  readonly withinOneOfAll: number | null;
  readonly meanAbsoluteErrorOfParsed: number | null;
}

export function ordinalAccuracy(
  truth: readonly number[],
  predicted: readonly (number | null)[],
): OrdinalAccuracy {
  let parsed = 0;
  let exact = 0;
  let withinOne = 0;
  let error = 0;
  truth.forEach((t, i) => {
    const p = predicted[i];
    if (p === null) return;
    const distance = Math.abs(p - t);
    parsed += 1;
    if (distance === 0) exact += 1;
    if (distance <= 1) withinOne += 1;
    error += distance;
  });
  const n = truth.length;
  const share = (count: number, of: number): number | null => (of > 0 ? count / of : null);
  return {
    n,
    parsed,
    exact,
    withinOne,
    accuracyOfParsed: share(exact, parsed),
    accuracyOfAll: share(exact, n),
    withinOneOfParsed: share(withinOne, parsed),
    withinOneOfAll: share(withinOne, n),
    meanAbsoluteErrorOfParsed: share(error, parsed),
  };
}
