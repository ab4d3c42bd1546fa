/**
 * Structural similarity (Wang 2004), per channel and averaged:
 *
 *   ((2 μx μy + C1)(2 σxy + C2)) / ((μx² + μy² + C1)(σx² + σy² + C2)),   C = (K · range)²
 *
 * The mean is over pixels whose window lies inside of the picture, and inside of the mask where one is given.
 * "Blur-SSIM" blurs both pictures first: it compares layout and light, not texture.
 */
import { EvalError } from "../errors.ts";
import { gaussianKernel, separableFilter } from "./filters.ts";
import { channelOf, type PixelMask, type Raster, requireSameShape } from "./raster.ts";

export interface SsimOptions {
  /** Odd side of the window in pixels. */
  readonly window: number;
  /** Gaussian weights with sigma 1.5 instead of a box. */
  readonly isGaussian: boolean;
  /** Variances with n − 1 instead of n. */
  readonly sampleCovariance: boolean;
  readonly k1: number;
  readonly k2: number;
  /** Largest minus smallest possible value: 255 for bytes. */
  readonly range: number;
}
export const defaultSsim: SsimOptions = {
  window: 7,
  isGaussian: false,
  sampleCovariance: true,
  k1: 0.01,
  k2: 0.03,
  range: 255,
};

export interface SsimResult {
  /** null when no pixel counts: the mask is empty where windows fit. */
  readonly value: number | null;
  readonly perChannel: readonly (number | null)[];
  /** One map per channel, at every pixel; outside pixels mirror the edge. */
  readonly maps: readonly Float64Array[];
}

export function ssim(
  a: Raster,
  b: Raster,
  options: SsimOptions = defaultSsim,
  mask: PixelMask | null = null,
): SsimResult {
  requireSameShape(a, b, "SSIM");
  const channels = Array.from({ length: a.channels }, (_, c) => [channelOf(a, c), channelOf(b, c)]);
  return ssimOfChannels(channels as [Float64Array, Float64Array][], a, options, mask);
}

/** SSIM after a Gaussian blur of `kernel` pixels (odd) and `sigma`, borders reflected without repeating the edge. */
export function blurSsim(
  a: Raster,
  b: Raster,
  blur: { readonly kernel: number; readonly sigma: number },
  options: SsimOptions = defaultSsim,
  mask: PixelMask | null = null,
): SsimResult {
  requireSameShape(a, b, "blur-SSIM");
  const channels = Array.from(
    { length: a.channels },
    (_, c) => [blurred(a, c, blur), blurred(b, c, blur)] as const,
  );
  return ssimOfChannels(channels, a, options, mask);
}

/** One blurred channel, in doubles. */
export function blurred(
  raster: Raster,
  channel: number,
  blur: { readonly kernel: number; readonly sigma: number },
): Float64Array {
  const kernel = gaussianKernel(blur.kernel, blur.sigma);
  const { width, height } = raster;
  return separableFilter(channelOf(raster, channel), width, height, kernel, "reflect101");
}

function ssimOfChannels(
  channels: readonly (readonly [Float64Array, Float64Array])[],
  { width, height }: Raster,
  options: SsimOptions,
  mask: PixelMask | null,
): SsimResult {
  const { window, range } = options;
  if (window % 2 === 0 || width < window || height < window)
    throw new EvalError(
      "shape",
      `SSIM: a ${window} pixel window does not fit a ${width}x${height} picture; expected an odd window of at most ${Math.min(width, height)}`,
    );
  if (mask !== null && mask.length !== width * height)
    throw new EvalError(
      "shape",
      `SSIM: mask has ${mask.length} values; expected ${width}x${height} = ${width * height}`,
    );
  const kernel = options.isGaussian
    ? gaussianKernel(window, 1.5)
    : new Float64Array(window).fill(1 / window);
  const numPixels = window * window;
  const correction = options.sampleCovariance ? numPixels / (numPixels - 1) : 1;
  const c1 = (options.k1 * range) ** 2;
  const c2 = (options.k2 * range) ** 2;
  const filter = (pixels: Float64Array) =>
    separableFilter(pixels, width, height, kernel, "symmetric");
  const maps = channels.map(([x, y]) => {
    const ux = filter(x);
    const uy = filter(y);
    const xx = filter(x.map((v) => v * v));
    const yy = filter(y.map((v) => v * v));
    const xy = filter(x.map((v, i) => v * y[i]));
    return Float64Array.from(x, (_, i) => {
      const vx = correction * (xx[i] - ux[i] * ux[i]);
      const vy = correction * (yy[i] - uy[i] * uy[i]);
      const vxy = correction * (xy[i] - ux[i] * uy[i]);
      return (
        ((2 * ux[i] * uy[i] + c1) * (2 * vxy + c2)) /
        ((ux[i] * ux[i] + uy[i] * uy[i] + c1) * (vx + vy + c2))
      );
    });
  });
  const pad = (window - 1) / 2;
  const perChannel = maps.map((map) => {
    let sum = 0;
    let count = 0;
    for (let y = pad; y < height - pad; y++)
      for (let x = pad; x < width - pad; x++) {
        const i = y * width + x;
        if (mask !== null && mask[i] === 0) continue;
        sum += map[i];
        count += 1;
      }
    return count > 0 ? sum / count : null;
  });
  const value = perChannel.includes(null)
    ? null
    : perChannel.reduce((sum: number, v) => sum + (v as number), 0) / perChannel.length;
  return { value, perChannel, maps };
}

export function meanSquaredError(
  a: Raster,
  b: Raster,
  mask: PixelMask | null = null,
): number | null {
  requireSameShape(a, b, "MSE");
  let sum = 0;
  let count = 0;
  for (let i = 0; i < a.data.length; i++) {
    if (mask !== null && mask[Math.floor(i / a.channels)] === 0) continue;
    sum += (a.data[i] - b.data[i]) ** 2;
    count += 1;
  }
  return count > 0 ? sum / count : null;
}

/** 10 log10(range² / MSE) in dB; Infinity for equal pictures. */
export function psnr(
  a: Raster,
  b: Raster,
  range: number = 255,
  mask: PixelMask | null = null,
): number | null {
  const error = meanSquaredError(a, b, mask);
  return error === null ? null : 10 * Math.log10((range * range) / error);
}
