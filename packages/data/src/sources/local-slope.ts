/** First derivative of rows at uneven times: for logs that give positions and no velocity. */
import { gapLimitUs } from "./source.ts";

/**
 * Slope per second at each row of the parabola that fits the rows within `halfUs` best (least squares), the nearest one
 * on each side always among them. No fit reaches over a gap longer than `gapLimitUs`. Exact for constant acceleration,
 * at the ends too; two rows give their difference, one row 0.
 */
export function localSlopes(
  stampUs: Float64Array,
  values: Float64Array,
  halfUs = 100_000,
): Float64Array {
  const n = stampUs.length;
  const out = new Float64Array(n);
  let from = 0;
  let to = 0;
  for (let i = 0; i < n; i++) {
    while (stampUs[i] - stampUs[from] > halfUs) from++;
    if (to < i) to = i;
    while (to + 1 < n && stampUs[to + 1] - stampUs[i] <= halfUs) to++;
    let a = Math.min(from, Math.max(0, i - 1));
    let b = Math.max(to, Math.min(n - 1, i + 1));
    // Three rows make a parabola: at an end the third one is further inside.
    if (b - a < 2) {
      if (i === a) b = Math.min(n - 1, a + 2);
      else a = Math.max(0, b - 2);
    }
    const isGap = (k: number) => stampUs[k + 1] - stampUs[k] > gapLimitUs;
    for (let k = i - 1; k >= a; k--) if (isGap(k)) a = k + 1;
    for (let k = b - 1; k >= i; k--) if (isGap(k)) b = k;
    out[i] = slopeAt(stampUs, values, i, a, b);
  }
  return out;
}

function slopeAt(
  stampUs: Float64Array,
  values: Float64Array,
  i: number,
  a: number,
  b: number,
): number {
  if (b === a) return 0;
  if (b - a === 1) return (values[b] - values[a]) / ((stampUs[b] - stampUs[a]) * 1e-6);
  // Normal equations of v = v_i + c1 u + c2 u², u in units of the window so that the sums stay near 1.
  const unit = stampUs[b] - stampUs[a];
  let [s1, s2, s3, s4, m0, m1, m2] = [0, 0, 0, 0, 0, 0, 0];
  const s0 = b - a + 1;
  for (let k = a; k <= b; k++) {
    const u = (stampUs[k] - stampUs[i]) / unit;
    const v = values[k] - values[i];
    s1 += u;
    s2 += u * u;
    s3 += u ** 3;
    s4 += u ** 4;
    m0 += v;
    m1 += v * u;
    m2 += v * u * u;
  }
  const det = s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s3 * s2) + s2 * (s1 * s3 - s2 * s2);
  const det1 = s0 * (m1 * s4 - s3 * m2) - m0 * (s1 * s4 - s3 * s2) + s2 * (s1 * m2 - m1 * s2);
  return det1 / det / (unit * 1e-6);
}
