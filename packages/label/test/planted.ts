/** Drives that do what their decision says, for planting faults on: random speeds, onsets, roads, small sensor noise. */
import type { LateralDecision, LongitudinalDecision, Side } from "@causeway/data";
import type { EgoMotion, Rng } from "@causeway/geom";
import type { MotionClaims, SpeedClaim } from "@causeway/label";
import { driveCourse, ease } from "./profiles.ts";

/** t0 of every planted drive. */
export const t0Us = 2_000_000;
const t0 = 2;

export interface Planted {
  readonly longitudinal: LongitudinalDecision;
  readonly speed: SpeedClaim | null;
  readonly lateral: LateralDecision;
  readonly side: Side | null;
  readonly motion: EgoMotion;
  /** Seconds after t0 when the change begins; negative: before. */
  readonly onsetSecs: number;
}

type LongitudinalShape = (rng: Rng) => {
  decision: LongitudinalDecision;
  speed: SpeedClaim | null;
  v0: number;
  accel: (t: number) => number;
  onset: number;
};

const between = (t: number, from: number, to: number) => t >= from && t < to;

export const speedShapes: Record<string, LongitudinalShape> = {
  cruise: (rng) => {
    const wave = rng.uniform(0, 0.25);
    const phase = rng.uniform(0, 6);
    return {
      decision: "set_speed_tracking",
      speed: "steady",
      v0: rng.uniform(5, 16),
      accel: (t) => wave * Math.sin(0.8 * t + phase),
      onset: 0,
    };
  },
  speedUp: (rng) => {
    const onset = rng.uniform(-0.5, 1);
    const a = rng.uniform(0.5, 1.8);
    const secs = rng.uniform(3, 6);
    return {
      decision: "set_speed_tracking",
      speed: "speed_up",
      v0: rng.uniform(1, 8),
      accel: (t) => (between(t - t0, onset, onset + secs) ? a : 0),
      onset,
    };
  },
  pass: (rng) => {
    const onset = rng.uniform(-0.3, 1.5);
    const a = rng.uniform(0.6, 2);
    return {
      decision: "accelerate_to_pass",
      speed: "speed_up",
      v0: rng.uniform(6, 14),
      accel: (t) => (between(t - t0, onset, onset + 3) ? a : 0),
      onset,
    };
  },
  stop: (rng) => {
    const onset = rng.uniform(-1, 0.7);
    const v0 = rng.uniform(3, 13);
    const a = rng.uniform(1, 3);
    return {
      decision: "stop_static_constraint",
      speed: "stop",
      v0,
      accel: (t) => (t - t0 >= onset ? -a : 0),
      onset,
    };
  },
  wait: () => ({
    decision: "stop_static_constraint",
    speed: "stop",
    v0: 0,
    accel: (t) => (t > t0 + 4 ? 1 : 0),
    onset: 0,
  }),
  yield: (rng) => {
    const onset = rng.uniform(-0.8, 0.7);
    const a = rng.uniform(0.8, 2.5);
    const secs = rng.uniform(1.5, 3.5);
    return {
      decision: "yield_right_of_way",
      speed: "slow_down",
      v0: rng.uniform(6, 13),
      accel: (t) =>
        between(t - t0, onset, onset + secs) ? -a : t - t0 > onset + secs + 1 ? 0.7 : 0,
      onset,
    };
  },
  follow: (rng) => {
    const wave = rng.uniform(0.1, 0.6);
    return {
      decision: "lead_following",
      speed: null,
      v0: rng.uniform(4, 14),
      accel: (t) => wave * Math.sin(0.9 * t + 1),
      onset: 0,
    };
  },
  followSlower: (rng) => {
    const onset = rng.uniform(-0.8, 0.8);
    const a = rng.uniform(0.5, 2);
    return {
      decision: "lead_following",
      speed: "slow_down",
      v0: rng.uniform(6, 14),
      accel: (t) => (between(t - t0, onset, onset + 2.5) ? -a : 0),
      onset,
    };
  },
};

interface LateralShape {
  readonly decision: LateralDecision;
  readonly side: Side | null;
  readonly offset?: (t: number) => number;
  readonly road?: (t: number) => number;
}

const sideOf = (rng: Rng): Side => (rng.next() < 0.5 ? "left" : "right");
const signOf = (side: Side) => (side === "left" ? 1 : -1);
/** Straight in half of the cases, else a bend of 100 m radius or more, as long as the window. */
const someRoad = (rng: Rng) => {
  const k = rng.next() < 0.5 ? 0 : rng.uniform(-0.01, 0.01);
  return () => k;
};

export const sideShapes: Record<string, (rng: Rng) => LateralShape> = {
  keep: (rng) => ({ decision: "lane_keep", side: null, road: someRoad(rng) }),
  laneChange: (rng) => {
    const side = sideOf(rng);
    const move = ease(t0 + rng.uniform(-0.6, 1), rng.uniform(3, 4.8));
    const width = rng.uniform(3, 3.8);
    return {
      decision: "lane_change",
      side,
      offset: (t) => signOf(side) * width * move(t),
      road: someRoad(rng),
    };
  },
  nudge: (rng) => nudge(rng, "in_lane_nudge", rng.uniform(0.4, 0.9)),
  nudgeOut: (rng) => nudge(rng, "out_of_lane_nudge", rng.uniform(1, 2)),
};

function nudge(rng: Rng, decision: LateralDecision, width: number): LateralShape {
  const side = sideOf(rng);
  const start = t0 + rng.uniform(-0.6, 0.8);
  const out = ease(start, rng.uniform(1.5, 2.2));
  const back = ease(start + rng.uniform(2.4, 3), rng.uniform(1.5, 2.2));
  return {
    decision,
    side,
    offset: (t) => signOf(side) * width * (out(t) - back(t)),
    road: someRoad(rng),
  };
}

export function plant(rng: Rng, speedShape: string, sideShape: string): Planted {
  const long = speedShapes[speedShape](rng);
  const lat = sideShapes[sideShape](rng);
  const motion = driveCourse({
    v0Mps: long.v0,
    secs: 9,
    accelMps2: long.accel,
    roadPerM: lat.road,
    offsetM: lat.offset,
    noise: { rng, posM: 0.01, yawRad: 0.002, speedMps: 0.03 },
  });
  return {
    longitudinal: long.decision,
    speed: long.speed,
    lateral: lat.decision,
    side: lat.side,
    motion,
    onsetSecs: long.onset,
  };
}

/** A turn at a junction: slow, 65 to 100 degrees. */
export function plantTurn(rng: Rng): Planted {
  const side = sideOf(rng);
  const v0 = rng.uniform(4, 7.5);
  const k = signOf(side) * rng.uniform(0.08, 0.16);
  const onset = rng.uniform(-0.8, 2);
  const angle = rng.uniform(1.15, 1.75);
  const secs = angle / (Math.abs(k) * v0);
  const motion = driveCourse({
    v0Mps: v0,
    secs: 9,
    accelMps2: () => 0,
    roadPerM: (t) => (between(t - t0, onset, onset + secs) ? k : 0),
    noise: { rng, posM: 0.01, yawRad: 0.002, speedMps: 0.03 },
  });
  return {
    longitudinal: "set_speed_tracking",
    speed: null,
    lateral: "turn",
    side,
    motion,
    onsetSecs: onset,
  };
}

export const trueClaims = (p: Planted): MotionClaims => ({
  longitudinal: p.longitudinal,
  lateral: p.lateral,
  lateralSide: p.side,
  speed: p.speed,
});

export const otherSide = (side: Side | null): Side => (side === "left" ? "right" : "left");
