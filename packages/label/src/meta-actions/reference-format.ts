/**
 * The autolabeler's own view of the segments, for exchange and comparison: half-open tick intervals per action, Stop cut out
 * of the lateral ones, and its two text forms. Start and end of one segment are rounded separately, half to even, so
 * neighbours may overlap or leave one tick free. `tidy.ts` has intervals without those seams.
 */
import { roundHalfEven } from "@causeway/geom";
import type { MetaActionSegments } from "./detect.ts";
import { lateralActions, longitudinalActions } from "./rules.ts";
import type { Segment } from "./segmenter.ts";

export interface TickInterval<Action extends string = string> {
  readonly action: Action;
  /** Inclusive. */
  readonly startTick: number;
  /** Exclusive. */
  readonly endTick: number;
}

function toTicks<A extends string>(
  segments: readonly Segment<string, A>[],
  dtSecs: number,
): TickInterval<A>[] {
  return segments
    .map((s) => ({
      action: s.action,
      startTick: roundHalfEven(s.startSecs / dtSecs),
      endTick: roundHalfEven((s.startSecs + s.durationSecs) / dtSecs),
    }))
    .filter((i) => i.endTick > i.startTick);
}

/** Parts of `interval` outside all of `holes` (in time order). */
function subtract<A extends string>(
  interval: TickInterval<A>,
  holes: readonly TickInterval[],
): TickInterval<A>[] {
  const parts: TickInterval<A>[] = [];
  let from = interval.startTick;
  for (const hole of holes) {
    if (hole.endTick <= from || hole.startTick >= interval.endTick) continue;
    if (hole.startTick > from)
      parts.push({ ...interval, startTick: from, endTick: hole.startTick });
    from = Math.max(from, hole.endTick);
  }
  if (from < interval.endTick) parts.push({ ...interval, startTick: from });
  return parts;
}

export function referenceIntervals(
  segments: MetaActionSegments,
  dtSecs = 0.1,
): { longitudinal: TickInterval[]; lateral: TickInterval[] } {
  const longitudinal = toTicks(segments.longitudinal.cleaned, dtSecs);
  const stops = longitudinal.filter((i) => i.action === "Stop");
  const lateral = toTicks(segments.lateral.cleaned, dtSecs).flatMap((i) => subtract(i, stops));
  return { longitudinal, lateral };
}

const listOrder: readonly string[] = [...longitudinalActions, ...lateralActions];

/** `GentleAccelerationTemporal(ego at 88-199)`, action by action in the tool's fixed order. */
export function referenceStrings(intervals: {
  longitudinal: readonly TickInterval[];
  lateral: readonly TickInterval[];
}): string[] {
  const all = [...intervals.longitudinal, ...intervals.lateral];
  return listOrder.flatMap((action) =>
    all
      .filter((i) => i.action === action)
      .map((i) => `${action}Temporal(ego at ${i.startTick}-${i.endTick})`),
  );
}

/** The tool's text file: one line per interval, grouped by action; groups by first start, then name. */
export function referenceText(intervals: {
  longitudinal: readonly TickInterval[];
  lateral: readonly TickInterval[];
}): string {
  const groups = new Map<string, TickInterval[]>();
  for (const interval of [...intervals.longitudinal, ...intervals.lateral]) {
    const group = groups.get(interval.action);
    if (group === undefined) groups.set(interval.action, [interval]);
    else group.push(interval);
  }
  return [...groups.entries()]
    .sort(([a, x], [b, y]) => x[0].startTick - y[0].startTick || (a < b ? -1 : 1))
    .flatMap(([action, group]) =>
      group.map((i) => `  ${action} - Agent:<ego>, Start:${i.startTick}, End:${i.endTick}\n`),
    )
    .join("");
}
