/** Shares with their uncertainty, and agreement beyond chance. */

export interface Rate {
  readonly count: number;
  readonly of: number;
  /** Null without a denominator: no number is better than a made-up one. */
  readonly rate: number | null;
  /** 95 % Wilson interval. */
  readonly low: number | null;
  readonly high: number | null;
}

const z = 1.959964;

export function rateOf(count: number, of: number): Rate {
  if (of === 0) return { count, of, rate: null, low: null, high: null };
  const p = count / of;
  const z2 = z * z;
  const centre = (p + z2 / (2 * of)) / (1 + z2 / of);
  const half = (z / (1 + z2 / of)) * Math.sqrt((p * (1 - p)) / of + z2 / (4 * of * of));
  return { count, of, rate: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

export interface Agreement {
  readonly pairs: number;
  readonly observed: number | null;
  /** Cohen's kappa; null where chance alone would agree always, or without pairs. */
  readonly kappa: number | null;
}

export function agreementOf(pairs: readonly (readonly [string, string])[]): Agreement {
  const n = pairs.length;
  if (n === 0) return { pairs: 0, observed: null, kappa: null };
  const share = (side: 0 | 1) => {
    const counts = new Map<string, number>();
    for (const pair of pairs) counts.set(pair[side], (counts.get(pair[side]) ?? 0) + 1 / n);
    return counts;
  };
  const [a, b] = [share(0), share(1)];
  const observed = pairs.filter(([x, y]) => x === y).length / n;
  let chance = 0;
  for (const [key, p] of a) chance += p * (b.get(key) ?? 0);
  return {
    pairs: n,
    observed,
    kappa: chance >= 1 - 1e-12 ? null : (observed - chance) / (1 - chance),
  };
}
