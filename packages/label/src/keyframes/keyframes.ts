/**
 * Keyframes: moments shortly before the car does something else, where a label is worth its cost.
 *
 * Every start of a meta-action is a candidate. It is ranked by what changes (`rank.ts`), a braking or speeding up must be
 * confirmed by the speed itself, changes of both axes within a second become one keyframe, and the best-ranked ones that
 * keep their distance are chosen. Every choice and every drop carries its reason.
 */
import type { EgoColumns } from "../meta-actions/features.ts";
import type { LateralAction, LongitudinalAction } from "../meta-actions/rules.ts";
import type { MetaActionInterval, MetaActions } from "../meta-actions/tidy.ts";
import { fallbackActions, keyframeRanks } from "./rank.ts";

export interface KeyframeOptions {
  /** Keyframe = onset minus this. */
  readonly leadTicks: number;
  /** The label's window [t0 - history, t0 + future] must lie inside the recording. */
  readonly historyTicks: number;
  readonly futureTicks: number;
  /** Onsets of the two axes this near make one keyframe. */
  readonly mergeTicks: number;
  /** Smallest distance between keyframes of one recording. */
  readonly spacingTicks: number;
  /** A change into acceleration or deceleration must move the speed by this much … */
  readonly confirmMps: number;
  /** … within this time after its onset. */
  readonly confirmTicks: number;
  readonly includeFallback: boolean;
}

export const defaultKeyframeOptions: KeyframeOptions = {
  leadTicks: 5,
  historyTicks: 20,
  futureTicks: 64,
  mergeTicks: 10,
  spacingTicks: 20,
  confirmMps: 0.5,
  confirmTicks: 20,
  includeFallback: false,
};

export interface Transition<Action extends string> {
  readonly from: Action;
  readonly to: Action;
  readonly onsetTick: number;
  readonly score: number;
}

/** What a keyframe looks like for balancing: its change on each axis, curvature and speed at t0 in coarse bins. */
export interface Stratum {
  readonly longitudinal: string;
  readonly lateral: string;
  readonly curvatureBin: "straight" | "bend" | "sharp";
  readonly speedBin: "standing" | "slow" | "city" | "fast";
}

export interface Keyframe {
  readonly t0Tick: number;
  readonly t0Us: number;
  readonly score: number;
  /** Changes that it precedes; at least one is there. */
  readonly longitudinal: Transition<LongitudinalAction> | null;
  readonly lateral: Transition<LateralAction> | null;
  readonly stratum: Stratum;
  /** In words: why it is here. */
  readonly reason: string;
}

export type DropCode = "fallback" | "unconfirmed" | "outside-window" | "too-close" | "quota";
export interface DroppedKeyframe {
  readonly axis: "longitudinal" | "lateral" | "both";
  readonly from: string;
  readonly to: string;
  readonly onsetTick: number;
  readonly score: number;
  readonly code: DropCode;
  readonly reason: string;
}

export interface KeyframeChoice {
  /** In time order. */
  readonly keyframes: readonly Keyframe[];
  readonly dropped: readonly DroppedKeyframe[];
}

const fixed = (v: number, digits = 1) => v.toFixed(digits);

function transitions<A extends string>(
  intervals: readonly MetaActionInterval<A>[],
): Transition<A>[] {
  const out: Transition<A>[] = [];
  for (let i = 1; i < intervals.length; i++) {
    const from = intervals[i - 1].action;
    const { action: to, startTick, stats } = intervals[i];
    let score = keyframeRanks.into[to as unknown as LongitudinalAction | LateralAction];
    if (from === "Stop" && to.endsWith("Acceleration")) score = keyframeRanks.stopToAcceleration;
    if (
      to.startsWith("Steer") &&
      Math.abs(stats.headingChangeRad) >= keyframeRanks.turn.turnRad &&
      score < keyframeRanks.turn.score
    ) {
      score = keyframeRanks.turn.score;
    }
    out.push({ from, to, onsetTick: startTick, score });
  }
  return out;
}

interface Candidate {
  longitudinal: Transition<LongitudinalAction> | null;
  lateral: Transition<LateralAction> | null;
}
const strongest = (c: Candidate) => Math.max(c.longitudinal?.score ?? 0, c.lateral?.score ?? 0);
const firstOnset = (c: Candidate) =>
  Math.min(c.longitudinal?.onsetTick ?? Infinity, c.lateral?.onsetTick ?? Infinity);
const describe = (c: Candidate) =>
  [c.longitudinal, c.lateral]
    .filter((t) => t !== null)
    .map((t) => `${t.from} to ${t.to} at tick ${t.onsetTick} (rank ${t.score})`)
    .join(" and ");

/** @param columns the 10 Hz states that `meta` was detected on */
export function chooseKeyframes(
  meta: MetaActions,
  columns: EgoColumns,
  options: KeyframeOptions = defaultKeyframeOptions,
): KeyframeChoice {
  const { longitudinal, lateral } = meta.axes;
  const dropped: DroppedKeyframe[] = [];
  const drop = (c: Candidate, code: DropCode, reason: string) => {
    const t = c.longitudinal ?? c.lateral;
    if (t === null) return;
    const axis =
      c.longitudinal !== null && c.lateral !== null
        ? "both"
        : c.longitudinal !== null
          ? "longitudinal"
          : "lateral";
    dropped.push({
      axis,
      from: t.from,
      to: t.to,
      onsetTick: firstOnset(c),
      score: strongest(c),
      code,
      reason,
    });
  };
  const speedAt = (tick: number) =>
    Math.sqrt(columns.vx[tick] * columns.vx[tick] + columns.vy[tick] * columns.vy[tick]);

  /** Null when the change stands, else why it does not. */
  const problem = (t: Transition<string>): [DropCode, string] | null => {
    if (fallbackActions.has(t.to) && !options.includeFallback) {
      return ["fallback", `${t.from} to ${t.to}: nothing in particular begins`];
    }
    const sign = t.to.endsWith("Acceleration") ? 1 : t.to.endsWith("Deceleration") ? -1 : 0;
    if (sign === 0) return null;
    const from = speedAt(t.onsetTick);
    const until = Math.min(meta.tickCount - 1, t.onsetTick + options.confirmTicks);
    let most = 0;
    for (let i = t.onsetTick + 1; i <= until; i++)
      most = Math.max(most, sign * (speedAt(i) - from));
    if (most >= options.confirmMps) return null;
    return [
      "unconfirmed",
      `${t.to}: speed moves by ${fixed(sign * most, 2)} m/s in ${fixed((until - t.onsetTick) * meta.dtSecs)} s, ${options.confirmMps} needed`,
    ];
  };

  const candidates: Candidate[] = [];
  const stand = <A extends string>(
    list: readonly Transition<A>[],
    wrap: (t: Transition<A>) => Candidate,
  ) =>
    list.flatMap((t) => {
      const found = problem(t);
      if (found === null) return [t];
      drop(wrap(t), ...found);
      return [];
    });
  const long = stand(longitudinal.isAvailable ? transitions(longitudinal.intervals) : [], (t) => ({
    longitudinal: t,
    lateral: null,
  }));
  const lat = stand(lateral.isAvailable ? transitions(lateral.intervals) : [], (t) => ({
    longitudinal: null,
    lateral: t,
  }));
  mergeAxes(long, lat, options.mergeTicks, candidates);

  const kept: { candidate: Candidate; t0: number }[] = [];
  const byRank = candidates
    .map((candidate) => ({ candidate, t0: firstOnset(candidate) - options.leadTicks }))
    .sort((a, b) => strongest(b.candidate) - strongest(a.candidate) || a.t0 - b.t0);
  // Ticks within the spacing of a chosen keyframe belong to it.
  const owner = new Int32Array(meta.tickCount).fill(-1);
  for (const entry of byRank) {
    const { candidate, t0 } = entry;
    if (t0 < options.historyTicks || t0 + options.futureTicks > meta.tickCount - 1) {
      drop(
        candidate,
        "outside-window",
        `t0 at tick ${t0}: the window ${t0 - options.historyTicks} … ${t0 + options.futureTicks} leaves 0 … ${meta.tickCount - 1}`,
      );
      continue;
    }
    if (owner[t0] >= 0) {
      drop(
        candidate,
        "too-close",
        `t0 at tick ${t0}: within ${options.spacingTicks} ticks of the keyframe at ${owner[t0]}, which ranks higher or comes first`,
      );
      continue;
    }
    owner.fill(
      t0,
      Math.max(0, t0 - options.spacingTicks + 1),
      Math.min(meta.tickCount, t0 + options.spacingTicks),
    );
    kept.push(entry);
  }
  kept.sort((a, b) => a.t0 - b.t0);
  dropped.sort((a, b) => a.onsetTick - b.onsetTick);
  const stepUs = Math.round(meta.dtSecs * 1e6);
  return {
    keyframes: kept.map(({ candidate, t0 }) => ({
      t0Tick: t0,
      t0Us: meta.startUs + t0 * stepUs,
      score: strongest(candidate),
      longitudinal: candidate.longitudinal,
      lateral: candidate.lateral,
      stratum: stratumOf(candidate, meta, columns, t0),
      reason: `${fixed(options.leadTicks * meta.dtSecs)} s before ${describe(candidate)}`,
    })),
    dropped,
  };
}

/** Pairs onsets of the two axes that lie within `mergeTicks`; each onset is used once, in time order. */
function mergeAxes(
  long: readonly Transition<LongitudinalAction>[],
  lat: readonly Transition<LateralAction>[],
  mergeTicks: number,
  out: Candidate[],
): void {
  let j = 0;
  for (const t of long) {
    while (j < lat.length && lat[j].onsetTick < t.onsetTick - mergeTicks) {
      out.push({ longitudinal: null, lateral: lat[j++] });
    }
    const isNear = j < lat.length && lat[j].onsetTick <= t.onsetTick + mergeTicks;
    out.push({ longitudinal: t, lateral: isNear ? lat[j++] : null });
  }
  while (j < lat.length) out.push({ longitudinal: null, lateral: lat[j++] });
}

function stratumOf(c: Candidate, meta: MetaActions, columns: EgoColumns, t0: number): Stratum {
  const speed = Math.sqrt(columns.vx[t0] ** 2 + columns.vy[t0] ** 2);
  const { lateral } = meta.axes;
  const onset = c.lateral?.onsetTick ?? t0;
  const here = lateral.isAvailable
    ? lateral.intervals.find((i) => onset >= i.startTick && onset < i.endTick)
    : undefined;
  const curvature = Math.abs(here?.stats.curvaturePeakPerM ?? 0);
  return {
    longitudinal: c.longitudinal?.to ?? "none",
    lateral: c.lateral?.to ?? "none",
    curvatureBin: curvature >= 0.05 ? "sharp" : curvature >= 0.005 ? "bend" : "straight",
    speedBin: speed < 0.5 ? "standing" : speed < 5 ? "slow" : speed < 15 ? "city" : "fast",
  };
}

export const stratumKey = (s: Stratum): string =>
  `${s.longitudinal}|${s.lateral}|${s.curvatureBin}|${s.speedBin}`;
