/**
 * Disturbances after DART (Laskey et al. 2017): for a while the car follows a line beside the one that the expert wants,
 * smoothly, then the expert takes it back, and the log holds the recovery. The motion before a recovery looks like any
 * other, so that only the pictures tell where the lane is: a learner that goes on as it went is wrong here. What this
 * leaves out: noise fitted to a learner's error.
 */
import type { Rng } from "@causeway/geom";

export interface Perturbation {
  /** Largest offset of the line that is followed, m; drawn from a quarter of it up. */
  readonly lineM: number;
  /** Typical acceleration error, m/s^2, in a third of the pushes. */
  readonly accelMps2: number;
  /** Least time between pushes, s: a plan of 6.4 s must be whole before the next. */
  readonly clearSecs: number;
}

export const defaultPerturbation: Perturbation = { lineM: 1.4, accelMps2: 1.2, clearSecs: 8 };

export interface Push {
  readonly startTick: number;
  readonly endTick: number;
  /** Offset of the line that is followed, left positive, m. */
  readonly lineM: number;
  readonly accelMps2: number;
}

/** Draws all pushes of a drive beforehand, so that they do not depend on how it goes. */
export function drawPushes(rng: Rng, perturbation: Perturbation, numTicks: number): Push[] {
  const out: Push[] = [];
  let tick = rng.int(12);
  while (tick < numTicks) {
    const ticks = 10 + rng.int(16);
    const side = rng.next() < 0.5 ? -1 : 1;
    out.push({
      startTick: tick,
      endTick: tick + ticks,
      lineM: side * perturbation.lineM * rng.uniform(0.25, 1),
      accelMps2: rng.next() < 0.35 ? perturbation.accelMps2 * rng.uniform(-1.3, 1.3) : 0,
    });
    tick += ticks + Math.round(10 * perturbation.clearSecs) + rng.int(8);
  }
  return out;
}
