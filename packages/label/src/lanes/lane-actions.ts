/**
 * Lane meta-actions on a map: intervals that tile the recording, as on the other axes.
 *
 * A lane change is where the car comes onto a lane that does not follow from the one before and runs beside it; it begins
 * where the car leaves the old centre and ends where it has reached the new one. A turn is a stretch on junction lanes
 * along which the heading turns. A shift is a sideways move inside a lane. Offsets of two lanes are never mixed: while the
 * car changes lanes they are measured from the old centre, so no jump looks like a move. Where no lane fits the tick is
 * `OffLane`, which is not the same as keeping one. Thresholds follow the public autolabeler (NVlabs/alpamayo-coc-autolabeler
 * 288ac28, 2026-05) where it has one: 0.2 rad for a turn, 1 m and 0.35 m for a change, 0.8 m for a shift.
 */
import type { RoadMap } from "@causeway/data";
import { unwrapAngles } from "@causeway/geom";
import { checkColumns, type EgoColumns, featuresOf } from "../meta-actions/features.ts";
import {
  measureInterval,
  type MetaActionAxis,
  type MetaActionInterval,
} from "../meta-actions/tidy.ts";
import { type LaneTrack, projectOnLane, trackLanes } from "./match.ts";

export const laneActions = [
  "LaneKeep",
  "LeftLaneChange",
  "RightLaneChange",
  "TurnLeft",
  "TurnRight",
  "SlightlyShiftLeft",
  "SlightlyShiftRight",
  "OffLane",
] as const;
export type LaneAction = (typeof laneActions)[number];

export const laneThresholds = {
  version: "lanes-1",
  /** Old lane's centre that must be passed for a change, and the offset at which it begins and ends, m. */
  changeM: 1,
  centredM: 0.35,
  /** Longest half of a change, ticks. */
  halfTicks: 40,
  turnRad: 0.2,
  shiftM: 0.8,
  /** A shift is over within this time. */
  shiftTicks: 35,
  /** Least share of ticks on a lane for the axis to mean anything. */
  leastShare: 0.5,
  dtSecs: 0.1,
} as const;

interface Span {
  readonly action: LaneAction;
  readonly start: number;
  readonly end: number;
  readonly confidence: number;
}

/** @param columns 10 Hz states; @param startUs stamp of tick 0 */
export function detectLaneActions(
  columns: EgoColumns,
  map: RoadMap | null,
  startUs = 0,
): MetaActionAxis<LaneAction> {
  if (map === null || map.lanes.length === 0) {
    return { isAvailable: false, reason: "no map; see the manoeuvres found without one" };
  }
  const n = checkColumns(columns);
  const track = trackLanes(columns, map);
  const onLane = track.lane.reduce((sum, l) => sum + (l < 0 ? 0 : 1), 0) / n;
  if (onLane < laneThresholds.leastShare) {
    return {
      isAvailable: false,
      reason: `only ${Math.round(100 * onLane)} % of the way lies on lanes of the map`,
    };
  }
  // Most telling first: a tick belongs to the first span that claims it.
  const shifts = shiftsOf(track);
  const spans = [
    ...changesOf(columns, track, map).map((change) => withRims(change, shifts)),
    ...turnsOf(columns, track, map),
    ...shifts,
  ];
  const actions: LaneAction[] = Array.from(track.lane, (l) => (l < 0 ? "OffLane" : "LaneKeep"));
  const confidence = new Float64Array(n).fill(0.9);
  const owner = new Int32Array(n).fill(-1);
  spans.forEach((span, s) => {
    for (let i = span.start; i < span.end; i++) {
      if (owner[i] >= 0) continue;
      owner[i] = s;
      actions[i] = span.action;
      confidence[i] = span.confidence;
    }
  });
  const features = featuresOf(columns, laneThresholds.dtSecs, 5);
  const stepUs = Math.round(laneThresholds.dtSecs * 1e6);
  const intervals: MetaActionInterval<LaneAction>[] = [];
  let start = 0;
  for (let i = 1; i <= n; i++) {
    if (i < n && actions[i] === actions[start]) continue;
    let sum = 0;
    for (let k = start; k < i; k++) sum += confidence[k];
    intervals.push({
      action: actions[start],
      startTick: start,
      endTick: i,
      startUs: startUs + start * stepUs,
      endUs: startUs + i * stepUs,
      stats: measureInterval({ features, tickCount: n }, columns, start, i, laneThresholds.dtSecs),
      confidence: sum / (i - start),
      boundaryUncertaintyTicks: 0,
    });
    start = i;
  }
  return { isAvailable: true, intervals };
}

/** Lanes that follow a lane within a few pieces: coming onto one of them is no change. */
function follows(map: RoadMap, from: number, to: number): boolean {
  const byId = new Map(map.lanes.map((l) => [l.id, l]));
  let rim = [map.lanes[from].id];
  const target = map.lanes[to].id;
  for (let depth = 0; depth < 5 && rim.length > 0; depth++) {
    rim = rim.flatMap((id) => byId.get(id)?.successors ?? []);
    if (rim.includes(target)) return true;
  }
  return false;
}

function changesOf({ x, y, yaw }: EgoColumns, track: LaneTrack, map: RoadMap): Span[] {
  const { lane } = track;
  const t = laneThresholds;
  const out: Span[] = [];
  let before = -1;
  for (let i = 0; i < lane.length; i++) {
    const now = lane[i];
    if (now < 0 || now === before) continue;
    const from = before;
    before = now;
    if (from < 0 || follows(map, from, now)) continue;
    const offsetFrom = (lanes: number, tick: number) =>
      projectOnLane(map.lanes[lanes], x[tick], y[tick], yaw[tick])?.offsetM ?? null;
    const there = offsetFrom(from, i);
    if (there === null || Math.abs(there) < t.changeM) continue;
    const side = Math.sign(there);
    // The new lane lies on the side that the car moved to.
    if (Math.sign(track.offsetM[i]) === side) continue;
    let start = i;
    while (start > 0 && i - start < t.halfTicks) {
      const offset =
        lane[start - 1] === from ? track.offsetM[start - 1] : offsetFrom(from, start - 1);
      if (offset === null || side * offset < t.centredM) break;
      start--;
    }
    let end = i + 1;
    while (end < lane.length && end - i < t.halfTicks) {
      const offset = lane[end] === now ? track.offsetM[end] : offsetFrom(now, end);
      if (offset === null || -side * offset < t.centredM) break;
      end++;
    }
    const isWhole = end < lane.length && end - i < t.halfTicks && i - start < t.halfTicks;
    out.push({
      action: side > 0 ? "LeftLaneChange" : "RightLaneChange",
      start,
      end,
      confidence: isWhole ? 0.95 : 0.6,
    });
  }
  return out;
}

/** Leaving the old centre and reaching the new one look like shifts to the same side; they belong to the change. */
function withRims(change: Span, shifts: readonly Span[]): Span {
  const side = change.action.startsWith("Left") ? "Left" : "Right";
  let { start, end } = change;
  for (const s of shifts) {
    const touches = s.start <= end + 1 && s.end >= start - 1;
    if (!touches || !s.action.endsWith(side)) continue;
    start = Math.min(start, s.start);
    end = Math.max(end, s.end);
  }
  return { ...change, start, end };
}

function turnsOf(columns: EgoColumns, { lane }: LaneTrack, map: RoadMap): Span[] {
  const yaw = unwrapAngles(columns.yaw);
  const out: Span[] = [];
  for (let i = 0; i < lane.length; i++) {
    if (lane[i] < 0 || !map.lanes[lane[i]].isJunction) continue;
    let end = i;
    while (end < lane.length && lane[end] >= 0 && map.lanes[lane[end]].isJunction) end++;
    const turned = yaw[end - 1] - yaw[i];
    if (Math.abs(turned) >= laneThresholds.turnRad) {
      out.push({
        action: turned > 0 ? "TurnLeft" : "TurnRight",
        start: i,
        end,
        // Between 12° and 30° a junction lane may just bend.
        confidence: Math.min(0.95, 0.5 + (Math.abs(turned) - laneThresholds.turnRad) * 1.4),
      });
    }
    i = end;
  }
  return out;
}

/** Moves inside one lane (and those that follow it): the offset goes one way by enough, soon enough. */
function shiftsOf({ lane, offsetM }: LaneTrack): Span[] {
  const t = laneThresholds;
  const out: Span[] = [];
  let start = 0;
  for (let i = 1; i <= lane.length; i++) {
    const isSame = i < lane.length && lane[i] >= 0 && Math.abs(offsetM[i] - offsetM[i - 1]) < 0.5;
    if (!isSame) {
      start = i;
      continue;
    }
    const from = Math.max(start, i - t.shiftTicks);
    const moved = offsetM[i] - offsetM[from];
    if (Math.abs(moved) < t.shiftM) continue;
    const side = Math.sign(moved);
    // Trim what does not move, and follow the move to its end.
    let first = from;
    while (first < i && side * (offsetM[first + 1] - offsetM[first]) < 0.01) first++;
    let end = i;
    while (
      end + 1 < lane.length &&
      lane[end + 1] >= 0 &&
      side * (offsetM[end + 1] - offsetM[end]) >= 0.01 &&
      Math.abs(offsetM[end + 1] - offsetM[end]) < 0.5
    )
      end++;
    out.push({
      action: side > 0 ? "SlightlyShiftLeft" : "SlightlyShiftRight",
      start: first,
      end: end + 1,
      confidence: Math.min(0.9, 0.5 + 0.25 * Math.abs(offsetM[end] - offsetM[first])),
    });
    start = end + 1;
    i = Math.max(i, end);
  }
  return out;
}
