/** Image quality as plain numbers, on pictures of a fixed small size so that cameras compare. */
import type { RgbImage } from "@causeway/geom";

/** Width that larger pictures are scored at; the height follows the camera. */
export const scoredWidth = 320;

export interface PictureScore {
  /** Mean luma, 0 (black) … 255. */
  readonly luma: number;
  /** Standard deviation of luma: a covered or fogged lens has little. */
  readonly contrast: number;
  /** Standard deviation of the 4-neighbour Laplacian: out of focus or smeared pictures have little. */
  readonly sharpness: number;
  /** Share of pixels at 250 and above. */
  readonly blownShare: number;
}

/** Rec. 601 luma, 0 … 255. */
export function lumaOf({ width, height, pixels }: RgbImage): Float32Array {
  const out = new Float32Array(width * height);
  for (let i = 0; i < out.length; i++) {
    out[i] = 0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2];
  }
  return out;
}

export function scorePicture(image: RgbImage): PictureScore {
  const luma = lumaOf(image);
  const { width, height } = image;
  let [sum, square, blown] = [0, 0, 0];
  for (const v of luma) {
    sum += v;
    square += v * v;
    if (v >= 250) blown++;
  }
  const mean = sum / luma.length;
  let [edge, edgeSquare, count] = [0, 0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const v = 4 * luma[i] - luma[i - 1] - luma[i + 1] - luma[i - width] - luma[i + width];
      edge += v;
      edgeSquare += v * v;
      count++;
    }
  }
  const edgeMean = count === 0 ? 0 : edge / count;
  return {
    luma: mean,
    contrast: Math.sqrt(Math.max(0, square / luma.length - mean * mean)),
    sharpness: count === 0 ? 0 : Math.sqrt(Math.max(0, edgeSquare / count - edgeMean * edgeMean)),
    blownShare: blown / luma.length,
  };
}

/** Nothing on it: next to no light and no structure. */
export const isBlack = (p: PictureScore): boolean => p.luma < 12 && p.contrast < 6;

/** Mean absolute difference of luma, 0 … 255. */
export function lumaDifference(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}
