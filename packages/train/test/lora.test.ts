/** Stage 1 by low-rank factors, on the real architecture at a tiny size. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@causeway/graph";
import { AlpamayoModel, mergeLora, readLora } from "@causeway/models";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStage1Task } from "../src/alpamayo/stage1.ts";
import { RecipeError } from "../src/errors.ts";
import { train } from "../src/loop/trainer.ts";
import { exampleRecipe } from "../src/recipe/example.ts";
import { parseRecipe } from "../src/recipe/parse.ts";
import type { Stage1Recipe } from "../src/recipe/schema.ts";
import { readCheckpoint } from "../src/run/checkpoint.ts";
import { initialLineage } from "../src/run/lineage.ts";
import { readMetrics } from "../src/run/logs.ts";
import { tinyModel, tinySamples } from "./fixtures/tiny-driver.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lora-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const recipe = (changes: Partial<Stage1Recipe> = {}): Stage1Recipe => ({
  ...exampleRecipe(),
  steps: 24,
  batch: { size: 4, accumulate: 1 },
  lr: 2e-2,
  weightDecay: 0,
  checkpoint: { everySteps: 12, keepLast: 3 },
  lora: { rank: 4, alpha: 8, targets: ["q_proj", "v_proj", "up_proj", "down_proj"] },
  ...changes,
});

async function run(given: Stage1Recipe, name: string, stopAt?: number) {
  const { codec, weights } = tinyModel();
  const samples = tinySamples(8);
  const task = await createStage1Task({ codec, weights, samples, recipe: given, threads: 1 });
  const stop = new AbortController();
  try {
    const runFolder = join(root, name);
    const result = await train(task, {
      runFolder,
      recipe: given,
      provenance: { versions: {}, commit: null, datasetFingerprint: "tiny" },
      lineage: initialLineage(["vision", "text", "expert", "action"]),
      signal: stop.signal,
      onProgress: ({ step }) => step === stopAt && stop.abort(),
    });
    const losses = readMetrics(join(runFolder, "metrics.jsonl")).map(
      (row) => row["loss"] as number,
    );
    return { ...result, losses, task };
  } finally {
    await task.dispose();
  }
}

const contents = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile())
      .map((e) => join(e.parentPath, e.name))
      .map((path) => [path.slice(folder.length), readFileSync(path).toString("base64")]),
  );

test("only factors learn; the checkpoint is the base with its adapter merged, and loads", async () => {
  const { checkpoint, losses, task } = await run(recipe(), "run");
  // 2 layers x 4 weights x 2 factors.
  expect(task.trainable.size).toBe(16);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.9);

  const { weights: base } = tinyModel();
  const { weights, lineage } = await readCheckpoint(checkpoint);
  expect([...weights.keys()].toSorted()).toEqual([...base.keys()].toSorted());
  const moved = [...base].filter(([name, { data }]) => {
    const other = weights.get(name)?.data as Float32Array;
    return data.some((v, i) => v !== other[i]);
  });
  expect(moved.map(([name]) => String(name.split(".").at(-2))).toSorted()).toEqual(
    ["down_proj", "q_proj", "up_proj", "v_proj"].flatMap((name) => [name, name]),
  );
  const adapter = await readLora(join(checkpoint, "adapter"));
  expect([adapter.rank, adapter.alpha]).toEqual([4, 8]);
  const merged = new Map<string, Tensor>(base);
  mergeLora(merged, adapter, "vlm.");
  for (const [name, { data }] of merged) expect(weights.get(name)?.data, name).toEqual(data);
  expect(lineage.modules["text"]?.state).toBe("trained");
  expect(lineage.modules["vision"]?.state).toBe("initial");
  await (await AlpamayoModel.load(checkpoint)).dispose();
});

test("a run begins with the model that it was given", async () => {
  const steps = { steps: 1, schedule: { kind: "constant", warmup: 0 } } as const;
  const { lora: _, ...plain } = recipe(steps);
  const [adapted, full] = [await run(recipe(steps), "adapted"), await run(plain, "full")];
  expect(adapted.losses[0]).toBeCloseTo(full.losses[0] as number, 5);
});

test.each([{}, { storage: "bfloat16" } as const])(
  "a stop and a second run end with the same bytes as no stop (%o)",
  async (changes) => {
    const whole = await run(recipe(changes), "whole");
    const first = await run(recipe(changes), "parts", 17);
    expect(first).toMatchObject({ step: 17, isFinished: false });
    const second = await run(recipe(changes), "parts");
    expect(second).toMatchObject({ isFinished: true, resumedFrom: 17 });
    expect(contents(second.checkpoint)).toEqual(contents(whole.checkpoint));
  },
);

test("a target that fits nothing is named with what there is", async () => {
  const wrong = { rank: 2, alpha: 2, targets: ["q_prj"] };
  await expect(run(recipe({ lora: wrong }), "run")).rejects.toThrow(
    /lora\.targets\[0\]: "q_prj" fits no weight of the language model\. Known: k_proj, v_proj, q_proj/,
  );
  expect(() => parseRecipe({ ...recipe(), lora: { ...wrong, rank: 0 } }, "x")).toThrow(RecipeError);
});
