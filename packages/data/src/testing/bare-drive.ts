import type { Drive } from "../drive.ts";
import { newMotion } from "../motion-columns.ts";

/** Rear axle on the plane, world frame, left positive. */
export interface PlanarState {
  readonly x: number;
  /** Default 0. */
  readonly y?: number;
  /** Default 0. */
  readonly yawRad?: number;
  /** Along the heading. */
  readonly speedMps: number;
}

/** Straight ahead from the origin, a state every 0.1 s, both ends included. */
export const straightStates = (secs: number, speedMps: number): PlanarState[] =>
  Array.from({ length: Math.round(secs * 10) + 1 }, (_, i) => ({
    x: (speedMps * i) / 10,
    speedMps,
  }));

/**
 * A drive that has its motion and nothing else; `more` adds to it or replaces.
 *
 * @param states at 10 Hz from time 0; none: a drive without ego motion
 */
export function bareDrive(
  id: string,
  states: readonly PlanarState[],
  more: Partial<Drive> = {},
): Drive {
  const egoMotion = newMotion(Float64Array.from(states, (_, i) => i * 100_000));
  states.forEach(({ x, y = 0, yawRad = 0, speedMps }, i) => {
    egoMotion.x[i] = x;
    egoMotion.y[i] = y;
    egoMotion.qw[i] = Math.cos(yawRad / 2);
    egoMotion.qz[i] = Math.sin(yawRad / 2);
    egoMotion.vx[i] = speedMps * Math.cos(yawRad);
    egoMotion.vy[i] = speedMps * Math.sin(yawRad);
  });
  return {
    id,
    source: { format: "test", licence: "CC0-1.0", scenario: null, seed: null, notes: [] },
    durationUs: egoMotion.stampUs.at(-1) ?? 0,
    egoMotion,
    egoSize: null,
    cameras: [],
    actors: null,
    lights: null,
    map: null,
    route: null,
    decisions: null,
    ...more,
  };
}
