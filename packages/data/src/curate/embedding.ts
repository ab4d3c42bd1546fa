/**
 * An embedding of a clip that needs no model: what the car did, and what it looked like. Two unit vectors side by side, so
 * the cosine of two clips is the weighted mean of both cosines, and clips count as duplicates only when motion and picture
 * both agree: the same place driven differently stays.
 *
 *   motion  speed, heading change, acceleration at 16 even times, centred and scaled to about 1, and a constant: without
 *           it only the direction would count, and a slight bend would equal a sharp one
 *   picture coarse luma and gradient directions (a histogram of oriented gradients on a grid) of one picture
 *
 * A clip without a picture has the motion alone, one without motion the picture alone, one with neither is all zeros. Source of the gradient features: Dalal and Triggs 2005, without block
 * overlap.
 */
import { type EgoMotion, motionSeries, type RgbImage } from "@causeway/geom";
import { lumaOf } from "./picture-score.ts";

const times = 16;
const motionDim = 3 * times + 1;
const grid = { columns: 12, rows: 8 } as const;
const cells = { columns: 6, rows: 4, directions: 8 } as const;
const lumaDim = grid.columns * grid.rows;
const gradientDim = cells.columns * cells.rows * cells.directions;

export const embeddingVersion = "causeway-motion-picture-1";
export const embeddingDim = motionDim + lumaDim + gradientDim;

/** Weights of the parts in the cosine; they sum to 1 when there is a picture. */
const weights = { motion: 0.5, luma: 0.2, gradient: 0.3 } as const;

/** @param motion null when there is none; @param picture any size; null when there is none */
export function embedClip(motion: EgoMotion | null, picture: RgbImage | null): Float32Array {
  const out = new Float32Array(embeddingDim);
  if (motion !== null) put(out, 0, motionPart(motion), picture === null ? 1 : weights.motion);
  if (picture !== null) {
    const share = motion === null ? weights.luma + weights.gradient : 1;
    put(out, motionDim, lumaPart(picture), weights.luma / share);
    put(out, motionDim + lumaDim, gradientPart(picture), weights.gradient / share);
  }
  return out;
}

/** Scales to length √share. */
function put(out: Float32Array, at: number, part: Float64Array, share: number): void {
  let square = 0;
  for (const v of part) square += v * v;
  const scale = square > 0 ? Math.sqrt(share / square) : 0;
  part.forEach((v, i) => {
    out[at + i] = v * scale;
  });
}

function motionPart(motion: EgoMotion): Float64Array {
  const series = motionSeries(motion);
  const n = series.stampUs.length;
  const out = new Float64Array(motionDim);
  for (let k = 0; k < times; k++) {
    const i = Math.round((k * (n - 1)) / (times - 1));
    // Centre and scale are fixed, not learnt: a vector must mean the same in every dataset.
    out[k] = (series.signedSpeedMps[i] - 8) / 6;
    out[times + k] = (series.yaw[i] - series.yaw[0]) / 0.4;
    out[2 * times + k] = series.accelMps2[i] / 1.5;
  }
  out[3 * times] = Math.sqrt(times);
  return out;
}

/** Mean luma per grid cell, less the picture's mean, so that exposure does not matter. */
function lumaPart(image: RgbImage): Float64Array {
  const luma = lumaOf(image);
  const sums = new Float64Array(lumaDim);
  const counts = new Float64Array(lumaDim);
  for (let y = 0; y < image.height; y++) {
    const row = Math.floor((y * grid.rows) / image.height) * grid.columns;
    for (let x = 0; x < image.width; x++) {
      const cell = row + Math.floor((x * grid.columns) / image.width);
      sums[cell] += luma[y * image.width + x];
      counts[cell]++;
    }
  }
  const means = sums.map((sum, i) => (counts[i] === 0 ? 0 : sum / counts[i]));
  const mean = means.reduce((a, b) => a + b, 0) / lumaDim;
  return means.map((v) => v - mean);
}

/** Gradient strength by direction (unsigned) per cell; square roots, less their mean, so that one edge does not rule. */
function gradientPart(image: RgbImage): Float64Array {
  const luma = lumaOf(image);
  const { width, height } = image;
  const out = new Float64Array(gradientDim);
  for (let y = 1; y < height - 1; y++) {
    const row = Math.floor((y * cells.rows) / height) * cells.columns;
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const [gx, gy] = [luma[i + 1] - luma[i - 1], luma[i + width] - luma[i - width]];
      const size = Math.hypot(gx, gy);
      if (size < 4) continue;
      const turn = (Math.atan2(gy, gx) / Math.PI + 1) % 1;
      const direction = Math.floor(turn * cells.directions) % cells.directions;
      const cell = row + Math.floor((x * cells.columns) / width);
      out[cell * cells.directions + direction] += size;
    }
  }
  const rooted = out.map(Math.sqrt);
  const mean = rooted.reduce((a, b) => a + b, 0) / gradientDim;
  return rooted.map((v) => v - mean);
}
