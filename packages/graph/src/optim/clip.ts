/** Gradient clipping by global norm with the semantics of torch.nn.utils.clip_grad_norm_. */
import { type FloatArray, type Kernels, sumSquaresPlain } from "./kernels.ts";
import type { FlatRange } from "./optimizer.ts";

/** p-norm over the ranges of a flat gradient; `normType` 2, 1, any positive number, or Infinity. */
export function gradNorm(
  gradients: FloatArray,
  ranges: readonly FlatRange[],
  options: { normType?: number; kernels?: Kernels } = {},
): number {
  const { normType = 2, kernels } = options;
  if (normType === 2) {
    let sum = 0;
    for (const { start, end } of ranges)
      sum +=
        kernels && gradients instanceof Float32Array
          ? kernels.sumSquares(gradients, start, end)
          : sumSquaresPlain(gradients, start, end);
    return Math.sqrt(sum);
  }
  let total = 0;
  for (const { start, end } of ranges)
    for (let i = start; i < end; i++) {
      const x = Math.abs(gradients[i] as number);
      if (normType === Number.POSITIVE_INFINITY) total = x > total || Number.isNaN(x) ? x : total;
      else total += x ** normType;
      if (Number.isNaN(total)) return Number.NaN;
    }
  return normType === Number.POSITIVE_INFINITY ? total : total ** (1 / normType);
}

/**
 * min(1, maxNorm / (norm + 1e-6)): what gradients are multiplied by. The 1e-6 means that a norm of exactly `maxNorm`
 * is scaled by 0.999999. An infinite norm gives 0 (infinite entries become NaN), NaN gives NaN.
 */
export const clipCoefficient = (norm: number, maxNorm: number): number =>
  Number.isNaN(norm) ? Number.NaN : Math.min(1, maxNorm / (norm + 1e-6));
