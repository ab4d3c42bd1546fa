/**
 * Disturbances of the executed control, as in DART (Laskey et al. 2017): the expert's stated command stays clean,
 * the car is pushed off line for part of a second, and the log holds the recovery. What it leaves out: noise fitted
 * to a learner's error.
 */
import type { Rng } from "@causeway/geom";

export interface Perturbation {
  /** Mean number of disturbances a second; 0.15 is one in about 7 s. */
  readonly ratePerSec: number;
  /** Typical heading error that a push leaves, rad; the expert counters it: 0.17 gives offsets up to about 0.9 m. */
  readonly headingRad: number;
  /** Typical acceleration error, m/s^2. */
  readonly accelMps2: number;
}

export const defaultPerturbation: Perturbation = {
  ratePerSec: 0.16,
  headingRad: 0.17,
  accelMps2: 1.2,
};

export interface Push {
  readonly startTick: number;
  readonly endTick: number;
  /** Added curvature is this over the distance driven in the push, rad. */
  readonly headingRad: number;
  readonly accelMps2: number;
}

/** Draws all pushes of a drive beforehand, so that they do not depend on how it goes. */
export function drawPushes(rng: Rng, perturbation: Perturbation, numTicks: number): Push[] {
  const out: Push[] = [];
  let tick = rng.int(20);
  while (tick < numTicks) {
    const ticks = 5 + rng.int(5);
    const side = rng.next() < 0.5 ? -1 : 1;
    out.push({
      startTick: tick,
      endTick: tick + ticks,
      headingRad: side * perturbation.headingRad * rng.uniform(0.4, 1.5),
      accelMps2: rng.next() < 0.35 ? perturbation.accelMps2 * rng.uniform(-1.3, 1.3) : 0,
    });
    // At least 2.5 s apart: time to recover.
    tick +=
      ticks + 25 - Math.round((10 / perturbation.ratePerSec) * Math.log(1 - rng.next()) * 0.6);
  }
  return out;
}
