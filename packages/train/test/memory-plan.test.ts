import { createRng } from "@causeway/geom";
import type { Tensor } from "@causeway/graph";
import { describe, expect, test } from "vitest";
import { createStage1Task } from "../src/alpamayo/stage1.ts";
import { createStage2Task } from "../src/alpamayo/stage2.ts";
import { checkMemory, type MemoryPlan, memoryText } from "../src/plan/memory-plan.ts";
import { exampleRecipe } from "../src/recipe/example.ts";
import type { Stage1Recipe, Stage2Recipe } from "../src/recipe/schema.ts";
import { tinyModel, tinySamples } from "./fixtures/tiny-driver.ts";

const stage1 = (changes: Partial<Stage1Recipe> = {}): Stage1Recipe => ({
  ...exampleRecipe(),
  batch: { size: 4, accumulate: 1 },
  ...changes,
});
const stage2 = (changes: Partial<Stage2Recipe> = {}): Stage2Recipe => {
  const { trajectoryInputDropout: _a, perception: _b, textWeights: _c, ...common } = stage1();
  return {
    ...common,
    stage: "stage2",
    drawsPerSample: 2,
    cachePrefix: false,
    pathWeight: null,
    ...changes,
  };
};

const taskOf = (recipe: Stage1Recipe | Stage2Recipe) => {
  const shared = { ...tinyModel(), samples: tinySamples(8), threads: 1 };
  return recipe.stage === "stage1"
    ? createStage1Task({ ...shared, recipe })
    : createStage2Task({ ...shared, recipe });
};

/** Loss and gradients of one batch at the start weights. */
async function oneStep(recipe: Stage1Recipe | Stage2Recipe) {
  const task = await taskOf(recipe);
  const zeros = (shape: readonly number[]): Tensor => ({
    dtype: "float32",
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });
  const gradients = new Map([...task.trainable].map(([name, shape]) => [name, zeros(shape)]));
  const parameters = new Map(
    [...task.trainable.keys()].map((name) => [name, task.weights.get(name) as Tensor]),
  );
  const batch = await task.prepare([0, 1, 2, 3], createRng(7));
  const { losses } = await task.run(batch, { parameters, gradients });
  await task.dispose();
  return { losses, gradients };
}

describe("recomputed activations", () => {
  test.each([
    ["stage 1", stage1],
    ["stage 2", stage2],
  ] as const)("give the loss and gradients of kept ones in %s", async (_, recipe) => {
    const kept = await oneStep(recipe());
    const again = await oneStep(recipe({ activations: "recompute" }));
    expect(again.losses["loss"]).toBeCloseTo(kept.losses["loss"] as number, 5);
    let largest = 0;
    for (const [name, { data }] of kept.gradients) {
      const other = again.gradients.get(name)?.data as Float32Array;
      let scale = 0;
      for (const v of data as Float32Array) scale = Math.max(scale, Math.abs(v));
      largest = Math.max(largest, scale);
      (data as Float32Array).forEach((v, i) =>
        expect(Math.abs(v - (other[i] as number)), name).toBeLessThan(1e-4 * scale + 1e-7),
      );
    }
    expect(largest).toBeGreaterThan(1e-4);
  });
});

describe("the memory plan", () => {
  const planOf = async (recipe: Stage1Recipe | Stage2Recipe): Promise<MemoryPlan> => {
    const task = await taskOf(recipe);
    await task.dispose();
    return task.memory as MemoryPlan;
  };

  test("counts weights, masters, gradients and moments exactly and sees what a recipe changes", async () => {
    const plain = await planOf(stage1());
    const { weights } = tinyModel();
    const numAll = [...weights.values()].reduce((n, { data }) => n + data.length, 0);
    expect(plain.numTrained + plain.numFrozen).toBe(numAll);
    expect(plain.weights).toBe(4 * numAll);
    expect(plain.trained).toBe(8 * plain.numTrained);
    expect(plain.optimizer).toBe(8 * plain.numTrained);
    const accumulated = await planOf(stage1({ batch: { size: 4, accumulate: 2 } }));
    expect(accumulated.trained).toBe(12 * plain.numTrained);
    const frozen = await planOf(
      stage1({ modules: { freeze: ["vlm.model.visual.*"], lrMultipliers: [] } }),
    );
    expect(frozen.numTrained).toBeLessThan(plain.numTrained);
    expect(frozen.activations).toBeLessThan(plain.activations);
    const recomputed = await planOf(stage1({ activations: "recompute" }));
    expect(recomputed.activations).toBeLessThan(0.9 * plain.activations);
    const plain2 = await planOf(stage2());
    const cached = await planOf(stage2({ cachePrefix: true }));
    expect(plain2.kept).toBe(0);
    // Keys and values of 8 samples: two full groups of 4.
    const { text } = tinyModel().codec.config.vlm;
    const perToken = 2 * text.numLayers * text.numKvHeads * text.headDim * 4;
    expect(cached.kept % (8 * perToken)).toBe(0);
    expect(cached.kept / (8 * perToken)).toBeGreaterThan(20);
    const small = await planOf(stage1({ batch: { size: 2, accumulate: 1 } }));
    expect(small.activations / plain.activations).toBeCloseTo(0.5, 1);
  });

  test("refuses what cannot fit, with the numbers and what would help", async () => {
    const plan = await planOf(stage1());
    expect(() => checkMemory(plan, plan.total)).not.toThrow();
    expect(() => checkMemory(plan, plan.total - 1)).toThrow(
      /memory: about 0\.\d\d GB for .* trained and .* frozen weights .* but only 0\.\d\d GB is available\. What would help: /,
    );
    const huge = { ...plan, activations: 40e9, total: 41e9 };
    expect(() => checkMemory(huge, 20e9)).toThrow(/batch\.size, or activations: "recompute"/);
    expect(memoryText(huge)).toContain("activations 40.00 GB");
  });
});
