/**
 * Heading of a path that has positions only: per row, a cubic in time is fitted to the 10 rows around it (fewer on short
 * paths) and its derivative gives the direction. This is how the released history tokenizer restores headings.
 * Where the path stands still the direction is that of the rounding noise.
 */
import type { PointPath } from "./history-tokenizer.ts";

const windowRows = 10;

export function headingsFromPositions(path: PointPath): Float64Array {
  const n = path.x.length;
  const width = Math.min(windowRows, n);
  const yaw = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const start = Math.max(0, Math.min(Math.max(0, i - windowRows / 2), n - width));
    const weights = derivativeWeights(width, i - start);
    let dx = 0;
    let dy = 0;
    for (let k = 0; k < width; k++) {
      dx += weights[k] * path.x[start + k];
      dy += weights[k] * path.y[start + k];
    }
    yaw[i] = Math.atan2(dy, dx);
  }
  return yaw;
}

const cache = new Map<number, Float64Array>();

/**
 * Weights w with Σ w_k f(k) = p'(at), p the least-squares polynomial (degree 3, or less when there are too few points)
 * through f(0) … f(n-1). Built from discrete orthogonal polynomials by their three-term recurrence, which stays accurate
 * where normal equations do not.
 */
function derivativeWeights(n: number, at: number): Float64Array {
  const key = n * 1024 + at;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const degree = Math.min(3, n - 1);
  const centre = (n - 1) / 2;
  const t = Float64Array.from({ length: n }, (_, k) => k - centre);
  const weights = new Float64Array(n);
  // Values at the points, and value and slope at `at`, of the last two polynomials.
  let before = new Float64Array(n);
  let now = new Float64Array(n).fill(1);
  let [beforeAt, beforeSlope, nowAt, nowSlope] = [0, 0, 1, 0];
  let normBefore = 1;
  for (let d = 0; d <= degree; d++) {
    const norm = now.reduce((sum, v) => sum + v * v, 0);
    for (let k = 0; k < n; k++) weights[k] += (now[k] * nowSlope) / norm;
    // The points are symmetric, so q_{d+1} = t q_d - b q_{d-1}.
    const b = d === 0 ? 0 : norm / normBefore;
    const next = now.map((v, k) => t[k] * v - b * before[k]);
    const x = at - centre;
    const nextSlope = nowAt + x * nowSlope - b * beforeSlope;
    const nextAt = x * nowAt - b * beforeAt;
    [before, now] = [now, next];
    [beforeAt, beforeSlope, nowAt, nowSlope] = [nowAt, nowSlope, nextAt, nextSlope];
    normBefore = norm;
  }
  cache.set(key, weights);
  return weights;
}
