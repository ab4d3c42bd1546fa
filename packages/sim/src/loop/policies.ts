/** Drivers to compare with: constant velocity, and the privileged expert as the upper end. */
import type { Expert } from "../expert/expert.ts";
import type { Observation, Plan, Policy } from "../policy.ts";
import { lookAhead, newPlan, planRows } from "../expert/look-ahead.ts";
import { type EgoState, tickSecs } from "../world/scene.ts";
import type { World } from "../world/world.ts";

/** Straight on at the present speed. */
export function constantVelocityPolicy(): Policy {
  return {
    name: "constant_velocity",
    act: async (observations) =>
      observations.map((observation): Plan => {
        const path = newPlan();
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
        const { world, ego, expert } = truth;
        const path = lookAhead(world, ego, expert.cloneForLookahead(), expert.lastCommand);
        return { path, reasoning: describe(expert) };
      }),
  };
}

function describe(expert: Expert): string {
  const { longitudinal, lateral, lateralSide, causeIds, components } = expert.decision;
  const causes = causeIds.map((id) => components.find((c) => c.id === id)?.kind ?? id).join(", ");
  return `${longitudinal}, ${lateral}${lateralSide === null ? "" : ` ${lateralSide}`}: ${causes}`;
}
