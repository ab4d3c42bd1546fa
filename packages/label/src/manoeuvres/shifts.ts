/**
 * Sideways moves without a map. Between two moments, the road is taken to be the smooth curve (a cubic of the heading over
 * the way) that leaves the first and reaches the second with the heading and curvature that the car has there. The way that
 * the car makes aside of it is an offset profile: one that ends a lane's width away is a lane change, one that goes out and
 * comes back is a nudge, a smaller one that stays is a shift. All pairs of moments on a grid are tried, the clearest ones
 * that do not overlap are taken.
 *
 * What a track cannot tell: a road that itself swings aside and back looks the same. The road is therefore asked to be an
 * arc or a straight, and what it lacks of that lowers the confidence.
 */
import { boundedConfidence, type Manoeuvre, ramp, sideOf } from "./kinds.ts";
import type { SmoothTrack } from "./turns.ts";

export interface ShiftThresholds {
  readonly laneChangeM: readonly [least: number, most: number];
  readonly laneChangeTicks: readonly [least: number, most: number];
  /** Heading difference before and after a lane change, beside what the road bends. */
  readonly headingRad: number;
  readonly nudgeM: readonly [least: number, most: number];
  /** Lengths that are tried, ticks, and the step between their starts. */
  readonly lengths: readonly number[];
  readonly strideTicks: number;
  /** Ticks at each end over which heading and curvature are taken. */
  readonly endTicks: number;
  /** Offsets below this share of the way are within what noise of the heading at the ends makes of it. */
  readonly noiseShare: number;
  /** A move back within this time and of 1/ratio … ratio of the size makes both one nudge. */
  readonly backTicks: number;
  readonly backRatio: number;
  readonly leastConfidence: number;
}
export const shiftThresholds: ShiftThresholds = {
  laneChangeM: [2.5, 4.5],
  laneChangeTicks: [20, 80],
  headingRad: 0.1,
  nudgeM: [0.3, 2],
  lengths: [26, 34, 42, 50, 60, 72, 86, 104, 124],
  strideTicks: 4,
  endTicks: 8,
  noiseShare: 0.006,
  backTicks: 25,
  backRatio: 3,
  leastConfidence: 0.2,
};

interface Profile {
  readonly start: number;
  readonly end: number;
  /** Way that was looked at. */
  readonly metres: number;
  /** Offset at the end and where it is largest, m, left positive. */
  readonly lastM: number;
  readonly peakM: number;
  /** Heading change that an arc with the mean of both end curvatures does not explain, rad. */
  readonly unexplainedRad: number;
  /** Change of curvature over the whole way, as heading, rad. */
  readonly easingRad: number;
}

/** @param blocked ticks of turns */
export function findShifts(
  track: SmoothTrack,
  blocked: Uint8Array,
  t: ShiftThresholds = shiftThresholds,
): Manoeuvre[] {
  const n = track.yaw.length;
  const blockedBefore = new Uint32Array(n + 1);
  for (let i = 0; i < n; i++) blockedBefore[i + 1] = blockedBefore[i] + blocked[i];
  const found: Seen[] = [];
  for (const length of t.lengths) {
    for (let start = t.endTicks; start + length + t.endTicks < n; start += t.strideTicks) {
      const end = start + length;
      if (blockedBefore[end + t.endTicks] > blockedBefore[start - t.endTicks]) continue;
      const profile = profileOf(track, start, end, t.endTicks);
      const move = profile === null ? null : classify(track, profile, t);
      if (move !== null) found.push({ move, from: start, to: end });
    }
  }
  return joinBack(chooseClearest(found), t).map(({ move }) => move);
}

/** A move with the span that was looked at, which is longer than the move by what is next to parallel. */
interface Seen {
  readonly move: Manoeuvre;
  readonly from: number;
  readonly to: number;
}

function chooseClearest(found: Seen[]): Seen[] {
  // Clearest first; of equals the tightest, then the earliest.
  found.sort(
    (a, b) =>
      Math.round(50 * b.move.confidence) - Math.round(50 * a.move.confidence) ||
      a.to - a.from - (b.to - b.from) ||
      a.from - b.from,
  );
  const chosen: Seen[] = [];
  for (const seen of found) {
    // What begins or ends inside another move takes that move for the road.
    const isFree = chosen.every(
      ({ move }) => Math.min(move.endTick, seen.to) - Math.max(move.startTick, seen.from) <= 4,
    );
    if (isFree) chosen.push(seen);
  }
  return chosen.sort((a, b) => a.from - b.from);
}

/** A move and one back to the other side soon after are one nudge, also across a line. */
function joinBack(seen: readonly Seen[], t: ShiftThresholds): Seen[] {
  const out: Seen[] = [];
  for (let i = 0; i < seen.length; i++) {
    const [there, back] = [seen[i], seen[i + 1]];
    const isBack =
      back !== undefined &&
      there.move.kind !== "nudge" &&
      back.move.kind !== "nudge" &&
      there.move.side !== back.move.side &&
      back.move.startTick - there.move.endTick <= t.backTicks &&
      Math.abs(back.move.lateralM) <= t.backRatio * Math.abs(there.move.lateralM) &&
      Math.abs(there.move.lateralM) <= t.backRatio * Math.abs(back.move.lateralM);
    if (!isBack) {
      out.push(there);
      continue;
    }
    const move: Manoeuvre = {
      kind: "nudge",
      side: there.move.side,
      startTick: there.move.startTick,
      endTick: back.move.endTick,
      lateralM: there.move.lateralM,
      headingChangeRad: there.move.headingChangeRad + back.move.headingChangeRad,
      distanceM: there.move.distanceM + back.move.distanceM,
      confidence: boundedConfidence(
        0.9 * Math.min(0.7, Math.max(there.move.confidence, back.move.confidence)),
      ),
      reason: `${there.move.reason}; then ${back.move.reason}`,
    };
    out.push({ move, from: there.from, to: back.to });
    i++;
  }
  return out;
}

/** Mean heading change per metre over the ticks [from, to]. */
function bendOver({ yaw, way }: SmoothTrack, from: number, to: number): number | null {
  const metres = way[to] - way[from];
  return metres < 0.8 ? null : (yaw[to] - yaw[from]) / metres;
}

function profileOf(track: SmoothTrack, start: number, end: number, rim: number): Profile | null {
  const { yaw, way } = track;
  const [before, after] = [bendOver(track, start - rim, start), bendOver(track, end, end + rim)];
  const metres = way[end] - way[start];
  if (before === null || after === null || metres < 8) return null;
  const change = yaw[end] - yaw[start];
  const unexplained = change - ((before + after) / 2) * metres;
  // Cubic Hermite in u = way / metres: heading 0 and `change`, slopes `before` and `after`.
  const [p, q] = [before * metres, after * metres];
  let [offset, peak] = [0, 0];
  let [first, last] = [start, end];
  const offsets = new Float64Array(end - start + 1);
  for (let i = start + 1; i <= end; i++) {
    const step = way[i] - way[i - 1];
    const u = ((way[i] + way[i - 1]) / 2 - way[start]) / metres;
    const [uu, uuu] = [u * u, u * u * u];
    const road = (uuu - 2 * uu + u) * p + (3 * uu - 2 * uuu) * change + (uuu - uu) * q;
    offset += Math.sin((yaw[i] + yaw[i - 1]) / 2 - yaw[start] - road) * step;
    offsets[i - start] = offset;
    if (Math.abs(offset) > Math.abs(peak)) peak = offset;
  }
  const slack = 0.04 * Math.abs(peak);
  while (first < end && Math.abs(offsets[first + 1 - start]) <= slack) first++;
  while (last > first && Math.abs(offsets[last - 1 - start] - offset) <= slack) last--;
  return {
    start: first,
    end: last + 1,
    metres,
    lastM: offset,
    peakM: peak,
    unexplainedRad: Math.abs(unexplained),
    easingRad: Math.abs(after - before) * metres,
  };
}

function classify(track: SmoothTrack, p: Profile, t: ShiftThresholds): Manoeuvre | null {
  const [peak, last] = [Math.abs(p.peakM), Math.abs(p.lastM)];
  const ticks = p.end - p.start;
  if (peak < Math.max(t.nudgeM[0], t.noiseShare * p.metres)) return null;
  const road = ramp(p.easingRad, 0.25, 0.02) * ramp(p.unexplainedRad, t.headingRad, 0.02);
  const stays = last >= 0.9 * peak;
  const isLaneChange =
    stays &&
    last >= t.laneChangeM[0] &&
    last <= t.laneChangeM[1] &&
    ticks >= t.laneChangeTicks[0] &&
    ticks <= t.laneChangeTicks[1];
  const isNudge = last <= 0.3 * peak && peak <= t.nudgeM[1];
  const make = (kind: "lane_change" | "nudge" | "shift", clearness: number, words: string) => {
    const confidence = boundedConfidence(0.95 * clearness * road);
    if (confidence < t.leastConfidence) return null;
    return {
      kind,
      side: sideOf(p.peakM),
      startTick: p.start,
      endTick: p.end,
      lateralM: kind === "nudge" ? p.peakM : p.lastM,
      headingChangeRad: track.yaw[p.end - 1] - track.yaw[p.start],
      distanceM: track.way[p.end - 1] - track.way[p.start],
      confidence,
      reason: `${words} in ${(ticks / 10).toFixed(1)} s; road bends by ${p.easingRad.toFixed(2)} rad more at one end`,
    };
  };
  if (isLaneChange) {
    const size = Math.min(ramp(last, 2.2, 2.9), ramp(last, 4.9, 4.1));
    return make("lane_change", size, `${last.toFixed(1)} m to the side`);
  }
  if (isNudge) {
    const size = 0.35 + 0.65 * ramp(peak, 0.3, 0.9);
    return make(
      "nudge",
      size * ramp(last, 0.3 * peak, 0.1 * peak),
      `${peak.toFixed(1)} m to the side and back`,
    );
  }
  if (stays && last < t.laneChangeM[0]) {
    return make(
      "shift",
      0.25 + 0.35 * ramp(last, 0.4, 1.2),
      `${last.toFixed(1)} m to the side, not taken back`,
    );
  }
  return null;
}
