/** Kinematic bicycle about the rear axle: x' = v cos h, y' = v sin h, h' = v k, with k = tan(steer) / wheelbase. */
import { type EgoState, egoGeometry } from "../world/scene.ts";

/** Limits of the car: 35 degrees of steering, about 0.6 rad/s of it, brakes and engine. */
export const vehicleLimits = {
  maxCurvaturePerM: Math.tan((35 * Math.PI) / 180) / egoGeometry.wheelbaseM,
  steerRateRadPerSec: 0.7,
  maxAccelMps2: 4,
  maxDecelMps2: 8,
} as const;

/** One step with constant acceleration and curvature; never rolls backwards. Exact for constant curvature. */
export function stepBicycle(
  ego: EgoState,
  accelMps2: number,
  curvaturePerM: number,
  dtSecs: number,
): void {
  const v0 = ego.speedMps;
  const wanted = Math.max(
    -vehicleLimits.maxDecelMps2,
    Math.min(vehicleLimits.maxAccelMps2, accelMps2),
  );
  const v1 = Math.max(0, v0 + wanted * dtSecs);
  const length = egoGeometry.wheelbaseM;
  const steerNow = Math.atan(ego.curvaturePerM * length);
  const steerWanted = Math.atan(
    Math.max(
      -vehicleLimits.maxCurvaturePerM,
      Math.min(vehicleLimits.maxCurvaturePerM, curvaturePerM),
    ) * length,
  );
  const most = vehicleLimits.steerRateRadPerSec * dtSecs;
  const steer = steerNow + Math.max(-most, Math.min(most, steerWanted - steerNow));
  const kappa = Math.tan(steer) / length;
  const dist = 0.5 * (v0 + v1) * dtSecs;
  const turn = dist * kappa;
  const mid = ego.yaw + 0.5 * turn;
  const chord = Math.abs(turn) < 1e-6 ? dist : (2 * Math.sin(0.5 * turn)) / kappa;
  ego.x += chord * Math.cos(mid);
  ego.y += chord * Math.sin(mid);
  ego.yaw += turn;
  ego.speedMps = v1;
  ego.accelMps2 = (v1 - v0) / dtSecs;
  ego.curvaturePerM = kappa;
}
