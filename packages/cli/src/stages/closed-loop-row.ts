import type { ClosedLoopRow } from "@causeway/eval";
import { type ClosedLoopResult, comfortBounds, type TickRecord } from "@causeway/sim";

const tickSecs = 0.1;

/** Share of the driven ticks within the EPDMS comfort bounds (acceleration, jerk, yaw rate); 1 when none was driven. */
export function comfortShare(ticks: readonly Pick<TickRecord, "ego" | "warmup">[]): number {
  const b = comfortBounds;
  let driven = 0;
  let comfortable = 0;
  for (let i = 1; i < ticks.length; i++) {
    const { ego, warmup } = ticks[i] as TickRecord;
    const before = (ticks[i - 1] as TickRecord).ego;
    if (warmup) continue;
    driven++;
    const lateral = ego.speedMps ** 2 * ego.curvaturePerM;
    const jerk = (ego.accelMps2 - before.accelMps2) / tickSecs;
    const yawRate = ego.speedMps * ego.curvaturePerM;
    if (
      ego.accelMps2 >= b.minLonAccelMps2 &&
      ego.accelMps2 <= b.maxLonAccelMps2 &&
      Math.abs(lateral) <= b.maxLatAccelMps2 &&
      Math.abs(jerk) <= b.maxLonJerkMps3 &&
      Math.abs(yawRate) <= b.maxYawRateRadps
    )
      comfortable++;
  }
  return driven === 0 ? 1 : comfortable / driven;
}

export function closedLoopRow(result: ClosedLoopResult): ClosedLoopRow {
  const { metrics } = result;
  const isInvalid = result.end === "invalid_plan";
  return {
    policy: result.policy,
    sceneId: result.sceneId,
    kind: result.kind,
    seed: result.seed,
    status: isInvalid ? "failed" : "ok",
    error: isInvalid ? "the driver gave a plan that is no path (a value is not finite)" : null,
    score: result.score,
    collisionAtFault: metrics.collisionAtFault,
    collisionAny: metrics.collisionAny,
    offroad: metrics.offroad,
    redLight: metrics.redLight,
    stopSign: metrics.stopSign,
    wrongLane: metrics.wrongLane,
    progress: Math.min(1, Math.max(0, result.progress)),
    comfort: comfortShare(result.ticks),
    minDistanceM: Number.isFinite(metrics.minDistanceToObstacleM)
      ? metrics.minDistanceToObstacleM
      : null,
    km: metrics.distTraveledM / 1000,
    durationSecs: result.steps * tickSecs,
  };
}
