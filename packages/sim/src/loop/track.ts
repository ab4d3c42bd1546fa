/** Turns a plan into control: a preview tracker on the kinematic bicycle, or perfect tracking. */
import type { LocalPath } from "@causeway/geom";
import type { ExpertCommand } from "../expert/expert.ts";
import { type EgoState, tickSecs } from "../world/scene.ts";

/** A plan in the world, with its age: pose i is (i + 1) ticks after it was made. */
export interface ActivePlan {
  /** World poses: row 0 is the ego when the plan was made, row i + 1 is plan pose i. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly yaw: Float64Array;
  /** Arc length from row 0. */
  readonly s: Float64Array;
  readonly madeAtTick: number;
}

/** @returns null where the plan has a value that is not finite. */
export function activatePlan(path: LocalPath, ego: EgoState, tick: number): ActivePlan | null {
  const n = path.x.length;
  const c = Math.cos(ego.yaw);
  const s = Math.sin(ego.yaw);
  const out = {
    x: new Float64Array(n + 1),
    y: new Float64Array(n + 1),
    yaw: new Float64Array(n + 1),
    s: new Float64Array(n + 1),
    madeAtTick: tick,
  };
  out.x[0] = ego.x;
  out.y[0] = ego.y;
  out.yaw[0] = ego.yaw;
  for (let i = 0; i < n; i++) {
    const px = path.x[i];
    const py = path.y[i];
    const yaw = path.yaw[i];
    if (!Number.isFinite(px) || !Number.isFinite(py) || !Number.isFinite(yaw)) return null;
    out.x[i + 1] = ego.x + px * c - py * s;
    out.y[i + 1] = ego.y + px * s + py * c;
    out.yaw[i + 1] = ego.yaw + yaw;
    // Backward motion inside a forward plan is jitter: count the part along the heading only.
    const dx = out.x[i + 1] - out.x[i];
    const dy = out.y[i + 1] - out.y[i];
    const forward = dx * Math.cos(out.yaw[i]) + dy * Math.sin(out.yaw[i]);
    out.s[i + 1] = out.s[i] + Math.max(0, forward);
  }
  return out;
}

/** Speed is looked up this far ahead, and reached in this time, s. */
const speedPreviewSecs = 0.5;
const steerPreviewSecs = 0.8;
const minPreviewM = 3;

/** Pedals move at 4 m/s^3 (12 when braking hard), and the end of a stop is soft. */
function smooth(wanted: number, ego: EgoState): number {
  const most = (wanted < -3 ? 12 : 4) * tickSecs;
  const limited = Math.max(ego.accelMps2 - most, Math.min(ego.accelMps2 + most, wanted));
  return ego.speedMps < 1.2 ? Math.max(limited, -0.4 - 0.9 * ego.speedMps) : limited;
}

const sample = (values: Float64Array, row: number) => {
  const last = values.length - 1;
  const u = Math.max(0, Math.min(last, row));
  const i = Math.min(last - 1, Math.floor(u));
  return values[i] + (values[i + 1] - values[i]) * (u - i);
};

/**
 * Speed by preview, curvature by pure pursuit: the arc through the plan's point 0.8 s (at least 3 m) ahead.
 * Like AlpaSim's MPC, it mostly ignores the first tenths of a second of a plan.
 */
export function trackPlan(plan: ActivePlan, ego: EgoState, tick: number): ExpertCommand {
  const age = tick - plan.madeAtTick;
  const row = (secs: number) => age + secs / tickSecs;
  const near = sample(plan.s, row(speedPreviewSecs - 0.2));
  const far = sample(plan.s, row(speedPreviewSecs + 0.2));
  const speed = (far - near) / 0.4;
  const ahead = sample(plan.s, row(1)) - sample(plan.s, row(0));
  let accelMps2 = (speed - ego.speedMps) / speedPreviewSecs;
  // A plan that stays put within 1 s means "stand": do not creep on its noise.
  if (ahead < 0.12) accelMps2 = Math.min(accelMps2, ego.speedMps > 0.4 ? -2 : -1);
  accelMps2 = smooth(Math.max(-6.5, Math.min(3, accelMps2)), ego);

  const wanted = Math.max(minPreviewM, steerPreviewSecs * ego.speedMps);
  const here = sample(plan.s, row(0));
  const last = plan.s.length - 1;
  let i = Math.max(0, Math.min(last, Math.floor(row(0))));
  while (i < last && plan.s[i] - here < wanted) i++;
  const reach = plan.s[i] - here;
  // Too short a plan has no direction: hold the wheel.
  if (reach < 0.6) return { accelMps2, curvaturePerM: ego.curvaturePerM };
  const span = plan.s[i] - plan.s[i - 1];
  const u = span > 1e-6 ? Math.min(1, Math.max(0, (here + wanted - plan.s[i - 1]) / span)) : 1;
  const tx = plan.x[i - 1] + (plan.x[i] - plan.x[i - 1]) * u - ego.x;
  const ty = plan.y[i - 1] + (plan.y[i] - plan.y[i - 1]) * u - ego.y;
  const c = Math.cos(ego.yaw);
  const s = Math.sin(ego.yaw);
  const lx = tx * c + ty * s;
  const ly = -tx * s + ty * c;
  const d2 = lx * lx + ly * ly;
  return { accelMps2, curvaturePerM: (2 * ly) / Math.max(0.25, d2) };
}

/** Puts the ego on the plan's pose of the next tick. */
export function followPerfectly(plan: ActivePlan, ego: EgoState, tick: number): void {
  const last = plan.x.length - 1;
  const next = Math.min(last, tick + 1 - plan.madeAtTick);
  const here = Math.max(0, next - 1);
  const speed = (plan.s[next] - plan.s[here]) / tickSecs;
  const turn = plan.yaw[next] - ego.yaw;
  const dist = Math.hypot(plan.x[next] - ego.x, plan.y[next] - ego.y);
  ego.accelMps2 = (speed - ego.speedMps) / tickSecs;
  ego.curvaturePerM = dist > 0.02 ? turn / dist : ego.curvaturePerM;
  ego.speedMps = speed;
  ego.x = plan.x[next];
  ego.y = plan.y[next];
  ego.yaw = plan.yaw[next];
}
