/**
 * Starting points with known structure, for models that are trained from scratch on little data. A released model starts
 * from pretrained weights and never needs them.
 *
 * - Patch embedding: cosine basis filters (low spatial frequencies first; brightness and two colour differences; mean and
 *   trend over the frames of a patch) instead of noise, so that a patch's colours, edges and motion are readable from the
 *   first step. Any rows left over stay random.
 * - Trajectory tokens: cosine features of the bin's place in its range, so that neighbouring bins start as neighbours
 *   in the input and, with tied embeddings, in the output.
 *
 * All of it is trained further.
 */
import type { Rng } from "@causeway/geom";
import type { VisionConfig } from "../qwen3vl/config.ts";

/** Brightness, red against green, blue against yellow. */
const colourAxes = [
  [1 / 3, 1 / 3, 1 / 3],
  [1, -1, 0],
  [-0.5, -0.5, 1],
] as const;

/** Rows [out, C * T * P * P] over patches laid out channel, time, y, x. Overwrites the rows it has filters for. */
export function fillPatchBasis(weight: Float32Array, vision: VisionConfig): void {
  const { hiddenSize, inChannels, temporalPatchSize: frames, patchSize: p } = vision;
  if (inChannels !== 3) return;
  const length = inChannels * frames * p * p;
  const filters: { cost: number; u: number; v: number; colour: number; trend: boolean }[] = [];
  for (let u = 0; u < 8; u++)
    for (let v = 0; v < 8; v++)
      for (let colour = 0; colour < 3; colour++)
        // Motion and colour are kept to lower frequencies than brightness.
        for (const trend of frames > 1 ? [false, true] : [false])
          filters.push({
            cost: u + v + (colour > 0 ? 1 : 0) + (trend ? 2 : 0),
            u,
            v,
            colour,
            trend,
          });
  filters.sort((a, b) => a.cost - b.cost);
  for (const [row, f] of filters.slice(0, hiddenSize).entries()) {
    const axis = colourAxes[f.colour] as readonly number[];
    // Natural pictures have little energy in high frequencies, colour differences and change: level it.
    const gain = (1 + f.u + f.v) * (f.colour > 0 ? 3 : 1) * (f.trend ? 3 : 1);
    for (let c = 0; c < 3; c++)
      for (let t = 0; t < frames; t++)
        for (let y = 0; y < p; y++)
          for (let x = 0; x < p; x++) {
            const overTime = f.trend ? (2 * t) / (frames - 1) - 1 : 1;
            const wave =
              Math.cos((Math.PI * f.u * (y + 0.5)) / p) * Math.cos((Math.PI * f.v * (x + 0.5)) / p);
            weight[row * length + ((c * frames + t) * p + y) * p + x] =
              (gain * (axis[c] as number) * overTime * wave) / (frames * p * p);
          }
  }
}

/** Rows [first, first + bins) of an embedding [V, C]: smooth random functions of the bin, of standard deviation `std`. */
export function fillOrdinalRows(
  embedding: Float32Array,
  options: { first: number; bins: number; width: number; std: number; rng: Rng },
): void {
  const { first, bins, width, std, rng } = options;
  const waves = 16;
  const mix = Float64Array.from({ length: waves * width }, () => rng.normal());
  const scale = std / Math.sqrt((waves + 1) / 2);
  for (let bin = 0; bin < bins; bin++)
    for (let c = 0; c < width; c++) {
      let sum = 0;
      for (let k = 0; k < waves; k++)
        sum += Math.cos((Math.PI * k * (bin + 0.5)) / bins) * (mix[k * width + c] as number);
      embedding[(first + bin) * width + c] = scale * sum;
    }
}
