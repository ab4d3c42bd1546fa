/**
 * Stage 1 by low-rank factors: the language model's weights rest, W + scale B A is what passes read, A and B are what
 * the optimiser moves. A starts uniform within 1 / sqrt(in), as PEFT's does, B at zero, so that a run begins with the
 * model that it was given.
 */
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import type { Tensor } from "@causeway/graph";
import {
  type LoraAdapter,
  type LoraShape,
  loraA,
  loraB,
  mergeLora,
  writeLora,
} from "@causeway/models";
import { RecipeError } from "../errors.ts";
import type { TrainTask } from "../loop/task.ts";
import type { Stage1Recipe } from "../recipe/schema.ts";

const prefix = "vlm.";
const layers = `${prefix}model.language_model.layers.`;

export interface LoraPlan {
  /** By weight name. */
  readonly adapted: LoraShape;
  /** Shapes of all factors by name: what is trained. */
  readonly factors: ReadonlyMap<string, readonly number[]>;
}

/** The weights that a recipe adapts; null when it has no `lora`. */
export function loraPlan(
  { lora }: Pick<Stage1Recipe, "lora">,
  weights: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): LoraPlan | null {
  if (lora === undefined) return null;
  const adapted = new Map<string, { readonly rank: number; readonly scale: number }>();
  const factors = new Map<string, readonly number[]>();
  const linear = [...weights].filter(
    ([name, w]) => name.startsWith(layers) && w.shape.length === 2,
  );
  lora.targets.forEach((target, i) => {
    const fitting = linear.filter(([name]) => name.endsWith(`.${target}.weight`));
    if (fitting.length === 0)
      throw new RecipeError(
        `lora.targets[${i}]: "${target}" fits no weight of the language model. Known: ${[...new Set(linear.map(([name]) => name.split(".").at(-2)))].join(", ")}`,
      );
    for (const [name, { shape }] of fitting) {
      const [out, width] = shape as [number, number];
      adapted.set(name, { rank: lora.rank, scale: lora.alpha / lora.rank });
      factors.set(loraA(name), [lora.rank, width]);
      factors.set(loraB(name), [out, lora.rank]);
    }
  });
  return { adapted, factors };
}

export function initialFactors({ factors }: LoraPlan, seed: number): Map<string, Tensor> {
  const root = createRng(seed).fork("lora");
  return new Map(
    [...factors].map(([name, shape]) => {
      const [rows, width] = shape as [number, number];
      const data = new Float32Array(rows * width);
      const rng = root.fork(name);
      if (name.endsWith(".lora_A.weight"))
        for (let i = 0; i < data.length; i++) data[i] = (2 * rng.next() - 1) / Math.sqrt(width);
      return [name, { dtype: "float32", shape, data }];
    }),
  );
}

/** The factors as an adapter in PEFT's form, under the names of the backbone alone. */
export function adapterOf(
  { adapted }: LoraPlan,
  lora: NonNullable<Stage1Recipe["lora"]>,
  weights: ReadonlyMap<string, Tensor>,
): LoraAdapter {
  const part = (name: string) => {
    const { shape, data } = weights.get(name) as Tensor;
    return { shape, data: data as Float32Array };
  };
  return {
    rank: lora.rank,
    alpha: lora.alpha,
    targetModules: lora.targets,
    factors: new Map(
      [...adapted].map(([name, { scale }]) => [
        name.slice(prefix.length),
        { a: part(loraA(name)), b: part(loraB(name)), scale },
      ]),
    ),
    configJson: null,
  };
}

/** Checkpoints hold the model with the factors merged in, and the adapter alone in `adapter/`. */
export const loraExport = (
  plan: LoraPlan,
  lora: NonNullable<Stage1Recipe["lora"]>,
): NonNullable<TrainTask<unknown>["exported"]> => ({
  weights(all) {
    const merged = new Map([...all].filter(([name]) => !plan.factors.has(name)));
    mergeLora(merged, adapterOf(plan, lora, all), prefix);
    return merged;
  },
  write: (folder, all) => writeLora(join(folder, "adapter"), adapterOf(plan, lora, all)),
});
