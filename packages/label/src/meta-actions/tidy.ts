/**
 * Meta-actions as this project stores them: per axis, intervals that tile [0, n) exactly, measured on the recording itself.
 * An axis that could not be computed says so (`isAvailable: false`), which is not the same as "keep".
 */
import { roundHalfEven } from "@causeway/geom";
import type { LaneAction } from "../lanes/lane-actions.ts";
import type { EgoColumns } from "./features.ts";
import { segmentMetaActions, type MetaActionSegments } from "./detect.ts";
import {
  nv202605,
  type LateralAction,
  type LongitudinalAction,
  type MetaActionRules,
} from "./rules.ts";
import type { AxisSegments } from "./segmenter.ts";
import { hashJson } from "../hash.ts";

/** Measured over ticks [startTick, endTick] (the end included where it exists). */
export interface IntervalStats {
  readonly deltaSpeedMps: number;
  readonly accelMeanMps2: number;
  /** Smoothed acceleration of largest size, signed. */
  readonly accelPeakMps2: number;
  readonly speedMinMps: number;
  readonly speedMaxMps: number;
  readonly headingChangeRad: number;
  readonly curvatureMeanPerM: number;
  /** Curvature of largest size, signed. */
  readonly curvaturePeakPerM: number;
  readonly distanceM: number;
  /** Sideways displacement relative to the heading at the start, left positive. */
  readonly lateralM: number;
}

export interface MetaActionInterval<Action extends string> {
  readonly action: Action;
  /** Inclusive. */
  readonly startTick: number;
  /** Exclusive. */
  readonly endTick: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly stats: IntervalStats;
  /** Share of the interval that had this action before short pieces were merged into it, 0 … 1. */
  readonly confidence: number;
  /** How far the start may lie off because a short piece was split there, ticks. */
  readonly boundaryUncertaintyTicks: number;
}

export type MetaActionAxis<Action extends string> =
  | { readonly isAvailable: true; readonly intervals: readonly MetaActionInterval<Action>[] }
  | { readonly isAvailable: false; readonly reason: string };

export interface MetaActions {
  readonly schema: "causeway/meta-actions/1";
  readonly rules: string;
  readonly rulesHash: string;
  readonly dtSecs: number;
  readonly tickCount: number;
  readonly startUs: number;
  readonly axes: {
    readonly longitudinal: MetaActionAxis<LongitudinalAction>;
    readonly lateral: MetaActionAxis<LateralAction>;
    readonly lane: MetaActionAxis<LaneAction>;
  };
}

const rulesHashes = new WeakMap<MetaActionRules, string>();
function hashOf(rules: MetaActionRules): string {
  let hash = rulesHashes.get(rules);
  if (hash === undefined) {
    hash = hashJson(rules);
    rulesHashes.set(rules, hash);
  }
  return hash;
}

/** @param startUs stamp of tick 0 */
export function detectMetaActions(
  columns: EgoColumns,
  startUs = 0,
  rules: MetaActionRules = nv202605,
): MetaActions {
  return tidyMetaActions(segmentMetaActions(columns, rules), columns, startUs, rules);
}

/** Of a recording that no axis can be computed on. */
export function noMetaActions(reason: string, rules: MetaActionRules = nv202605): MetaActions {
  const missing = { isAvailable: false, reason } as const;
  return {
    schema: "causeway/meta-actions/1",
    rules: rules.version,
    rulesHash: hashOf(rules),
    dtSecs: rules.dtSecs,
    tickCount: 0,
    startUs: 0,
    axes: { longitudinal: missing, lateral: missing, lane: missing },
  };
}

export function tidyMetaActions(
  segments: MetaActionSegments,
  columns: EgoColumns,
  startUs: number,
  rules: MetaActionRules,
): MetaActions {
  const tidyAxis = <A extends string>(axis: AxisSegments<string, A>): MetaActionAxis<A> => ({
    isAvailable: true,
    intervals: tile(axis, segments, columns, startUs, rules.dtSecs),
  });
  return {
    schema: "causeway/meta-actions/1",
    rules: rules.version,
    rulesHash: hashOf(rules),
    dtSecs: rules.dtSecs,
    tickCount: segments.tickCount,
    startUs,
    axes: {
      longitudinal: tidyAxis(segments.longitudinal),
      lateral: tidyAxis(segments.lateral),
      lane: { isAvailable: false, reason: "no map was given" },
    },
  };
}

function tile<A extends string>(
  axis: AxisSegments<string, A>,
  segments: MetaActionSegments,
  columns: EgoColumns,
  startUs: number,
  dtSecs: number,
): MetaActionInterval<A>[] {
  const n = segments.tickCount;
  const pieceTicks = axis.pieces.map((p) => ({
    action: p.action,
    start: Math.round(p.startSecs / dtSecs),
    end: Math.round((p.startSecs + p.durationSecs) / dtSecs),
  }));
  const rows: { action: A; start: number; end: number; exactStart: number }[] = [];
  for (const s of axis.cleaned) {
    const exactStart = s.startSecs / dtSecs;
    const start = rows.length === 0 ? 0 : roundHalfEven(exactStart);
    const last = rows.at(-1);
    if (last !== undefined) last.end = start;
    rows.push({ action: s.action, start, end: n, exactStart });
  }
  const stepUs = Math.round(dtSecs * 1e6);
  let piece = 0;
  return rows
    .filter((r) => r.end > r.start)
    .map((r) => {
      // Both lists are in time order, so one walk serves all intervals.
      while (piece > 0 && pieceTicks[piece].start > r.start) piece--;
      let same = 0;
      let uncertainty = 0;
      for (let k = piece; k < pieceTicks.length && pieceTicks[k].start < r.end; k++) {
        piece = k;
        const p = pieceTicks[k];
        const overlap = Math.min(p.end, r.end) - Math.max(p.start, r.start);
        if (overlap > 0 && p.action === r.action) same += overlap;
        if (p.start < r.exactStart && p.end > r.exactStart) {
          uncertainty = Math.ceil(Math.max(r.exactStart - p.start, p.end - r.exactStart) - 1e-6);
        }
      }
      return {
        action: r.action,
        startTick: r.start,
        endTick: r.end,
        startUs: startUs + r.start * stepUs,
        endUs: startUs + r.end * stepUs,
        stats: measureInterval(segments, columns, r.start, r.end, dtSecs),
        // The last tick belongs to no piece; it is counted with its interval.
        confidence: Math.min(1, same / (Math.min(r.end, n - 1) - r.start || 1)),
        boundaryUncertaintyTicks: uncertainty,
      };
    });
}

/** Measures of the recording itself over ticks [start, end]. */
export function measureInterval(
  { features, tickCount }: Pick<MetaActionSegments, "features" | "tickCount">,
  { x, y, yaw }: EgoColumns,
  start: number,
  end: number,
  dtSecs: number,
): IntervalStats {
  const last = Math.min(end, tickCount - 1);
  const { speed, smoothedAccel } = features.longitudinal;
  const { headingChange, distance, headingRatePerMetre } = features.lateral;
  let [accelPeak, speedMin, speedMax] = [smoothedAccel[start], speed[start], speed[start]];
  for (let i = start; i <= last; i++) {
    if (Math.abs(smoothedAccel[i]) > Math.abs(accelPeak)) accelPeak = smoothedAccel[i];
    if (speed[i] < speedMin) speedMin = speed[i];
    else if (speed[i] > speedMax) speedMax = speed[i];
  }
  let [turned, driven, curvaturePeak] = [0, 0, 0];
  for (let i = start; i < last; i++) {
    turned += headingChange[i];
    driven += distance[i];
    if (Math.abs(headingRatePerMetre[i]) > Math.abs(curvaturePeak)) {
      curvaturePeak = headingRatePerMetre[i];
    }
  }
  const deltaSpeed = speed[last] - speed[start];
  return {
    deltaSpeedMps: deltaSpeed,
    accelMeanMps2: last > start ? deltaSpeed / ((last - start) * dtSecs) : 0,
    accelPeakMps2: accelPeak,
    speedMinMps: speedMin,
    speedMaxMps: speedMax,
    headingChangeRad: turned,
    curvatureMeanPerM: driven > 1e-6 ? turned / driven : 0,
    curvaturePeakPerM: curvaturePeak,
    distanceM: driven,
    lateralM:
      (y[last] - y[start]) * Math.cos(yaw[start]) - (x[last] - x[start]) * Math.sin(yaw[start]),
  };
}
