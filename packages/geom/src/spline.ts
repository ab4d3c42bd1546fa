/**
 * Cubic spline through points, in the form of the devkit that published driving sets use (SciPy's default): "not-a-knot"
 * ends, that is the first two pieces share one cubic, and so do the last two. Two points give a line, three a parabola.
 * O(n) to build; pieces are stored as values and slopes at the knots (Hermite form).
 */
import { GeomError } from "./errors.ts";

export interface Spline {
  readonly knots: Float64Array;
  readonly values: Float64Array;
  /** dy/dt at each knot. */
  readonly slopes: Float64Array;
}

/** @param knots strictly increasing, at least one. */
export function fitSpline(knots: Float64Array, values: Float64Array): Spline {
  const n = knots.length;
  if (n === 0 || values.length !== n) {
    throw new GeomError(
      "length",
      `spline: ${n} knots and ${values.length} values; expected as many, at least 1.`,
    );
  }
  return { knots, values, slopes: notAKnotSlopes(knots, values) };
}

function notAKnotSlopes(t: Float64Array, y: Float64Array): Float64Array {
  const n = t.length;
  const slopes = new Float64Array(n);
  if (n === 1) return slopes;
  const h = new Float64Array(n - 1);
  const secant = new Float64Array(n - 1);
  for (let i = 0; i < n - 1; i++) {
    h[i] = t[i + 1] - t[i];
    secant[i] = (y[i + 1] - y[i]) / h[i];
  }
  if (n === 2) return slopes.fill(secant[0]);
  if (n === 3) {
    // One parabola through three points: the second difference is constant.
    const bend = (secant[1] - secant[0]) / (h[0] + h[1]);
    slopes[0] = secant[0] - bend * h[0];
    slopes[1] = secant[0] + bend * h[0];
    slopes[2] = secant[1] + bend * h[1];
    return slopes;
  }
  // Tridiagonal rows: lower[i] s[i-1] + diag[i] s[i] + upper[i] s[i+1] = right[i].
  const lower = new Float64Array(n);
  const diag = new Float64Array(n);
  const upper = new Float64Array(n);
  const right = slopes;
  for (let i = 1; i < n - 1; i++) {
    lower[i] = h[i];
    diag[i] = 2 * (h[i - 1] + h[i]);
    upper[i] = h[i - 1];
    right[i] = 3 * (h[i] * secant[i - 1] + h[i - 1] * secant[i]);
  }
  const d0 = h[0] + h[1];
  diag[0] = h[1];
  upper[0] = d0;
  right[0] = ((h[0] + 2 * d0) * h[1] * secant[0] + h[0] * h[0] * secant[1]) / d0;
  const a = h[n - 2];
  const b = h[n - 3];
  const d1 = a + b;
  diag[n - 1] = b;
  lower[n - 1] = d1;
  right[n - 1] = (a * a * secant[n - 3] + (2 * d1 + a) * b * secant[n - 2]) / d1;
  for (let i = 1; i < n; i++) {
    const factor = lower[i] / diag[i - 1];
    diag[i] -= factor * upper[i - 1];
    right[i] -= factor * right[i - 1];
  }
  slopes[n - 1] = right[n - 1] / diag[n - 1];
  for (let i = n - 2; i >= 0; i--) slopes[i] = (right[i] - upper[i] * slopes[i + 1]) / diag[i];
  return slopes;
}

/** Value at `time`, which lies in piece `piece` (between knots `piece` and `piece + 1`). */
export function splineValue(spline: Spline, piece: number, time: number): number {
  const { knots, values, slopes } = spline;
  const h = knots[piece + 1] - knots[piece];
  const dt = time - knots[piece];
  const secant = (values[piece + 1] - values[piece]) / h;
  const curve = (slopes[piece] + slopes[piece + 1] - 2 * secant) / h;
  const bend = (secant - slopes[piece]) / h - curve;
  return values[piece] + dt * (slopes[piece] + dt * (bend + (dt * curve) / h));
}
