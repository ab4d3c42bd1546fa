/**
 * The reward of the released reinforcement learning (alpamayo-recipes b790b8e), for comparison only: it is not what a
 * reward should be. Kept as they are: missing or odd ids silently become trajectory (the lowest bin, or the nearest), the
 * comfort flags fail on the repeated last sample of a difference, and the term for the reasoning grade has the wrong
 * sign, so that a perfect grade adds nothing and a barely passing one adds all of its weight.
 */
import { type ActionSpace, createQuantiser, type LocalPath } from "@causeway/geom";
import type { AlpamayoConfig } from "./config.ts";

/** Each series must lie strictly inside at all steps (nuPlan's bounds): m/s², m/s³, rad/s², rad/s. */
export const upstreamComfortBounds = {
  lon_accel: [-4.05, 2.4],
  lat_accel: [-4.89, 4.89],
  jerk: [-8.37, 8.37],
  lon_jerk: [-4.13, 4.13],
  yaw_accel: [-1.93, 1.93],
  yaw_rate: [-0.95, 0.95],
} as const;
export type ComfortKind = keyof typeof upstreamComfortBounds;
export const comfortKinds = Object.keys(upstreamComfortBounds) as readonly ComfortKind[];

/** Future bins of a completion: after its last start token, up to the end token; zeros for what is missing. */
export function upstreamFutureBins(completion: string, bins: number, count: number): Int32Array {
  const start = completion.lastIndexOf("<|traj_future_start|>");
  const rest = start < 0 ? completion : completion.slice(start);
  const end = rest.indexOf("<|traj_future_end|>");
  const ids = [...(end < 0 ? rest : rest.slice(0, end)).matchAll(/<i(\d+)>/g)];
  return Int32Array.from({ length: count }, (_, i) => Math.min(bins - 1, Number(ids[i]?.[1] ?? 0)));
}

/** Path of the bins of a completion, from the speed that the history shows. */
export function upstreamPath(
  completion: string,
  { futureTokens }: Pick<AlpamayoConfig, "futureTokens">,
  space: ActionSpace,
  history: LocalPath,
): LocalPath {
  const { bins, min, max, count } = futureTokens;
  const quantiser = createQuantiser(bins, min, max);
  const local = upstreamFutureBins(completion, bins, count);
  return space.decode(Float64Array.from(local, quantiser.decode), { history });
}

/** Forward difference over the step; the last value is repeated, which is where the artefacts come from. */
function difference(values: Float64Array, dtSecs: number): Float64Array {
  const last = values.length - 1;
  const out = new Float64Array(values.length);
  for (let i = 0; i < last; i++)
    out[i] = ((values[i + 1] as number) - (values[i] as number)) / dtSecs;
  out[last] = out[last - 1] as number;
  return out;
}

/** Series that the flags look at, one value per step. */
export function upstreamDynamics(
  path: Pick<LocalPath, "x" | "y" | "yaw">,
  dtSecs: number,
): Readonly<Record<ComfortKind, Float64Array>> {
  const d = (values: Float64Array) => difference(values, dtSecs);
  const [vx, vy] = [d(Float64Array.from(path.x)), d(Float64Array.from(path.y))];
  const each = (of: (vx: number, vy: number, yaw: number) => number) =>
    vx.map((value, i) => of(value, vy[i] as number, path.yaw[i] as number));
  const lonAccel = d(each((x, y, yaw) => x * Math.cos(yaw) + y * Math.sin(yaw)));
  const yawRate = d(Float64Array.from(path.yaw));
  return {
    lon_accel: lonAccel,
    // Of the sideways speed in the body, not the centripetal one: nearly 0 but for the last two steps.
    lat_accel: d(each((x, y, yaw) => y * Math.cos(yaw) - x * Math.sin(yaw))),
    jerk: d(d(each((x, y) => Math.hypot(x, y)))),
    lon_jerk: d(lonAccel),
    yaw_accel: d(yawRate),
    yaw_rate: yawRate,
  };
}

export function upstreamComfort(dynamics: Readonly<Record<ComfortKind, Float64Array>>): {
  readonly flags: Readonly<Record<ComfortKind, 0 | 1>>;
  /** Mean of the flags, minus 1. */
  readonly score: number;
} {
  const flags = Object.fromEntries(
    comfortKinds.map((kind) => {
      const [low, high] = upstreamComfortBounds[kind];
      return [kind, dynamics[kind].every((v) => v > low && v < high) ? 1 : 0];
    }),
  ) as Record<ComfortKind, 0 | 1>;
  const passed = comfortKinds.reduce((sum, kind) => sum + flags[kind], 0);
  return { flags, score: passed / comfortKinds.length - 1 };
}

/** Beyond this mean distance in metres every reward is -1. */
const farM = 3;

/** Trajectory and comfort. */
export function upstreamReward(
  adeM: number,
  comfort: number,
  weights: { readonly trajectory: number; readonly comfort: number },
): number {
  return adeM < farM ? (-weights.trajectory * adeM) / farM + weights.comfort * comfort : -1;
}

/** The words that upstream grades: before the first `<|cot_end|>`, after the last start if there is one; else nothing. */
export function upstreamReasoning(completion: string): string {
  const end = completion.indexOf("<|cot_end|>");
  return end < 0 ? "" : (completion.slice(0, end).split("<|cot_start|>").at(-1) as string).trim();
}

/**
 * With a grade of the reasoning in [0, 1].
 *
 * @param reference  The reasoning that the grader compared with; an empty one is never graded.
 */
export function upstreamRewardWithReasoning(
  adeM: number,
  comfort: number,
  reasoning: { readonly text: string; readonly reference: string; readonly grade: number },
  weights: { readonly trajectory: number; readonly comfort: number; readonly reasoning: number },
): { readonly reasoningScore: number; readonly reward: number } {
  const isGraded = reasoning.text !== "" && reasoning.reference !== "";
  const reasoningScore = isGraded ? Math.fround(Math.fround(reasoning.grade) - 1) : -1;
  const worst = -0.4;
  const passes = isGraded && reasoningScore > worst && adeM < farM;
  return {
    reasoningScore,
    reward: passes
      ? upstreamReward(adeM, comfort, weights) + (weights.reasoning * reasoningScore) / worst
      : -1,
  };
}
