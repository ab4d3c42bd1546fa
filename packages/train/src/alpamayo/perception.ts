/**
 * Targets of the perception loss for one moment: what stands in each cell (from labels) and, in every cell, where the
 * driven path goes (from the future itself), since lane geometry is spread over the whole picture.
 */
import type { LocalPath } from "@causeway/geom";
import { perceptionChannels } from "@causeway/label";
import type { PerceptionShape } from "@causeway/models";
import { RecipeError } from "../errors.ts";
import type { Stage1Recipe } from "../recipe/schema.ts";
import type { LabelledSamples } from "./samples.ts";

/** Distances along the path, m, at which its offset to the left is asked. */
const pathDistancesM = [4, 8, 14, 22, 32];
/** Offsets that map to 0 (right) and 1 (left), m: near the car a few decimetres decide, far off only the bend does. */
const pathSpansM = [0.8, 2, 4, 8, 14];
const pathWeight = 4;
const numThings = perceptionChannels.length;
export const numPerceptionChannels: number = numThings + pathDistancesM.length;

/** (offset / span + 1) / 2 in [0, 1] at each distance; NaN where the car stops short of it. */
export function pathTargets(future: LocalPath): number[] {
  const out: number[] = [];
  let travelled = 0;
  let [x, y] = [0, 0];
  for (let i = 0; i < future.x.length && out.length < pathDistancesM.length; i++) {
    const [nextX, nextY] = [future.x[i] as number, future.y[i] as number];
    const step = Math.hypot(nextX - x, nextY - y);
    for (;;) {
      const wanted = pathDistancesM[out.length];
      if (wanted === undefined || travelled + step < wanted) break;
      const part = step === 0 ? 0 : (wanted - travelled) / step;
      const offset = y + part * (nextY - y);
      const span = pathSpansM[out.length] as number;
      out.push(Math.min(1, Math.max(0, (offset / span + 1) / 2)));
    }
    travelled += step;
    [x, y] = [nextX, nextY];
  }
  while (out.length < pathDistancesM.length) out.push(Number.NaN);
  return out;
}

/** Tokens x `numPerceptionChannels` of a moment. @param seen Tokens x things. */
export function withPathTargets(seen: Float32Array, future: LocalPath): Float32Array {
  const path = pathTargets(future);
  const tokens = seen.length / numThings;
  const out = new Float32Array(tokens * numPerceptionChannels);
  for (let t = 0; t < tokens; t++) {
    out.set(seen.subarray(t * numThings, (t + 1) * numThings), t * numPerceptionChannels);
    out.set(path, t * numPerceptionChannels + numThings);
  }
  return out;
}

/** Samples that the rates of things are counted on. */
const maxCounted = 2000;

/** Shape of the perception loss, rare things weighted up to 8 times; undefined when the recipe does without. */
export function perceptionShape(
  samples: LabelledSamples,
  recipe: Stage1Recipe,
): PerceptionShape | undefined {
  if (recipe.perception === null) return undefined;
  if (recipe.augment.mirror > 0)
    throw new RecipeError("perception: not with augment.mirror, whose pictures it does not follow");
  const rates = new Float64Array(numThings);
  const step = Math.max(1, Math.floor(samples.length / maxCounted));
  let cells = 0;
  for (let i = 0; i < samples.length; i += step) {
    const seen = samples.perception?.(i) ?? null;
    if (seen === null)
      throw new RecipeError(
        `perception: sample ${samples.id(i)} has no truth to learn from; set perception to null for recorded drives`,
      );
    cells += seen.length / numThings;
    seen.forEach((value, k) => {
      rates[k % numThings] = (rates[k % numThings] as number) + value;
    });
  }
  return shapeOfRates(
    recipe.perception.weight,
    [...rates].map((n) => n / cells),
  );
}

/** The same shape before any sample is there: weights are even, sizes are right. */
export const plannedPerception = ({
  perception,
}: Pick<Stage1Recipe, "perception">): PerceptionShape | undefined =>
  perception === null
    ? undefined
    : shapeOfRates(
        perception.weight,
        Array.from({ length: numThings }, () => 0.1),
      );

function shapeOfRates(weight: number, rates: readonly number[]): PerceptionShape {
  const path = pathDistancesM.map(() => pathWeight);
  return {
    channels: numPerceptionChannels,
    weight,
    positiveWeights: rates.map((r) => Math.min(8, 0.3 / Math.sqrt(r + 1e-4))).concat(path),
    negativeWeights: rates.map(() => 1).concat(path),
  };
}
