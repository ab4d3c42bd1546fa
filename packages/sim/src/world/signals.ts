import type { LightColor } from "@causeway/data";
import type { Light } from "../road/network.ts";
import type { SignalPlan } from "./scene.ts";

/** A common two-axis programme. `offsetSecs` 0 starts with green on axis 0. */
export function twoPhaseSignal(
  junctionId: number,
  green0: number,
  green1: number,
  offsetSecs: number,
): SignalPlan {
  const yellow = 3;
  const clear = 1.2;
  return {
    junctionId,
    offsetSecs,
    phases: [
      { secs: green0, axis0: "green", axis1: "red" },
      { secs: yellow, axis0: "yellow", axis1: "red" },
      { secs: clear, axis0: "red", axis1: "red" },
      { secs: green1, axis0: "red", axis1: "green" },
      { secs: yellow, axis0: "red", axis1: "yellow" },
      { secs: clear, axis0: "red", axis1: "red" },
    ],
  };
}

/** Colour of an axis at a time. */
export function signalColor(plan: SignalPlan, axis: 0 | 1, secs: number): LightColor {
  let total = 0;
  for (const phase of plan.phases) total += phase.secs;
  let t = (secs + plan.offsetSecs) % total;
  if (t < 0) t += total;
  for (const phase of plan.phases) {
    // A tick belongs to the phase that it starts in; the epsilon keeps 0.1 s sums on their side.
    if (t < phase.secs - 1e-9) return axis === 0 ? phase.axis0 : phase.axis1;
    t -= phase.secs;
  }
  const first = plan.phases[0];
  return axis === 0 ? first.axis0 : first.axis1;
}

/** Colour of one light; "off" where the junction has no programme. */
export function lightColor(plans: readonly SignalPlan[], light: Light, secs: number): LightColor {
  for (const plan of plans) {
    if (plan.junctionId === light.junctionId) return signalColor(plan, light.axis, secs);
  }
  return "off";
}
