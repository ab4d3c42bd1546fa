/**
 * Canny edges in integers, equal to OpenCV's masks bit for bit, and the F1 between two edge masks.
 * 3x3 Sobel with replicated edges; non-maximum suppression by sector (tan 22.5° = 13573 / 2^15); hysteresis over
 * 8-connected pixels.
 */
import { EvalError } from "../errors.ts";
import { type PixelMask, type Raster, toGray } from "./raster.ts";

export interface CannyOptions {
  readonly low: number;
  readonly high: number;
  /** √(gx² + gy²) instead of |gx| + |gy|. */
  readonly l2Gradient: boolean;
}
export const defaultCanny: CannyOptions = { low: 100, high: 200, l2Gradient: false };

const tan22 = 13573;

/** 1 where there is an edge. Colour is turned to gray first. */
export function canny(picture: Raster, options: CannyOptions = defaultCanny): Uint8Array {
  const { width, height, data } = toGray(picture);
  let low = Math.min(options.low, options.high);
  let high = Math.max(options.low, options.high);
  if (options.l2Gradient) {
    // Magnitudes stay squared, so thresholds are squared too.
    low = low > 0 ? Math.min(32767, low) ** 2 : low;
    high = high > 0 ? Math.min(32767, high) ** 2 : high;
  }
  low = Math.floor(low);
  high = Math.floor(high);

  const gx = new Int32Array(width * height);
  const gy = new Int32Array(width * height);
  // One pixel of zeros around the magnitudes: outside never wins.
  const stride = width + 2;
  const magnitude = new Int32Array(stride * (height + 2));
  for (let y = 0; y < height; y++) {
    const up = Math.max(y - 1, 0) * width;
    const mid = y * width;
    const down = Math.min(y + 1, height - 1) * width;
    for (let x = 0; x < width; x++) {
      const l = Math.max(x - 1, 0);
      const r = Math.min(x + 1, width - 1);
      const dx =
        data[up + r] -
        data[up + l] +
        2 * (data[mid + r] - data[mid + l]) +
        data[down + r] -
        data[down + l];
      const dy =
        data[down + l] -
        data[up + l] +
        2 * (data[down + x] - data[up + x]) +
        data[down + r] -
        data[up + r];
      gx[mid + x] = dx;
      gy[mid + x] = dy;
      magnitude[(y + 1) * stride + x + 1] = options.l2Gradient
        ? dx * dx + dy * dy
        : Math.abs(dx) + Math.abs(dy);
    }
  }

  /** 0 no edge, 1 candidate, 2 edge. */
  const state = new Uint8Array(stride * (height + 2));
  const strong: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y + 1) * stride + x + 1;
      const m = magnitude[at];
      if (m <= low) continue;
      const dx = gx[y * width + x];
      const dy = gy[y * width + x];
      const ax = Math.abs(dx);
      const ay = Math.abs(dy) * 32768;
      const flat = ax * tan22;
      let isMaximum: boolean;
      if (ay < flat) isMaximum = m > magnitude[at - 1] && m >= magnitude[at + 1];
      else if (ay > flat + ax * 65536)
        isMaximum = m > magnitude[at - stride] && m >= magnitude[at + stride];
      else {
        const s = (dx ^ dy) < 0 ? -1 : 1;
        isMaximum = m > magnitude[at - stride - s] && m > magnitude[at + stride + s];
      }
      if (!isMaximum) continue;
      state[at] = m > high ? 2 : 1;
      if (m > high) strong.push(at);
    }
  const around = [-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1];
  for (let at = strong.pop(); at !== undefined; at = strong.pop())
    for (const step of around)
      if (state[at + step] === 1) {
        state[at + step] = 2;
        strong.push(at + step);
      }

  const edges = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      edges[y * width + x] = Number(state[(y + 1) * stride + x + 1] === 2);
  return edges;
}

export interface EdgeScore {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  /** null where a denominator is 0. */
  readonly precision: number | null;
  readonly recall: number | null;
  /** 2 TP / (2 TP + FP + FN); null when both masks are empty. */
  readonly f1: number | null;
}

export function f1OfCounts(
  truePositives: number,
  falsePositives: number,
  falseNegatives: number,
): EdgeScore {
  const share = (a: number, b: number) => (b > 0 ? a / b : null);
  return {
    truePositives,
    falsePositives,
    falseNegatives,
    precision: share(truePositives, truePositives + falsePositives),
    recall: share(truePositives, truePositives + falseNegatives),
    f1: share(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives),
  };
}

/** Pixel by pixel; outside of the mask nothing counts. */
export function edgeF1(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  mask: PixelMask | null = null,
): EdgeScore {
  if (predicted.length !== truth.length || (mask !== null && mask.length !== truth.length))
    throw new EvalError(
      "shape",
      `Canny F1: masks of ${predicted.length} and ${truth.length} pixels${mask === null ? "" : `, region of ${mask.length}`}; expected the same size`,
    );
  let both = 0;
  let extra = 0;
  let missed = 0;
  for (let i = 0; i < truth.length; i++) {
    if (mask !== null && mask[i] === 0) continue;
    if (predicted[i] !== 0) {
      if (truth[i] !== 0) both += 1;
      else extra += 1;
    } else if (truth[i] !== 0) missed += 1;
  }
  return f1OfCounts(both, extra, missed);
}
