/** Pictures that carry their own number, so that a test can prove which frame a reader returned. */
import type { RgbImage } from "@causeway/geom";

const bits = 16;
const barRows = 12;

/** Grey picture whose bottom rows hold `number` in binary: white = 1, most significant bit left. */
export function numberedFrame(number: number, width = 160, height = 96): RgbImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = Math.floor((x * bits) / width);
      const isBar = y >= height - barRows;
      const value = isBar ? ((number >> (bits - 1 - bit)) & 1) * 255 : (x + y + 2 * number) % 256;
      pixels.fill(value, 3 * (y * width + x), 3 * (y * width + x) + 3);
    }
  }
  return { width, height, pixels };
}

/** The number in the bottom rows of a picture, which may have been compressed and resized. */
export function readFrameNumber({ width, height, pixels }: RgbImage): number {
  let number = 0;
  const y = height - Math.max(1, Math.round(barRows / 2));
  for (let bit = 0; bit < bits; bit++) {
    const x = Math.floor(((bit + 0.5) * width) / bits);
    number = number * 2 + Number(pixels[3 * (y * width + x)] > 127);
  }
  return number;
}
