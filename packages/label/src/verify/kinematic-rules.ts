/**
 * The rules that hold a claim against the motion, one per decision (and one per speed word). Claims are decision ids first,
 * words second. Exceptions are where experience with recorded drives put them: a standing car already fulfils "stop", a light
 * far ahead may turn green before the stop is complete (warn), a follower may accelerate behind a lead that does (warn), a turn
 * may still lie ahead (abstain) or be nearly over (the history shows it).
 */
import type { LateralDecision, LongitudinalDecision, Side } from "@causeway/data";
import type { SpeedClaim } from "../coc/parse.ts";
import type { MotionEvidence } from "./evidence.ts";
import type { Finding, Outcome } from "./outcome.ts";
import { mostSwayM, type Sway } from "./sways.ts";
import type { KinematicThresholds } from "./thresholds.ts";

export interface KinematicRule {
  readonly id: string;
  readonly version: number;
  readonly check: (e: MotionEvidence, t: KinematicThresholds, side: Side | null) => Finding;
}

const found = (outcome: Outcome, detail: string): Finding => ({ outcome, detail });
const f = (v: number, digits = 2) => v.toFixed(digits);

/** Speeds of the first `secs`, and what follows from them. */
function speeds(e: MotionEvidence, t: KinematicThresholds, secs: number) {
  const n = Math.min(e.speedMps.length, Math.round(secs / e.dtSecs) + 1);
  const v0 = e.speedMps[0];
  let [low, high, run, brakeTicks, gainTicks, gainRun] = [v0, v0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    low = Math.min(low, e.speedMps[i]);
    high = Math.max(high, e.speedMps[i]);
    run = e.accelMps2[i] <= -t.gentleAccelMps2 ? run + 1 : 0;
    brakeTicks = Math.max(brakeTicks, run);
    gainRun = e.accelMps2[i] >= t.gentleAccelMps2 ? gainRun + 1 : 0;
    gainTicks = Math.max(gainTicks, gainRun);
  }
  const last = n - 1;
  const second = Math.max(0, last - Math.round(1 / e.dtSecs));
  return {
    v0,
    low,
    high,
    lost: v0 - low,
    gained: high - v0,
    brakeSecs: brakeTicks * e.dtSecs,
    gainSecs: gainTicks * e.dtSecs,
    end: e.speedMps[last],
    change: e.speedMps[last] - v0,
    meanAccel: last === 0 ? 0 : (e.speedMps[last] - v0) / (last * e.dtSecs),
    isBrakingAtEnd: e.speedMps[last] - e.speedMps[second] <= -t.endBrakeMps,
  };
}

const speedLine = (s: ReturnType<typeof speeds>) =>
  `speed ${f(s.v0)} -> ${f(s.low)} … ${f(s.high)}, end ${f(s.end)} m/s`;

/** A car that stands and says it waits must not set off at once. Null when it does not stand. */
function whileStanding(e: MotionEvidence, t: KinematicThresholds): Finding | null {
  const soon = speeds(e, t, t.setOffSecs);
  if (soon.v0 > t.standingMps) return null;
  return soon.high > t.setOffMps
    ? found("error", `stands, but is at ${f(soon.high)} m/s within ${t.setOffSecs} s`)
    : found("pass", `stands (${f(soon.v0)} m/s)`);
}

const slowsDown = (e: MotionEvidence, t: KinematicThresholds): Finding => {
  const standing = whileStanding(e, t);
  if (standing !== null) return standing;
  const s = speeds(e, t, t.horizonSecs);
  if (s.lost >= t.speedChangeMps || s.brakeSecs >= t.holdSecs) return found("pass", speedLine(s));
  if ((e.historyLostMps ?? 0) >= t.speedChangeMps && !beginsAtOnce(e, t, 1)) {
    return found("pass", `has lost ${f(e.historyLostMps ?? 0)} m/s before; ${speedLine(s)}`);
  }
  return found(
    s.lost >= t.gentleChangeMps || (e.historyLostMps ?? 0) >= t.speedChangeMps ? "warn" : "error",
    speedLine(s),
  );
};

const stops = (e: MotionEvidence, t: KinematicThresholds): Finding => {
  const standing = whileStanding(e, t);
  if (standing !== null) return standing;
  const s = speeds(e, t, t.horizonSecs);
  // Creeping up to the line after braking earlier counts; a little less speed by itself does not.
  const hasLost = Math.max(s.lost, e.historyLostMps ?? 0) >= t.speedChangeMps;
  if (s.low <= t.standingMps) return found("pass", speedLine(s));
  if (s.lost >= t.speedChangeMps && s.isBrakingAtEnd)
    return found("pass", `still braking: ${speedLine(s)}`);
  if (s.isBrakingAtEnd || s.lost >= t.speedChangeMps)
    return found("warn", `does not stop yet: ${speedLine(s)}`);
  return found(hasLost && !beginsAtOnce(e, t, 1) ? "warn" : "error", speedLine(s));
};

const speedsUp = (e: MotionEvidence, t: KinematicThresholds): Finding => {
  const s = speeds(e, t, t.horizonSecs);
  const soon = speeds(e, t, t.soonSecs);
  if (s.gained >= t.speedChangeMps || soon.meanAccel >= t.gentleAccelMps2) {
    return found("pass", speedLine(s));
  }
  return found(s.gained >= t.gentleChangeMps ? "warn" : "error", speedLine(s));
};

/** Whether the change of speed is under way within `onsetSecs`; what begins later is a later decision. */
function beginsAtOnce(e: MotionEvidence, t: KinematicThresholds, direction: 1 | -1): boolean {
  const s = speeds(e, t, t.onsetSecs);
  return direction * s.change >= t.gentleChangeMps;
}

const staysSteady = (e: MotionEvidence, t: KinematicThresholds): Finding => {
  const s = speeds(e, t, t.soonSecs);
  const limit = Math.max(t.steadyMps, t.steadyShare * s.v0);
  if (s.lost <= limit && s.gained <= limit) return found("pass", speedLine(s));
  const isAtOnce = beginsAtOnce(e, t, s.lost > limit ? -1 : 1);
  return found(isAtOnce ? "error" : "warn", speedLine(s));
};

export const speedRules: Record<SpeedClaim, KinematicRule> = {
  slow_down: { id: "K10-slow-down", version: 1, check: slowsDown },
  stop: { id: "K11-stop", version: 1, check: stops },
  speed_up: { id: "K12-speed-up", version: 1, check: speedsUp },
  steady: { id: "K13-steady", version: 1, check: staysSteady },
  reverse: {
    id: "K14-reverse",
    version: 1,
    check: (e, t) => {
      const s = speeds(e, t, t.horizonSecs);
      return found(s.low <= t.reverseMps ? "pass" : "error", speedLine(s));
    },
  },
};

export const longitudinalRules: Record<LongitudinalDecision, KinematicRule> = {
  stop_static_constraint: { id: "K01-stop-at-line", version: 1, check: stops },
  yield_right_of_way: {
    id: "K02-yield",
    version: 1,
    check: (e, t) => {
      const slows = slowsDown(e, t);
      if (slows.outcome !== "error" || e.speedMps[0] <= t.standingMps) return slows;
      const aside = e.sways.reduce((m, w) => Math.max(m, Math.abs(w.shiftM)), 0);
      return aside >= t.avoidM && aside <= mostSwayM
        ? found("pass", `gives way sideways by ${f(aside)} m; ${slows.detail}`)
        : slows;
    },
  },
  lead_following: {
    id: "K03-follow",
    version: 1,
    check: (e, t) => {
      const s = speeds(e, t, t.horizonSecs);
      // A queue that sets off gains any speed; otherwise the lead may pull away, which the path alone cannot tell.
      if (s.gained <= t.followGainMps || s.v0 < 3) return found("pass", speedLine(s));
      return found("warn", `gains ${f(s.gained)} m/s behind a lead: ${speedLine(s)}`);
    },
  },
  set_speed_tracking: {
    id: "K04-set-speed",
    version: 1,
    check: (e, t) => {
      const soon = speeds(e, t, t.soonSecs);
      const s = speeds(e, t, t.horizonSecs);
      if (soon.v0 <= t.standingMps) {
        return found(
          s.gained >= t.speedChangeMps ? "pass" : "error",
          `from standstill: ${speedLine(s)}`,
        );
      }
      // Towards the set speed it may rise; it may not fall before another decision can have been taken.
      const limit = Math.max(t.steadyMps, t.steadyShare * soon.v0);
      if (soon.lost > limit && beginsAtOnce(e, t, -1)) return found("error", speedLine(soon));
      return found(s.lost > limit ? "warn" : "pass", speedLine(s));
    },
  },
  speed_adaptation_road_event: {
    id: "K05-road-event",
    version: 1,
    check: (e, t) => {
      const soon = speeds(e, t, t.soonSecs);
      const isSpeedingUp = soon.meanAccel >= 0.7 * t.strongAccelMps2 && soon.v0 > 2;
      if (isSpeedingUp) {
        // Out of a bend it may.
        const isBehind = Math.abs(e.historyTurnRad ?? 0) >= t.curveRad;
        return found(isBehind ? "warn" : "error", `speeds up: ${speedLine(soon)}`);
      }
      const turned = e.yawRad.reduce(
        (m, v) => Math.max(m, Math.abs(v)),
        Math.abs(e.historyTurnRad ?? 0),
      );
      const bend = e.curvaturePerM.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      return turned >= t.curveRad || bend >= t.curvePerM
        ? found("pass", `turns ${f(turned)} rad, sharpest ${f(bend, 3)} 1/m`)
        : found("warn", `no bend in the window (turns ${f(turned)} rad); a bump leaves no trace`);
    },
  },
  gap_searching: {
    id: "K06-gap",
    version: 1,
    check: (e, t) => {
      const soon = speeds(e, t, t.soonSecs);
      return soon.meanAccel >= t.strongAccelMps2
        ? found("warn", `speeds up strongly: ${speedLine(soon)}`)
        : found("abstain", "looking for a gap leaves no certain trace");
    },
  },
  accelerate_to_pass: { id: "K07-pass", version: 1, check: speedsUp },
};

/** Most heading change to a side (sign s) within 15 m of way, rad. */
function tightest(e: MotionEvidence, s: 1 | -1): number {
  let from = 0;
  let most = 0;
  for (let i = 0; i < e.yawRad.length; i++) {
    while (e.wayM[i] - e.wayM[from] > 15) from++;
    most = Math.max(most, s * (e.yawRad[i] - e.yawRad[from]));
  }
  return most;
}

const noSide = found("abstain", "no side is named");
const sign = (side: Side): 1 | -1 => (side === "left" ? 1 : -1);

/** The first sway of at least `leastM` that is still under way at t0 or begins soon after; null when there is none. */
function currentSway(e: MotionEvidence, leastM: number, soonSecs: number): Sway | null {
  return (
    e.sways.find(
      (w) => Math.abs(w.shiftM) >= leastM && w.endSecs >= 0.3 && w.startSecs <= soonSecs,
    ) ?? null
  );
}

/** Whether a move to `side` of at least `leastM` ended where `now` begins: then `now` may be its way back. */
function isAfterMoveTo(e: MotionEvidence, side: Side, leastM: number, now: Sway): boolean {
  return e.sways.some((w) => w.endSecs <= now.startSecs + 0.05 && sign(side) * w.shiftM >= leastM);
}

const swayLine = (e: MotionEvidence) =>
  e.sways.length === 0
    ? "no sideways move"
    : `sideways moves (left positive) ${e.sways.map((w) => `${f(w.shiftM)} m at ${f(w.startSecs, 1)} … ${f(w.endSecs, 1)} s`).join(", ")}`;

/** Most sideways way to the side, of moves that a road does not make by itself. */
const mostTo = (e: MotionEvidence, side: Side) =>
  e.sways.reduce(
    (m, w) => (Math.abs(w.shiftM) <= mostSwayM ? Math.max(m, sign(side) * w.shiftM) : m),
    0,
  );
const other = (side: Side): Side => (side === "left" ? "right" : "left");

function changesLane(e: MotionEvidence, t: KinematicThresholds, side: Side | null): Finding {
  if (side === null) return noSide;
  const line = swayLine(e);
  const now = currentSway(e, t.laneChangeBegunM, t.soonSecs);
  if (now === null) {
    const later = mostTo(e, side) >= t.laneChangeM;
    return found(later ? "warn" : "error", line);
  }
  const to = sign(side) * now.shiftM;
  if (to > mostSwayM || -to > mostSwayM) return found("abstain", `the road bends: ${line}`);
  if (to > 0) return found(to >= t.laneChangeM ? "pass" : "warn", line);
  // To the other side: a contradiction, unless the lane change itself lies just behind.
  return found(isAfterMoveTo(e, side, t.laneChangeBegunM, now) ? "warn" : "error", line);
}

function nudges(e: MotionEvidence, t: KinematicThresholds, side: Side | null): Finding {
  if (side === null) return noSide;
  const line = swayLine(e);
  // Next to a large move, a small one is the road's or the fit's.
  const largest = Math.max(mostTo(e, "left"), mostTo(e, "right"));
  const now = currentSway(e, Math.max(t.nudgeM, 0.2 * largest), t.soonSecs);
  if (now === null) return found(mostTo(e, side) >= t.nudgeM ? "warn" : "error", line);
  const to = sign(side) * now.shiftM;
  if (Math.abs(to) > mostSwayM) return found("abstain", `the road bends: ${line}`);
  if (to > 0) return found("pass", line);
  // The way back goes to the other side: it follows a move to this side, or that move lies before the window. But when a
  // move back to this side follows, it is a nudge the other way.
  if (isAfterMoveTo(e, side, Math.max(t.nudgeM / 2, 0.3 * -to), now)) return found("warn", line);
  const isOtherNudge = e.sways.some(
    (w) => w.startSecs >= now.endSecs - 0.05 && sign(side) * w.shiftM >= 0.7 * -to,
  );
  return found(isOtherNudge ? "error" : "warn", line);
}

export const lateralRules: Record<LateralDecision, KinematicRule> = {
  turn: {
    id: "K20-turn",
    version: 1,
    check: (e, t, side) => {
      if (side === null) return noSide;
      const s = sign(side);
      let most = 0;
      let least = 0;
      for (const yaw of e.yawRad) {
        most = Math.max(most, s * yaw);
        least = Math.min(least, s * yaw);
      }
      const before = s * (e.historyTurnRad ?? 0);
      const way = e.wayM[e.wayM.length - 1];
      const line = `turns ${f(most)} rad to the ${side}, ${f(-least)} to the other side, ${f(Math.max(0, before))} before, in ${f(way, 1)} m`;
      // A junction turns the car within a few lengths; a bend of the road may turn it as much over a long way.
      const isTight = before >= t.turnWarnRad || tightest(e, s) >= t.turnTightRad;
      if (!isTight && way >= t.turnWayM && most >= t.turnBegunRad) {
        return found("error", `no tighter than a bend: ${line}`);
      }
      if (most + Math.max(0, before) >= t.turnRad) return found("pass", line);
      if (-least >= t.turnWarnRad && -least > most) return found("error", line);
      if (most + Math.max(0, before) >= t.turnWarnRad) return found("warn", line);
      if (way < t.turnWayM) return found("abstain", `too short a way to tell: ${line}`);
      const last = e.yawRad.length - 1;
      const isTurningAtEnd =
        s * (e.yawRad[last] - e.yawRad[Math.max(0, last - 10)]) >= t.turnBegunRad / 2;
      return found(most >= t.turnBegunRad && isTurningAtEnd ? "warn" : "error", line);
    },
  },
  lane_change: { id: "K21-lane-change", version: 1, check: changesLane },
  merge_split: { id: "K22-merge", version: 1, check: changesLane },
  in_lane_nudge: { id: "K23-nudge", version: 1, check: nudges },
  out_of_lane_nudge: { id: "K24-nudge-out", version: 1, check: nudges },
  lane_keep: {
    id: "K25-keep",
    version: 1,
    check: (e, t) => {
      const n = Math.min(e.yawRad.length, Math.round(t.soonSecs / e.dtSecs) + 1);
      let turned = 0;
      for (let i = 0; i < n; i++) turned = Math.max(turned, Math.abs(e.yawRad[i]));
      if (turned >= t.keepRad) {
        return found("error", `turns ${f(turned)} rad within ${t.soonSecs} s`);
      }
      const aside = Math.abs(currentSway(e, t.laneChangeM, t.soonSecs)?.shiftM ?? 0);
      const isLaneChange = aside >= t.laneChangeM && aside <= mostSwayM;
      return found(isLaneChange ? "warn" : "pass", `turns ${f(turned)} rad, ${swayLine(e)}`);
    },
  },
  pull_over: {
    id: "K26-pull-over",
    version: 1,
    check: (e, t, side) => {
      const slows = slowsDown(e, t);
      if (slows.outcome === "error" || side === null) return slows;
      const to = mostTo(e, side);
      return to >= t.pullOverM && to > mostTo(e, other(side))
        ? slows
        : found("warn", `${slows.detail}; ${swayLine(e)}`);
    },
  },
  abort_lateral: {
    id: "K27-abort",
    version: 1,
    check: () => found("abstain", "an aborted move leaves no certain trace"),
  },
};
