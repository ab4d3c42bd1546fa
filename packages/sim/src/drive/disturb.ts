/**
 * Disturbances after DART (Laskey et al. 2017): for a while somebody else has the wheel and drives as a learner would who
 * errs: beside the line, on as before, with a bias in the steering or the speed. What the expert would do is recorded at
 * the same moments (takeovers), so that the motion so far and the plan that is right come apart: a learner that goes on as
 * it went is wrong, only the pictures tell where the lane is. What this leaves out: noise fitted to one learner's errors.
 */
import type { Rng } from "@causeway/geom";

export interface Perturbation {
  /** Largest offset of a line that is followed, m; drawn from a quarter of it up. */
  readonly lineM: number;
  /** Largest lateral acceleration that a bias in the steering adds, m/s^2. */
  readonly steerMps2: number;
  /** Typical acceleration error, m/s^2, in two pushes of five. */
  readonly accelMps2: number;
  /** Shortest and longest push, s. */
  readonly pushSecs: readonly [number, number];
  /** Shortest and longest time between pushes, s. */
  readonly clearSecs: readonly [number, number];
}

export const defaultPerturbation: Perturbation = {
  lineM: 1.6,
  steerMps2: 0.9,
  accelMps2: 1,
  pushSecs: [0.6, 2.4],
  clearSecs: [0.4, 4],
};

/**
 * How the one who has the wheel errs: `line` follows a line aside, `hold` keeps the curvature and does not brake, `bias` adds
 * to the curvature.
 */
export type PushKind = "line" | "hold" | "bias";

export interface Push {
  readonly startTick: number;
  readonly endTick: number;
  readonly kind: PushKind;
  /** Offset of the line that is followed, left positive, m. */
  readonly lineM: number;
  readonly steerMps2: number;
  readonly accelMps2: number;
}

/** A push ends early this far from the line, m, or from its direction, rad, or where the expert must brake so hard, m/s^2. */
export const pushLimits = { lateralM: 1.7, headingRad: 0.22, brakeMps2: -4.5 } as const;

/** Draws all pushes of a drive beforehand, so that they do not depend on how it goes. */
export function drawPushes(rng: Rng, perturbation: Perturbation, numTicks: number): Push[] {
  const ticks = ([least, most]: readonly [number, number]): number =>
    Math.round(10 * rng.uniform(least, most));
  const out: Push[] = [];
  let tick = rng.int(20);
  while (tick < numTicks) {
    const endTick = tick + ticks(perturbation.pushSecs);
    const side = rng.next() < 0.5 ? -1 : 1;
    const which = rng.next();
    const kind: PushKind = which < 0.5 ? "line" : which < 0.75 ? "hold" : "bias";
    const size = rng.uniform(0.25, 1);
    out.push({
      startTick: tick,
      endTick,
      kind,
      lineM: kind === "line" ? side * perturbation.lineM * size : 0,
      steerMps2: kind === "bias" ? side * perturbation.steerMps2 * size : 0,
      accelMps2: rng.next() < 0.4 ? perturbation.accelMps2 * rng.uniform(-1.3, 1.3) : 0,
    });
    tick = endTick + ticks(perturbation.clearSecs);
  }
  return out;
}
