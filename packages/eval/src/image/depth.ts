/**
 * Depth errors up to an unknown scale: the prediction is scaled by median(truth) / median(prediction) over pixels
 * where both are positive (and in the mask), then compared.
 */
import { EvalError } from "../errors.ts";
import type { PixelMask } from "./raster.ts";

/** Medians of even counts: the mean of the two middle values, or the lower one as torch has it. */
export type MedianKind = "mean" | "lower";

export interface DepthErrors {
  readonly valid: number;
  /** Multiplies the prediction. All are null when no pixel is valid. */
  readonly ratio: number | null;
  readonly rmse: number | null;
  /** Of natural logarithms. */
  readonly logRmse: number | null;
  readonly absRel: number | null;
  /** Standard deviation of ln(pred) − ln(truth): free of any scale. */
  readonly siLogStd: number | null;
  /** Share of pixels within a factor of 1.25. */
  readonly delta125: number | null;
  /** Scale that minimises the squared error, and its RMSE. */
  readonly leastSquaresScale: number | null;
  readonly leastSquaresRmse: number | null;
}

function medianOf(values: Float64Array, kind: MedianKind): number {
  const sorted = values.toSorted();
  const low = sorted[(sorted.length - 1) >> 1];
  return kind === "lower" ? low : (low + sorted[sorted.length >> 1]) / 2;
}

export function depthErrors(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  options: { readonly median?: MedianKind; readonly mask?: PixelMask } = {},
): DepthErrors {
  const { median = "mean", mask } = options;
  if (truth.length !== predicted.length || (mask !== undefined && mask.length !== truth.length))
    throw new EvalError(
      "shape",
      `depth: ${predicted.length} predicted and ${truth.length} true values${mask === undefined ? "" : `, mask of ${mask.length}`}; expected the same size`,
    );
  const at: number[] = [];
  for (let i = 0; i < truth.length; i++)
    if (truth[i] > 0 && predicted[i] > 0 && (mask === undefined || mask[i] !== 0)) at.push(i);
  const n = at.length;
  const gt = Float64Array.from(at, (i) => truth[i]);
  const pred = Float64Array.from(at, (i) => predicted[i]);
  if (n === 0)
    return {
      valid: 0,
      ratio: null,
      rmse: null,
      logRmse: null,
      absRel: null,
      siLogStd: null,
      delta125: null,
      leastSquaresScale: null,
      leastSquaresRmse: null,
    };
  const ratio = medianOf(gt, median) / medianOf(pred, median);
  const mean = (of: (g: number, p: number) => number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += of(gt[i], pred[i]);
    return sum / n;
  };
  const rmse = (scale: number) => Math.sqrt(mean((g, p) => (g - scale * p) ** 2));
  const meanLog = mean((g, p) => Math.log(p) - Math.log(g));
  const scale = mean((g, p) => g * p) / mean((_, p) => p * p);
  return {
    valid: n,
    ratio,
    rmse: rmse(ratio),
    logRmse: Math.sqrt(mean((g, p) => (Math.log(g) - Math.log(ratio * p)) ** 2)),
    absRel: mean((g, p) => Math.abs(g - ratio * p) / g),
    // Deviations from the mean, not a difference of squares: exact multiples give exactly 0.
    siLogStd: Math.sqrt(mean((g, p) => (Math.log(p) - Math.log(g) - meanLog) ** 2)),
    delta125: mean((g, p) => Number(Math.max(g / (ratio * p), (ratio * p) / g) < 1.25)),
    leastSquaresScale: scale,
    leastSquaresRmse: rmse(scale),
  };
}
