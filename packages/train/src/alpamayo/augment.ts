/** Changes of training moments: the mirror world, brightness, no navigation. All randomness comes from the caller. */
import type { LocalPath, RgbImage, Rng } from "@causeway/geom";
import { swapSides, withoutNavigation } from "@causeway/models";
import { RecipeError } from "../errors.ts";
import type { TrainRecipe } from "../recipe/schema.ts";
import type { LabelledMoment } from "./samples.ts";

const mirrorPath = (path: LocalPath): LocalPath => ({
  x: path.x,
  y: path.y.map((v) => -v),
  z: path.z,
  yaw: path.yaw.map((v) => -v),
});

function mirrorImage({ width, height, pixels }: RgbImage): RgbImage {
  const out = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      const to = (y * width + width - 1 - x) * 3;
      out[to] = pixels[from] as number;
      out[to + 1] = pixels[from + 1] as number;
      out[to + 2] = pixels[from + 2] as number;
    }
  return { width, height, pixels: out };
}

/** "camera_cross_left_120fov" ↔ "camera_cross_right_120fov"; names without a side stay. */
const mirrorCamera = (name: string): string =>
  name.replace(/left|right/, (side) => (side === "left" ? "right" : "left"));

/** The same moment seen in a mirror. Applying it twice gives the moment back. */
export function mirrorMoment(moment: LabelledMoment): LabelledMoment {
  const cameras = new Map<string, readonly RgbImage[]>();
  for (const [name, frames] of moment.input.cameras) {
    const target = mirrorCamera(name);
    if (!moment.input.cameras.has(target))
      throw new RecipeError(
        `augment.mirror: camera ${name} has no counterpart ${target} in this data; set augment.mirror to 0`,
      );
    cameras.set(target, frames.map(mirrorImage));
  }
  const { history, navText } = moment.input;
  return {
    input: {
      cameras,
      history: mirrorPath(history),
      navText: navText === null ? null : swapSides(navText),
    },
    future: mirrorPath(moment.future),
    cot: swapSides(moment.cot),
  };
}

/** Level → level for one sample: contrast around mid grey, then brightness. Null when nothing changes. */
export function drawLevels(
  augment: Pick<TrainRecipe["augment"], "brightness" | "contrast">,
  rng: Rng,
): Uint8Array | null {
  const contrast = 1 + rng.uniform(-augment.contrast, augment.contrast);
  const brightness = 255 * rng.uniform(-augment.brightness, augment.brightness);
  if (augment.contrast === 0 && augment.brightness === 0) return null;
  return Uint8Array.from({ length: 256 }, (_, level) =>
    Math.min(255, Math.max(0, Math.round((level - 128) * contrast + 128 + brightness))),
  );
}

/**
 * Whether a sample is shown without its navigation text, so that guidance has an unguided field to push away from. The
 * released recipes configure 0.1 and never apply it, which is what a recipe without the setting does.
 *
 * @param rng  Of the sample; a fork of it decides, so that other draws do not move.
 */
export const dropsNavigation = (
  { navigationDropout = 0 }: Pick<TrainRecipe["augment"], "navigationDropout">,
  rng: Rng,
): boolean => navigationDropout > 0 && rng.fork("navigation").next() < navigationDropout;

/** The moment without its navigation text. */
export const bareMoment = (moment: LabelledMoment): LabelledMoment => ({
  ...moment,
  input: withoutNavigation(moment.input),
});
