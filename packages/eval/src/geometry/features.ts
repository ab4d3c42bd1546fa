/**
 * Points and matches between two pictures on the CPU: Harris corners, spread over the picture, with upright BRIEF
 * descriptors (Calonder 2010) and mutual nearest neighbours under a ratio test (Lowe 2004).
 *
 * Made for neighbouring frames and for rectified cameras side by side, where pictures differ by a small motion. It does
 * not follow large turns or changes of scale, which learned matchers do; give matches of those from a file.
 */
import { createRng } from "@causeway/geom";
import { gaussianKernel, separableFilter } from "../image/filters.ts";
import { channelOf, type Raster, toGray } from "../image/raster.ts";
import type { Matches } from "./epipolar.ts";

export interface FeatureOptions {
  readonly maxPoints: number;
  /** Side of the cells that share the points, px: no corner of the picture takes all of them. */
  readonly cellPx: number;
  /** Corners weaker than this share of the strongest are left out. */
  readonly quality: number;
}
export const defaultFeatures: FeatureOptions = { maxPoints: 1000, cellPx: 48, quality: 1e-4 };

/** x and y interleaved, px, sub-pixel; descriptors of 8 words of 32 bits each. */
export interface Features {
  readonly points: Float64Array;
  readonly descriptors: Uint32Array;
}

/** Pixels around a point that its descriptor looks at. */
const patchRadius = 15;
const wordsPerPoint = 8;

/** Pairs of offsets, Gaussian around the point as in the original; fixed, so that descriptors compare across runs. */
const pairs: Int8Array = (() => {
  const rng = createRng(0xb71ef);
  const offset = () => {
    for (;;) {
      const v = Math.round(rng.normal() * 6);
      if (Math.abs(v) <= patchRadius) return v;
    }
  };
  return Int8Array.from({ length: wordsPerPoint * 32 * 4 }, offset);
})();

export function detectFeatures(
  picture: Raster,
  options: FeatureOptions = defaultFeatures,
): Features {
  const { width, height } = picture;
  const gray = channelOf(toGray(picture), 0);
  const response = harris(gray, width, height);
  const margin = patchRadius + 2;
  const cells = new Map<number, { at: number; value: number }[]>();
  let strongest = 0;
  const numColumns = Math.ceil(width / options.cellPx);
  for (let y = margin; y < height - margin; y++)
    for (let x = margin; x < width - margin; x++) {
      const at = y * width + x;
      const value = response[at];
      if (value <= 0 || !isPeak(response, at, width)) continue;
      strongest = Math.max(strongest, value);
      const cell = Math.floor(y / options.cellPx) * numColumns + Math.floor(x / options.cellPx);
      const list = cells.get(cell);
      if (list === undefined) cells.set(cell, [{ at, value }]);
      else list.push({ at, value });
    }
  const perCell = Math.max(1, Math.ceil(options.maxPoints / Math.max(1, cells.size)));
  const least = strongest * options.quality;
  const chosen = [...cells.values()]
    .flatMap((list) => list.sort((a, b) => b.value - a.value || a.at - b.at).slice(0, perCell))
    .filter((p) => p.value >= least)
    .sort((a, b) => b.value - a.value || a.at - b.at)
    .slice(0, options.maxPoints);
  // A blur makes single comparisons robust against noise.
  const smooth = separableFilter(gray, width, height, gaussianKernel(9, 2), "reflect101");
  const points = new Float64Array(2 * chosen.length);
  const descriptors = new Uint32Array(wordsPerPoint * chosen.length);
  chosen.forEach(({ at }, i) => {
    const dx = vertexOf(response[at - 1], response[at], response[at + 1]);
    const dy = vertexOf(response[at - width], response[at], response[at + width]);
    points[2 * i] = (at % width) + dx;
    points[2 * i + 1] = Math.floor(at / width) + dy;
    for (let word = 0; word < wordsPerPoint; word++) {
      let bits = 0;
      for (let b = 0; b < 32; b++) {
        const p = (word * 32 + b) * 4;
        const first = smooth[at + pairs[p + 1] * width + pairs[p]];
        const second = smooth[at + pairs[p + 3] * width + pairs[p + 2]];
        bits = (bits << 1) | Number(first < second);
      }
      descriptors[wordsPerPoint * i + word] = bits;
    }
  });
  return { points, descriptors };
}

/** det M − 0.04 tr² M of the gradient's second moments in a Gaussian window. */
function harris(gray: Float64Array, width: number, height: number): Float64Array {
  const xx = new Float64Array(gray.length);
  const xy = new Float64Array(gray.length);
  const yy = new Float64Array(gray.length);
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const gx = (gray[at + 1] - gray[at - 1]) / 2;
      const gy = (gray[at + width] - gray[at - width]) / 2;
      xx[at] = gx * gx;
      xy[at] = gx * gy;
      yy[at] = gy * gy;
    }
  const kernel = gaussianKernel(7, 1.5);
  const [a, b, c] = [xx, xy, yy].map((m) =>
    separableFilter(m, width, height, kernel, "reflect101"),
  );
  return a.map((v, i) => v * c[i] - b[i] * b[i] - 0.04 * (v + c[i]) ** 2);
}

function isPeak(response: Float64Array, at: number, width: number): boolean {
  const value = response[at];
  for (let dy = -2; dy <= 2; dy++)
    for (let dx = -2; dx <= 2; dx++) {
      const other = response[at + dy * width + dx];
      if (other > value || (other === value && dy * width + dx < 0)) return false;
    }
  return true;
}

/** Where the parabola through three values has its top, from the middle one. */
function vertexOf(left: number, middle: number, right: number): number {
  const curvature = left - 2 * middle + right;
  return curvature < 0 ? Math.max(-0.5, Math.min(0.5, (left - right) / (2 * curvature))) : 0;
}

export interface MatchOptions {
  /** The best distance must be below this share of the second best. */
  readonly ratio: number;
  /** Largest Hamming distance of 256 bits. */
  readonly maxDistance: number;
  /** Farthest that a point may move, px; null for any distance. */
  readonly maxShiftPx: number | null;
}
export const defaultMatching: MatchOptions = { ratio: 0.8, maxDistance: 56, maxShiftPx: null };

const bitsOf = (word: number): number => {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
};

/** Best and second best partner in `b` of every point of `a`; −1 without one. */
function nearest(a: Features, b: Features, options: MatchOptions): Int32Array {
  const numA = a.points.length / 2;
  const numB = b.points.length / 2;
  const out = new Int32Array(numA).fill(-1);
  const reach = options.maxShiftPx === null ? Number.POSITIVE_INFINITY : options.maxShiftPx ** 2;
  for (let i = 0; i < numA; i++) {
    let best = 257;
    let second = 257;
    let at = -1;
    for (let j = 0; j < numB; j++) {
      const dx = a.points[2 * i] - b.points[2 * j];
      const dy = a.points[2 * i + 1] - b.points[2 * j + 1];
      if (dx * dx + dy * dy > reach) continue;
      let distance = 0;
      for (let w = 0; w < wordsPerPoint && distance < second; w++)
        distance += bitsOf(
          a.descriptors[wordsPerPoint * i + w] ^ b.descriptors[wordsPerPoint * j + w],
        );
      if (distance < best) {
        second = best;
        best = distance;
        at = j;
      } else if (distance < second) second = distance;
    }
    if (best <= options.maxDistance && best < options.ratio * second) out[i] = at;
  }
  return out;
}

/** Points that are each other's nearest. */
export function matchFeatures(
  a: Features,
  b: Features,
  options: MatchOptions = defaultMatching,
): { readonly p0: Float64Array; readonly p1: Float64Array } & Matches {
  const forward = nearest(a, b, options);
  const back = nearest(b, a, options);
  const p0: number[] = [];
  const p1: number[] = [];
  forward.forEach((j, i) => {
    if (j < 0 || back[j] !== i) return;
    p0.push(a.points[2 * i], a.points[2 * i + 1]);
    p1.push(b.points[2 * j], b.points[2 * j + 1]);
  });
  return { p0: Float64Array.from(p0), p1: Float64Array.from(p1) };
}
