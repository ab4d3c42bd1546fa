/**
 * Flow matching between noise (t = 0) and action (t = 1): x_t = t x + (1 - t) ε, target velocity x - ε.
 * Times lean towards noise as in π0 (arXiv 2410.24164): t = 0.999 (1 - Beta(1.5, 1)).
 */
import type { Rng } from "@causeway/geom";
import { flowTime } from "@causeway/graph";

export { flowTime };

export interface FlowSample {
  /** Flow time per row, [B]. */
  readonly time: Float32Array;
  /** x_t, same layout as the action. */
  readonly noisy: Float32Array;
  /** x - ε. */
  readonly target: Float32Array;
}

/** Mixes actions with given noise at given times; `perRow` values belong to each row. */
export function flowSample(
  action: Float32Array,
  noise: Float32Array,
  time: Float32Array,
  perRow: number,
): FlowSample {
  const noisy = new Float32Array(action.length);
  const target = new Float32Array(action.length);
  for (let i = 0; i < action.length; i++) {
    const t = time[Math.floor(i / perRow)] as number;
    const x = action[i] as number;
    const e = noise[i] as number;
    noisy[i] = Math.fround(t * x) + Math.fround(Math.fround(1 - t) * e);
    target[i] = x - e;
  }
  return { time, noisy, target };
}

/** Draws noise and times for rows of actions. */
export function drawFlowSample(rng: Rng, action: Float32Array, perRow: number): FlowSample {
  const noise = Float32Array.from(action, () => rng.normal());
  const time = Float32Array.from({ length: action.length / perRow }, () => flowTime(rng.next()));
  return flowSample(action, noise, time, perRow);
}

/** float32 linspace(0, 1, steps + 1) as torch makes it: from both ends to the middle. */
export function flowTimes(steps: number): Float32Array {
  const step = Math.fround(1 / steps);
  const out = new Float32Array(steps + 1);
  for (let i = 0; i <= steps; i++) {
    out[i] =
      i < (steps + 1) / 2
        ? Math.fround(i * step)
        : Math.fround(1 - Math.fround((steps - i) * step));
  }
  return out;
}

/** One Euler step x + dt v, in float32. */
export function eulerStep(x: Float32Array, velocity: Float32Array, dt: number): Float32Array {
  return x.map((value, i) => value + Math.fround(dt * (velocity[i] as number)));
}

/**
 * Integrates from noise to action; the field is evaluated at the start of each step, never at t = 1.
 *
 * @param start  Noise, already times the temperature.
 * @param field  Velocity at (x, t).
 * @returns every state, `start` first.
 */
export async function integrateFlow(
  start: Float32Array,
  steps: number,
  field: (x: Float32Array, t: number) => Promise<Float32Array> | Float32Array,
): Promise<Float32Array[]> {
  const times = flowTimes(steps);
  const states = [start];
  for (let i = 0; i < steps; i++) {
    const x = states.at(-1) as Float32Array;
    const t = times[i] as number;
    states.push(eulerStep(x, await field(x, t), Math.fround((times[i + 1] as number) - t)));
  }
  return states;
}

/** Guidance (1 - w) unguided + w guided, in float32. */
export function guide(unguided: Float32Array, guided: Float32Array, weight: number): Float32Array {
  const keep = Math.fround(1 - weight);
  return guided.map(
    (value, i) => Math.fround(keep * (unguided[i] as number)) + Math.fround(weight * value),
  );
}
