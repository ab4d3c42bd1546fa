/** Where the expert would drive from here: its own run in a copy of the world. */
import type { LocalPath } from "@causeway/geom";
import { stepBicycle } from "../vehicle/bicycle.ts";
import { type EgoState, tickSecs } from "../world/scene.ts";
import type { World } from "../world/world.ts";
import type { Expert, ExpertCommand } from "./expert.ts";

/** Rows of a plan: 6.4 s. */
export const planRows = 64;

export const newPlan = (): LocalPath => ({
  x: new Float64Array(planRows),
  y: new Float64Array(planRows),
  z: new Float64Array(planRows),
  yaw: new Float64Array(planRows),
});

/**
 * @param driver   A copy of the expert (`cloneForLookahead`), which is used up.
 * @param command  What it commands at this tick, where it was asked already; null: it is asked.
 * @returns path in the rig frame of `ego`, one row a tick, the first one tick ahead
 */
export function lookAhead(
  world: World,
  ego: EgoState,
  driver: Expert,
  command: ExpertCommand | null,
): LocalPath {
  const path = newPlan();
  const ahead = world.clone();
  const car = { ...ego };
  const c = Math.cos(ego.yaw);
  const s = Math.sin(ego.yaw);
  for (let i = 0; i < planRows; i++) {
    const next = i === 0 && command !== null ? command : driver.drive(ahead, car);
    ahead.step(car, driver.egoS);
    stepBicycle(car, next.accelMps2, next.curvaturePerM, tickSecs);
    const dx = car.x - ego.x;
    const dy = car.y - ego.y;
    path.x[i] = dx * c + dy * s;
    path.y[i] = -dx * s + dy * c;
    path.yaw[i] = car.yaw - ego.yaw;
  }
  return path;
}
