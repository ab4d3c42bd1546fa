/**
 * AdamW, Adam and SGD with PyTorch's semantics over flat buffers: all parameters of a model lie end to end in one
 * array, their gradients in a second one of the same layout, and groups give ranges of it their own learning rate
 * and weight decay. Update equations: Kingma and Ba 2014, Loshchilov and Hutter 2017 (decoupled decay), Reddi et al.
 * 2018 (AMSGrad), as torch.optim orders the operations.
 */
import { type AdamScalars, type FloatArray, type Kernels, adamPlain } from "./kernels.ts";

export type OptimizerConfig =
  | {
      /** "adamw" decays the weights directly, "adam" adds the decay to the gradient. */
      readonly kind: "adamw" | "adam";
      readonly beta1: number;
      readonly beta2: number;
      readonly eps: number;
      readonly amsgrad?: boolean;
    }
  | {
      readonly kind: "sgd";
      readonly momentum: number;
      readonly dampening?: number;
      readonly nesterov?: boolean;
    };

/** Elements [start, end) of the flat buffers. */
export interface FlatRange {
  readonly start: number;
  readonly end: number;
}

/** Ranges that share hyper-parameters. Elements in no group are frozen: never read, never written. */
export interface ParameterGroup {
  readonly ranges: readonly FlatRange[];
  /** Multiplies the step's learning rate. */
  readonly lrMultiplier: number;
  readonly weightDecay: number;
}

export interface Optimizer {
  readonly config: OptimizerConfig;
  /** State by PyTorch's names (exp_avg, exp_avg_sq, max_exp_avg_sq, momentum_buffer), laid out as the parameters. */
  readonly state: ReadonlyMap<string, FloatArray>;
  /** Number of steps taken; part of the state. */
  readonly stepCount: number;
  /** One update with the gradients times `gradScale` (the clipping coefficient, 1 / accumulation, …). */
  step(lr: number, gradScale?: number): void;
  /** For resuming: continues as if `count` steps had been taken. `state` arrays are set by the caller. */
  setStepCount(count: number): void;
}

export interface OptimizerBuffers {
  readonly parameters: FloatArray;
  readonly gradients: FloatArray;
  /**
   * Zeroed arrays for `stateNames(config)`, in that order. Default: fresh arrays beside the parameters. Give arena
   * buffers and their `kernels` for the SIMD path.
   */
  readonly state?: readonly FloatArray[];
  readonly kernels?: Kernels;
}

/** The state arrays that an optimiser keeps, by PyTorch's names. */
export function stateNames(config: OptimizerConfig): readonly string[] {
  if (config.kind === "sgd") return config.momentum === 0 ? [] : ["momentum_buffer"];
  return config.amsgrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"];
}

function checkGroups(groups: readonly ParameterGroup[], length: number): void {
  const ranges = groups.flatMap((g) => g.ranges).toSorted((a, b) => a.start - b.start);
  let before = 0;
  for (const { start, end } of ranges) {
    if (!(start >= before && end >= start && end <= length))
      throw new RangeError(
        `optimiser: range [${start}, ${end}) overlaps another group or leaves the ${length} parameters`,
      );
    before = end;
  }
}

export function createOptimizer(
  config: OptimizerConfig,
  groups: readonly ParameterGroup[],
  buffers: OptimizerBuffers,
): Optimizer {
  const { parameters: p, gradients: g, kernels } = buffers;
  if (g.length !== p.length)
    throw new RangeError(`optimiser: ${g.length} gradients for ${p.length} parameters`);
  checkGroups(groups, p.length);
  const names = stateNames(config);
  const arrays =
    buffers.state ??
    names.map(() =>
      p instanceof Float64Array ? new Float64Array(p.length) : new Float32Array(p.length),
    );
  if (arrays.length !== names.length || arrays.some((a) => a.length !== p.length))
    throw new RangeError(
      `optimiser: ${config.kind} needs ${names.length} state arrays of ${p.length} (${names.join(", ")})`,
    );
  let count = 0;

  const adam = (
    lr: number,
    gradScale: number,
    c: Extract<OptimizerConfig, { kind: "adam" | "adamw" }>,
  ): void => {
    const [m, v, maxV = null] = arrays as [FloatArray, FloatArray, FloatArray?];
    for (const group of groups) {
      const groupLr = lr * group.lrMultiplier;
      const scalars: AdamScalars = {
        decay: c.kind === "adamw" ? 1 - groupLr * group.weightDecay : 1,
        l2: c.kind === "adamw" ? 0 : group.weightDecay,
        gradScale,
        beta1: c.beta1,
        beta2: c.beta2,
        stepSize: groupLr / (1 - c.beta1 ** count),
        invSqrtCorrection2: 1 / Math.sqrt(1 - c.beta2 ** count),
        eps: c.eps,
      };
      for (const { start, end } of group.ranges) {
        if (kernels && maxV === null)
          kernels.adam(
            p as Float32Array,
            g as Float32Array,
            m as Float32Array,
            v as Float32Array,
            start,
            end,
            scalars,
          );
        else adamPlain(p, g, m, v, maxV, start, end, scalars);
      }
    }
  };

  const sgd = (
    lr: number,
    gradScale: number,
    c: Extract<OptimizerConfig, { kind: "sgd" }>,
  ): void => {
    const buffer = arrays[0];
    const { momentum, dampening = 0, nesterov = false } = c;
    for (const group of groups) {
      const step = lr * group.lrMultiplier;
      for (const { start, end } of group.ranges)
        for (let i = start; i < end; i++) {
          let d = (g[i] as number) * gradScale + group.weightDecay * (p[i] as number);
          if (buffer) {
            // The first step stores the gradient itself, undamped.
            const b = count === 1 ? d : momentum * (buffer[i] as number) + (1 - dampening) * d;
            buffer[i] = b;
            d = nesterov ? d + momentum * b : b;
          }
          p[i] = (p[i] as number) - step * d;
        }
    }
  };

  return {
    config,
    state: new Map(names.map((name, i) => [name, arrays[i] as FloatArray])),
    get stepCount() {
      return count;
    },
    step(lr, gradScale = 1) {
      count++;
      if (config.kind === "sgd") sgd(lr, gradScale, config);
      else adam(lr, gradScale, config);
    },
    setStepCount(n) {
      count = n;
    },
  };
}
