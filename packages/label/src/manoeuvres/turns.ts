/**
 * Turns and curves by how the heading changes over the way driven. A turn is tight and short, as at a junction; a curve is
 * what roads do. A U-turn is a turn that goes on.
 */
import { boundedConfidence, type Manoeuvre, ramp, sideOf } from "./kinds.ts";

export interface TurnThresholds {
  /** Least heading change of a turn (20°), the longest way that it may take, and its largest radius. */
  readonly turnRad: number;
  readonly turnWayM: number;
  readonly turnRadiusM: number;
  readonly uTurnRad: number;
  readonly curvePerM: number;
  readonly curveRad: number;
  /** Runs of one direction that are this near are one. */
  readonly joinTicks: number;
}
export const turnThresholds: TurnThresholds = {
  turnRad: 0.35,
  turnWayM: 60,
  turnRadiusM: 50,
  uTurnRad: 2.1,
  curvePerM: 0.005,
  curveRad: 0.1,
  joinTicks: 10,
};

/** Columns per tick; the heading is unwrapped and smoothed. */
export interface SmoothTrack {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly yaw: Float64Array;
  /** Way driven, m. */
  readonly way: Float64Array;
  /** Heading change per metre, 0 at standstill. */
  readonly bend: Float64Array;
}

interface Run {
  start: number;
  end: number;
  sign: number;
}

/** Stretches bent to one side by at least `least`. */
function bentRuns(bend: Float64Array, least: number, joinTicks: number): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < bend.length; i++) {
    const sign = bend[i] >= least ? 1 : bend[i] <= -least ? -1 : 0;
    if (sign === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.sign === sign && i - last.end <= joinTicks) last.end = i + 1;
    else runs.push({ start: i, end: i + 1, sign });
  }
  return runs;
}

/** @param taken ticks that belong to a sideways move already; a curve mostly inside them is none */
export function findCurves(
  track: SmoothTrack,
  taken: Uint8Array,
  t: TurnThresholds = turnThresholds,
): Manoeuvre[] {
  return bentRuns(track.bend, t.curvePerM, t.joinTicks).flatMap((run) => {
    const turned = track.yaw[run.end - 1] - track.yaw[run.start];
    let own = 0;
    for (let i = run.start; i < run.end; i++) own += taken[i] === 0 ? 1 : 0;
    if (Math.abs(turned) < t.curveRad || Math.sign(turned) !== run.sign) return [];
    if (own < 0.5 * (run.end - run.start)) return [];
    const distanceM = track.way[run.end - 1] - track.way[run.start];
    return [
      {
        kind: "curve" as const,
        side: sideOf(turned),
        startTick: run.start,
        endTick: run.end,
        lateralM: 0,
        headingChangeRad: turned,
        distanceM,
        confidence: boundedConfidence(0.5 + 0.45 * ramp(Math.abs(turned), t.curveRad, 0.3)),
        reason: `heading changes by ${turned.toFixed(2)} rad over ${distanceM.toFixed(0)} m`,
      },
    ];
  });
}

export function findTurns(track: SmoothTrack, t: TurnThresholds = turnThresholds): Manoeuvre[] {
  return bentRuns(track.bend, 1 / t.turnRadiusM, t.joinTicks).flatMap((run) => {
    // The core is tight; easing in and out belongs to the turn as well.
    const core = track.way[run.end - 1] - track.way[run.start];
    let { start, end } = run;
    while (start > 0 && run.sign * track.bend[start - 1] >= t.curvePerM) start--;
    while (end < track.bend.length && run.sign * track.bend[end] >= t.curvePerM) end++;
    const turned = track.yaw[end - 1] - track.yaw[start];
    const isTurn =
      run.sign * turned >= t.turnRad &&
      core <= t.turnWayM &&
      run.sign * (track.yaw[run.end - 1] - track.yaw[run.start]) >= 0.5 * t.turnRad;
    if (!isTurn) return [];
    const size = Math.abs(turned);
    const radius = core / Math.max(1e-6, Math.abs(track.yaw[run.end - 1] - track.yaw[run.start]));
    const confidence =
      0.4 + 0.35 * ramp(size, t.turnRad, 1.1) + 0.2 * ramp(radius, t.turnRadiusM, 15);
    return [
      {
        kind: size >= t.uTurnRad ? ("u_turn" as const) : ("turn" as const),
        side: sideOf(turned),
        startTick: start,
        endTick: end,
        lateralM: 0,
        headingChangeRad: turned,
        distanceM: track.way[end - 1] - track.way[start],
        confidence: boundedConfidence(confidence),
        reason: `heading changes by ${turned.toFixed(2)} rad, radius about ${radius.toFixed(0)} m`,
      },
    ];
  });
}
