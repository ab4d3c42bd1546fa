/** Counts of n-grams, keyed by the joined tokens. U+0000 joins: it cannot be part of a token that white space split. */
export type NgramCounts = ReadonlyMap<string, number>;

export function countNgrams(tokens: readonly string[], order: number): NgramCounts {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= tokens.length; i++) {
    const key = tokens.slice(i, i + order).join("\0");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Sum over n-grams of the smaller count. */
export function overlap(a: NgramCounts, b: NgramCounts): number {
  let sum = 0;
  for (const [key, count] of a) sum += Math.min(count, b.get(key) ?? 0);
  return sum;
}

export function total(counts: NgramCounts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** Per n-gram the largest count over the references. */
export function largestCounts(references: readonly NgramCounts[]): NgramCounts {
  const out = new Map<string, number>();
  for (const counts of references)
    for (const [key, count] of counts) out.set(key, Math.max(count, out.get(key) ?? 0));
  return out;
}
