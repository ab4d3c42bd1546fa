/** Drivers to compare with: constant velocity, and the privileged expert as the upper end. */
import type { LocalPath } from "@causeway/geom";
import type { Expert } from "../expert/expert.ts";
import type { Observation, Plan, Policy } from "../policy.ts";
import { stepBicycle } from "../vehicle/bicycle.ts";
import { type EgoState, tickSecs } from "../world/scene.ts";
import type { World } from "../world/world.ts";

const planRows = 64;

const newPath = (): LocalPath => ({
  x: new Float64Array(planRows),
  y: new Float64Array(planRows),
  z: new Float64Array(planRows),
  yaw: new Float64Array(planRows),
});

/** Straight on at the present speed. */
export function constantVelocityPolicy(): Policy {
  return {
    name: "constant_velocity",
    act: async (observations) =>
      observations.map((observation): Plan => {
        const path = newPath();
        for (let i = 0; i < planRows; i++) path.x[i] = observation.speedMps * tickSecs * (i + 1);
        return { path, reasoning: null };
      }),
  };
}

/** The truth that a privileged policy gets, live, by its own channel. Read only. */
export interface SceneTruth {
  readonly world: World;
  readonly ego: EgoState;
  /** The loop's own expert, which has watched every tick so far. */
  readonly expert: Expert;
}

/** A policy that sees truth: for upper bounds and checks, never for a model. */
export interface PrivilegedPolicy extends Policy {
  attach(sceneId: string, truth: SceneTruth): void;
  detach(sceneId: string): void;
}

export const isPrivileged = (policy: Policy): policy is PrivilegedPolicy =>
  "attach" in policy && typeof policy.attach === "function";

/** The expert as a policy: each plan is its own run, 6.4 s ahead, in a copy of the world. */
export function expertPolicy(): PrivilegedPolicy {
  const truths = new Map<string, SceneTruth>();
  return {
    name: "expert",
    attach: (sceneId, truth) => {
      truths.set(sceneId, truth);
    },
    detach: (sceneId) => {
      truths.delete(sceneId);
    },
    act: async (observations: readonly Observation[]) =>
      observations.map((observation): Plan => {
        const truth = truths.get(observation.sceneId);
        if (truth === undefined) {
          throw new Error(
            `expertPolicy: no truth for scene "${observation.sceneId}"; it drives only in runClosedLoop, which attaches it`,
          );
        }
        return { path: lookAhead(truth), reasoning: describe(truth.expert) };
      }),
  };
}

function lookAhead({ world, ego, expert }: SceneTruth): LocalPath {
  const path = newPath();
  const ahead = world.clone();
  const driver = expert.cloneForLookahead();
  const car = { ...ego };
  const c = Math.cos(ego.yaw);
  const s = Math.sin(ego.yaw);
  let command = expert.lastCommand;
  for (let i = 0; i < planRows; i++) {
    if (i > 0) command = driver.drive(ahead, car);
    ahead.step(car, driver.egoS);
    stepBicycle(car, command.accelMps2, command.curvaturePerM, tickSecs);
    const dx = car.x - ego.x;
    const dy = car.y - ego.y;
    path.x[i] = dx * c + dy * s;
    path.y[i] = -dx * s + dy * c;
    path.yaw[i] = car.yaw - ego.yaw;
  }
  return path;
}

function describe(expert: Expert): string {
  const { longitudinal, lateral, lateralSide, causeIds, components } = expert.decision;
  const causes = causeIds.map((id) => components.find((c) => c.id === id)?.kind ?? id).join(", ");
  return `${longitudinal}, ${lateral}${lateralSide === null ? "" : ` ${lateralSide}`}: ${causes}`;
}
