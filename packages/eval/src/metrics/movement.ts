/**
 * What the car really did over the plan's horizon, from the logged path alone. Errors hide in the rare movements:
 * most recordings go straight on, and a model that always does so looks good in the mean.
 */
import type { LocalPath } from "@causeway/geom";

/** In the order of tables. */
export const movements = [
  "standing",
  "stopping",
  "moving off",
  "straight",
  "bend left",
  "bend right",
  "turn left",
  "turn right",
] as const;
export type Movement = (typeof movements)[number];

/** Heading change that makes a turn, and one that makes a bend, rad over the horizon. */
const turnRad = 0.35;
const bendRad = 0.1;
/** Slower than this counts as standing, m/s. */
const standingMps = 0.5;
/** Less than this over the whole horizon counts as not moving, m. */
const standingM = 1;

/**
 * Movement of a logged future (rows 0.1 s apart, rig frame at t0, so the path starts at the origin with heading 0).
 * Stopping and moving off come before turns: they are what the plan must get right there.
 */
export function movementOf(future: LocalPath): Movement {
  const n = future.x.length;
  let lengthM = 0;
  for (let i = 0; i < n; i++) {
    const fromX = i === 0 ? 0 : future.x[i - 1];
    const fromY = i === 0 ? 0 : future.y[i - 1];
    lengthM += Math.hypot(future.x[i] - fromX, future.y[i] - fromY);
  }
  if (lengthM < standingM) return "standing";
  const step = (i: number) =>
    Math.hypot(
      future.x[i] - (i === 0 ? 0 : future.x[i - 1]),
      future.y[i] - (i === 0 ? 0 : future.y[i - 1]),
    ) / 0.1;
  const first = step(0);
  const last = step(n - 1);
  if (first < standingMps && last >= standingMps) return "moving off";
  if (last < standingMps) return "stopping";
  const turned = future.yaw[n - 1];
  const side = turned > 0 ? "left" : "right";
  if (Math.abs(turned) >= turnRad) return `turn ${side}`;
  if (Math.abs(turned) >= bendRad) return `bend ${side}`;
  return "straight";
}
