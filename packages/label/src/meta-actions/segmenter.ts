/**
 * One segmenter for any axis: cut a series where a rule changes sides, name each piece by its measures, give pieces that
 * are too short to their neighbours, join equal neighbours.
 *
 * Two things follow the original on purpose, because results are compared with it: names are given once, before short
 * pieces are merged, and boundaries are seconds in floating point (half of an odd piece lies between two ticks), summed in
 * the original's order so that rounding to ticks agrees.
 */
import type { AxisRules, CutRule, StatRule } from "./rules.ts";

export interface Segment<Stat extends string, Action extends string> {
  action: Action;
  startSecs: number;
  durationSecs: number;
  stats: Record<Stat, number>;
}

export interface AxisSegments<Stat extends string, Action extends string> {
  /** One per cut, before cleaning. */
  readonly pieces: readonly Segment<Stat, Action>[];
  /** After merging. In time order, without gaps. */
  readonly cleaned: readonly Segment<Stat, Action>[];
}

type Columns<Feature extends string> = Readonly<Record<Feature, Float64Array>>;

/** Side of one cut per tick, or-ed as `bit` into `sides`. */
function addSides(
  sides: Uint8Array,
  values: Float64Array,
  cut: CutRule<string>,
  bit: number,
): void {
  const { threshold: t, hysteresis: h } = cut;
  const swing = h * Math.abs(t);
  // The original multiplies by (1 ± h); so do we, for the same last digit.
  const on = swing === 0 ? t : t >= 0 ? t * (1 + h) : t * (1 - h);
  const off = swing === 0 ? t : t >= 0 ? t * (1 - h) : t * (1 + h);
  let isHigh = values[0] >= t;
  if (isHigh) sides[0] |= bit;
  for (let i = 1; i < sides.length; i++) {
    isHigh = isHigh ? !(values[i] < off) : values[i] >= on;
    if (isHigh) sides[i] |= bit;
  }
}

/** Ticks where pieces start, the first one 0. */
function cutTicks<F extends string>(
  columns: Columns<F>,
  cuts: readonly CutRule<F>[],
  quietTicks: number,
  tickCount: number,
): number[] {
  const sides = new Uint8Array(tickCount);
  cuts.forEach((cut, k) => {
    addSides(sides, columns[cut.feature], cut, 1 << k);
  });
  const starts = [0];
  let current = sides[0];
  let i = 1;
  while (i < tickCount) {
    if (sides[i] === current) {
      i++;
      continue;
    }
    if (tickCount - i <= quietTicks) break;
    starts.push(i);
    current = sides[i];
    i += quietTicks;
  }
  return starts;
}

function sumOf(values: Float64Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += values[i];
  return sum;
}

/**
 * @param tickCount  values that are cut
 * @param endTick    last tick that a piece may end at (exclusive)
 */
export function segmentAxis<F extends string, S extends string, A extends string>(
  rules: AxisRules<F, S, A>,
  columns: Columns<F>,
  dtSecs: number,
  tickCount: number,
  endTick: number,
): AxisSegments<S, A> {
  const starts = cutTicks(columns, rules.cuts, rules.quietTicks, tickCount);
  const pieces: Segment<S, A>[] = [];
  starts.forEach((start, k) => {
    const end = k + 1 < starts.length ? starts[k + 1] : endTick;
    if (end > start) pieces.push(measure(rules, columns, dtSecs, start, end));
  });
  const minSecs = new Map(rules.actions.map((a) => [a.action, a.minTicks * dtSecs]));
  const joined = joinEqual(rules.stats, pieces.map(copy));
  absorbShort(rules.stats, joined, minSecs);
  return { pieces, cleaned: joinEqual(rules.stats, joined) };
}

function copy<S extends string, A extends string>(s: Segment<S, A>): Segment<S, A> {
  return { ...s, stats: { ...s.stats } };
}

function measure<F extends string, S extends string, A extends string>(
  rules: AxisRules<F, S, A>,
  columns: Columns<F>,
  dtSecs: number,
  start: number,
  end: number,
): Segment<S, A> {
  const stats = {} as Record<S, number>;
  const durationSecs = (end - start) * dtSecs;
  for (const rule of rules.stats) {
    if (rule.kind === "ratio") continue;
    const values = columns[rule.feature];
    stats[rule.name] =
      rule.kind === "change"
        ? values[end] - values[start]
        : rule.kind === "sum"
          ? sumOf(values, start, end)
          : sumOf(values, start, end) / (end - start);
  }
  const segment = { startSecs: start * dtSecs, durationSecs, stats };
  refreshRatios(rules.stats, segment);
  const match = rules.actions.find((a) =>
    a.when.every((c) => (c.is === ">=" ? stats[c.stat] >= c.value : stats[c.stat] <= c.value)),
  );
  if (match === undefined) throw new Error("meta-actions: the rule table has no fallback action.");
  return { action: match.action, ...segment };
}

function refreshRatios<F extends string, S extends string>(
  rules: readonly StatRule<F, S>[],
  segment: { durationSecs: number; stats: Record<S, number> },
): void {
  for (const rule of rules) {
    if (rule.kind !== "ratio") continue;
    const below =
      rule.denominator === "durationSecs" ? segment.durationSecs : segment.stats[rule.denominator];
    segment.stats[rule.name] = below > rule.floor ? segment.stats[rule.numerator] / below : 0;
  }
}

/** Adds `share` of `piece` to `into`. Its start is the caller's business. */
function merge<F extends string, S extends string, A extends string>(
  rules: readonly StatRule<F, S>[],
  into: Segment<S, A>,
  piece: Segment<S, A>,
  share: 1 | 0.5,
): void {
  const added = share * piece.durationSecs;
  const total = into.durationSecs + added;
  for (const rule of rules) {
    if (rule.kind === "change" || rule.kind === "sum") {
      into.stats[rule.name] += share * piece.stats[rule.name];
    } else if (rule.kind === "mean" && rule.merge === "by-duration") {
      into.stats[rule.name] =
        (into.stats[rule.name] * into.durationSecs + piece.stats[rule.name] * added) / total;
    }
  }
  into.durationSecs = total;
  refreshRatios(rules, into);
}

function joinEqual<F extends string, S extends string, A extends string>(
  rules: readonly StatRule<F, S>[],
  segments: readonly Segment<S, A>[],
): Segment<S, A>[] {
  const out: Segment<S, A>[] = [];
  for (const next of segments) {
    const last = out.at(-1);
    if (last !== undefined && last.action === next.action) merge(rules, last, next, 1);
    else out.push(next);
  }
  return out;
}

function absorbShort<F extends string, S extends string, A extends string>(
  rules: readonly StatRule<F, S>[],
  rows: Segment<S, A>[],
  minSecs: ReadonlyMap<A, number>,
): void {
  let i = 0;
  while (i < rows.length) {
    const short = rows[i];
    if (short.durationSecs >= (minSecs.get(short.action) ?? 0) || rows.length === 1) {
      i++;
      continue;
    }
    const before = i > 0 ? rows[i - 1] : null;
    const after = i + 1 < rows.length ? rows[i + 1] : null;
    if (before !== null && after !== null && before.action === after.action) {
      merge(rules, before, short, 1);
      merge(rules, before, after, 1);
      rows.splice(i, 2);
      i--;
      continue;
    }
    if (before !== null) merge(rules, before, short, after === null ? 1 : 0.5);
    if (after !== null) {
      const share = before === null ? 1 : 0.5;
      after.startSecs =
        before === null ? short.startSecs : after.startSecs - 0.5 * short.durationSecs;
      merge(rules, after, short, share);
    }
    rows.splice(i, 1);
  }
}
