/** Optional marks on the pictures: the number and time of each, for models that lose count of frames. */
import { decodeImage, encodeJpeg } from "@causeway/data";
import type { RgbImage } from "@causeway/geom";
import type { CameraPictures } from "./window.ts";

export type Overlay = "none" | "time";
export const overlays: readonly Overlay[] = ["none", "time"];

/** 3x5 dots per character, one row of bits each. */
const glyphs: Readonly<Record<string, readonly number[]>> = {
  "0": [7, 5, 5, 5, 7],
  "1": [2, 6, 2, 2, 7],
  "2": [7, 1, 7, 4, 7],
  "3": [7, 1, 7, 1, 7],
  "4": [5, 5, 7, 1, 1],
  "5": [7, 4, 7, 1, 7],
  "6": [7, 4, 7, 5, 7],
  "7": [7, 1, 1, 1, 1],
  "8": [7, 5, 7, 5, 7],
  "9": [7, 5, 7, 1, 7],
  "+": [0, 2, 7, 2, 0],
  "-": [0, 0, 7, 0, 0],
  ".": [0, 0, 0, 0, 2],
  ":": [0, 2, 0, 2, 0],
  s: [3, 4, 2, 1, 6],
  " ": [0, 0, 0, 0, 0],
};

/** Writes into the upper left corner, white on black; about a twentieth of the height. */
export function drawText(image: RgbImage, text: string): RgbImage {
  const { width, height } = image;
  const pixels = image.pixels.slice();
  const dot = Math.max(1, Math.round(height / 120));
  const put = (x: number, y: number, value: number) => {
    if (x >= width || y >= height) return;
    pixels.fill(value, 3 * (y * width + x), 3 * (y * width + x) + 3);
  };
  for (let y = 0; y < 7 * dot; y++)
    for (let x = 0; x < (4 * text.length + 1) * dot; x++) {
      const column = Math.floor(x / dot) - 1;
      const row = Math.floor(y / dot) - 1;
      const glyph = glyphs[text[column >> 2] ?? " "] ?? glyphs[" "];
      const bit = column >= 0 && column % 4 < 3 ? (glyph[row] ?? 0) >> (2 - (column % 4)) : 0;
      put(x, y, bit & 1 ? 255 : 0);
    }
  return { ...image, pixels };
}

export async function overlayPictures(
  cameras: readonly CameraPictures[],
  overlay: Overlay,
): Promise<readonly CameraPictures[]> {
  if (overlay === "none") return cameras;
  let n = 0;
  const out: CameraPictures[] = [];
  for (const { camera, pictures } of cameras) {
    const drawn = [];
    for (const p of pictures) {
      const label = `${n++}: ${p.secs >= 0 ? "+" : "-"}${Math.abs(p.secs).toFixed(1)} s`;
      const image = drawText(await decodeImage(p.bytes, { where: camera }), label);
      drawn.push({ ...p, bytes: await encodeJpeg(image), mime: "image/jpeg" });
    }
    out.push({ camera, pictures: drawn });
  }
  return out;
}
