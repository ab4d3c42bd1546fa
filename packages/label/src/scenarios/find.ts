/** Where the scenarios of the catalogue occur in a drive, each with its keyframe (or range) and why. */
import type { CriticalComponent, DecisionFrame, DrivingDecision, RoadMap } from "@causeway/data";
import type { EgoColumns } from "../meta-actions/features.ts";
import type { MetaActions } from "../meta-actions/tidy.ts";
import { trackLanes } from "../lanes/match.ts";
import {
  type KeyframeRule,
  type ScenarioCondition,
  scenarioCatalogue,
  type ScenarioId,
  scenarioIds,
} from "./catalogue.ts";

export interface ScenarioOccurrence {
  readonly scenario: ScenarioId;
  /** Ticks [start, end) in which it holds. */
  readonly startTick: number;
  readonly endTick: number;
  /** The keyframe; of a proactive scenario the whole span is the range, and this its middle. */
  readonly keyTick: number;
  readonly reason: string;
}

export interface ScenarioInput {
  /** 10 Hz states; tick 0 has the stamp `meta.startUs`. */
  readonly columns: EgoColumns;
  readonly meta: MetaActions;
  readonly decisions: readonly DecisionFrame[] | null;
  readonly map: RoadMap | null;
}

/** Shorter spans are flicker of the decision. */
const leastTicks = 5;
/** A span that stops for less than this is one. */
const joinTicks = 8;
const standingMps = 0.5;
const lookAheadTicks = 60;

export function findScenarios(input: ScenarioInput): ScenarioOccurrence[] {
  const { columns, meta } = input;
  const n = columns.x.length;
  const speed = Float64Array.from(columns.vx, (v, i) => Math.hypot(v, columns.vy[i]));
  const decisionAt = decisionsPerTick(input);
  const inJunction = junctionTicks(input);
  const out: ScenarioOccurrence[] = [];
  for (const scenario of scenarioIds) {
    const { when, keyframe } = scenarioCatalogue[scenario];
    for (const condition of when) {
      const holds = (tick: number) => {
        const decision = decisionAt[tick];
        if (condition.isInJunction === true && inJunction[tick] === 0) return false;
        return needsDecision(condition) ? decision !== null && fits(condition, decision) : true;
      };
      for (const [start, end] of spansOf(n, holds)) {
        if (end - start < leastTicks || !fitsMotion(condition, speed, start, end)) continue;
        // The same moment is one occurrence, whichever of the conditions found it.
        const isKnown = out.some(
          (o) => o.scenario === scenario && o.startTick < end && start < o.endTick,
        );
        if (isKnown) continue;
        out.push({
          scenario,
          startTick: start,
          endTick: end,
          ...keyOf(keyframe, start, end, meta, decisionAt),
        });
      }
    }
  }
  return out.sort((a, b) => a.keyTick - b.keyTick || a.startTick - b.startTick);
}

function decisionsPerTick({ columns, meta, decisions }: ScenarioInput): (DrivingDecision | null)[] {
  const stepUs = Math.round(meta.dtSecs * 1e6);
  let at = -1;
  return Array.from(columns.x, (_, tick) => {
    const stampUs = meta.startUs + tick * stepUs;
    while (decisions !== null && at + 1 < decisions.length && decisions[at + 1].stampUs <= stampUs)
      at++;
    const frame = decisions?.[at];
    // A decision half a second old is nobody's any more.
    return frame === undefined || stampUs - frame.stampUs > 500_000 ? null : frame.decision;
  });
}

function junctionTicks({ columns, map }: ScenarioInput): Uint8Array {
  const out = new Uint8Array(columns.x.length);
  if (map === null || !map.lanes.some((l) => l.isJunction)) return out;
  const { lane } = trackLanes(columns, map);
  lane.forEach((index, tick) => {
    if (index >= 0 && map.lanes[index].isJunction) out[tick] = 1;
  });
  return out;
}

const needsDecision = (c: ScenarioCondition) =>
  c.longitudinal !== undefined ||
  c.lateral !== undefined ||
  c.causeKinds !== undefined ||
  c.causeCategories !== undefined ||
  c.seenKinds !== undefined;

function fits(c: ScenarioCondition, decision: DrivingDecision): boolean {
  const { longitudinal, lateral, components, causeIds } = decision;
  if (
    c.longitudinal !== undefined &&
    (longitudinal === null || !c.longitudinal.includes(longitudinal))
  )
    return false;
  if (c.lateral !== undefined && (lateral === null || !c.lateral.includes(lateral))) return false;
  const causes = components.filter((k) => causeIds.includes(k.id));
  const isKind = (kinds: readonly string[]) => (k: CriticalComponent) => kinds.includes(k.kind);
  if (c.causeKinds !== undefined && !causes.some(isKind(c.causeKinds))) return false;
  if (
    c.causeCategories !== undefined &&
    !causes.some((k) => c.causeCategories?.includes(k.category))
  )
    return false;
  if (c.seenKinds !== undefined) {
    const seen = components.filter(isKind(c.seenKinds));
    const { seenStates } = c;
    if (
      seenStates === undefined
        ? seen.length === 0
        : !seen.some((k) => seenStates.includes(String(k.attributes.state)))
    )
      return false;
  }
  return true;
}

function fitsMotion(
  c: ScenarioCondition,
  speed: Float64Array,
  start: number,
  end: number,
): boolean {
  const isStanding = (tick: number) =>
    speed[Math.min(speed.length - 1, Math.max(0, tick))] < standingMps;
  if (c.wasStanding !== undefined && isStanding(start) !== c.wasStanding) return false;
  if (c.comesToStop === undefined) return true;
  let stops = false;
  for (let i = start; i < Math.min(speed.length, end + lookAheadTicks); i++)
    stops ||= isStanding(i);
  return stops === c.comesToStop;
}

function spansOf(n: number, holds: (tick: number) => boolean): [number, number][] {
  const spans: [number, number][] = [];
  for (let i = 0; i < n; i++) {
    if (!holds(i)) continue;
    const last = spans.at(-1);
    if (last !== undefined && i - last[1] < joinTicks) last[1] = i + 1;
    else spans.push([i, i + 1]);
  }
  return spans;
}

/** The car's own change: the first meta-action that begins in the span or within a second around its start. */
function changeIn(meta: MetaActions, start: number, end: number): number | null {
  let first: number | null = null;
  for (const axis of [meta.axes.longitudinal, meta.axes.lateral, meta.axes.lane]) {
    if (!axis.isAvailable) continue;
    for (const { startTick, action } of axis.intervals) {
      const isFallback = ["MaintainSpeed", "GoStraight", "LaneKeep", "OffLane"].includes(action);
      if (startTick === 0 || isFallback || startTick < start - 10 || startTick >= end) continue;
      if (first === null || startTick < first) first = startTick;
    }
  }
  return first;
}

/** First tick at which a light of one of the colours is in view and was not one tick before, near the span's start. */
function lightChange(
  colors: readonly string[],
  decisionAt: readonly (DrivingDecision | null)[],
  start: number,
  end: number,
): number | null {
  const shows = (tick: number) =>
    decisionAt[tick]?.components.some(
      (c) => c.category === "traffic_light" && colors.includes(String(c.attributes.state)),
    ) ?? false;
  for (let i = Math.max(1, start - 50); i < end; i++) if (shows(i) && !shows(i - 1)) return i;
  return null;
}

function keyOf(
  rule: KeyframeRule,
  start: number,
  end: number,
  meta: MetaActions,
  decisionAt: readonly (DrivingDecision | null)[],
): { keyTick: number; reason: string } {
  const secs = (tick: number) => (tick * meta.dtSecs).toFixed(1);
  if (rule.at === "range") {
    return {
      keyTick: (start + end) >> 1,
      reason: `any moment from ${secs(start)} to ${secs(end)} s`,
    };
  }
  const change = changeIn(meta, start, end);
  const lead = Math.round(rule.leadSecs / meta.dtSecs);
  const what = change === null ? "the decision" : "the car's change";
  const early = Math.max(0, (change ?? start) - lead);
  if (rule.at === "later-of-change-and-light") {
    const light = lightChange(rule.colors, decisionAt, start, end);
    if (light !== null && light > early) {
      return {
        keyTick: light,
        reason: `the light turns ${rule.colors.join(" or ")} at ${secs(light)} s`,
      };
    }
  }
  if (rule.at === "first-of-change-and-cause" && start < early) {
    return { keyTick: start, reason: `its cause is there from ${secs(start)} s` };
  }
  return {
    keyTick: early,
    reason: `${rule.leadSecs} s before ${what} at ${secs(change ?? start)} s`,
  };
}
