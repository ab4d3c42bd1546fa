import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import type { Tensor } from "@causeway/graph";
import { AlpamayoModel } from "@causeway/models";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exampleReader } from "../src/alpamayo/model-task.ts";
import { rowSizes } from "../src/alpamayo/row-sizes.ts";
import { createStage1Task, dropTrajectoryInputs } from "../src/alpamayo/stage1.ts";
import { createStage2Task } from "../src/alpamayo/stage2.ts";
import { train } from "../src/loop/trainer.ts";
import { exampleRecipe } from "../src/recipe/example.ts";
import type { Stage1Recipe, Stage2Recipe } from "../src/recipe/schema.ts";
import { readCheckpoint } from "../src/run/checkpoint.ts";
import { initialLineage, type Lineage } from "../src/run/lineage.ts";
import { readMetrics } from "../src/run/logs.ts";
import { tinyModel, tinySamples } from "./fixtures/tiny-driver.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "stages-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const stage1Recipe = (changes: Partial<Stage1Recipe> = {}): Stage1Recipe => ({
  ...exampleRecipe(),
  steps: 12,
  batch: { size: 4, accumulate: 1 },
  lr: 3e-3,
  augment: { mirror: 0.5, brightness: 0.1, contrast: 0.1 },
  trajectoryInputDropout: { probability: 0.3, replacement: "random" },
  ...changes,
});
const stage2Recipe = (changes: Partial<Stage2Recipe> = {}): Stage2Recipe => {
  const { trajectoryInputDropout: _dropout, ...common } = stage1Recipe();
  return {
    ...common,
    stage: "stage2",
    drawsPerSample: 2,
    cachePrefix: false,
    pathWeight: null,
    ...changes,
  };
};
const samples = tinySamples();
const fresh = initialLineage(["vision", "text", "expert", "action"]);

const run = async (
  recipe: Stage1Recipe | Stage2Recipe,
  options: {
    folder?: string;
    model?: ReturnType<typeof tinyModel>;
    lineage?: Lineage;
    stopAt?: number;
    validateEvery?: number;
  } = {},
) => {
  const stop = new AbortController();
  const validation = options.validateEvery && {
    validation: { samples: tinySamples(9), everySteps: options.validateEvery },
  };
  const shared = { ...(options.model ?? tinyModel()), samples, threads: 1, ...validation };
  const task =
    recipe.stage === "stage1"
      ? await createStage1Task({ ...shared, recipe })
      : await createStage2Task({ ...shared, recipe });
  try {
    return await train(task, {
      runFolder: join(root, options.folder ?? recipe.stage),
      recipe,
      provenance: { versions: {}, commit: null, datasetFingerprint: "tiny" },
      lineage: options.lineage ?? fresh,
      signal: stop.signal,
      onProgress: ({ step }) => step === options.stopAt && stop.abort(),
    });
  } finally {
    await task.dispose();
  }
};

/** Loss curves are snapshots of our own; the tolerance covers other processors' rounding over a few steps. */
function expectCurve(name: string, losses: readonly number[]): void {
  const path = join(import.meta.dirname, "golden/losses", `${name}.txt`);
  if (process.env["UPDATE_GOLDENS"] === "1" || !existsSync(path)) {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, losses.map((loss, i) => `${i + 1} ${loss}\n`).join(""));
  }
  const expected = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[1]));
  expect(losses.length).toBe(expected.length);
  losses.forEach((loss, i) => {
    const e = expected[i] as number;
    expect(Math.abs(loss - e) / e, `step ${i + 1}: ${loss}, golden ${e}`).toBeLessThan(2e-4);
  });
}
const curve = (folder: string): number[] =>
  readMetrics(join(root, folder, "metrics.jsonl")).map((row) => row["loss"] as number);
const bytes = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((f) => [f, readFileSync(join(folder, f)).toString("base64")]),
  );

describe("stage 1", () => {
  test("follows its loss curve, trains the language model only, and its checkpoint is a model folder", async () => {
    const { checkpoint } = await run(stage1Recipe());
    expectCurve("stage1-tiny", curve("stage1"));
    const before = tinyModel();
    const { weights, lineage } = await readCheckpoint(checkpoint);
    const text = (t: Tensor | undefined) => String(t?.data);
    const changed = [...weights].filter(([name, t]) => text(t) !== text(before.weights.get(name)));
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.every(([name]) => name.startsWith("vlm."))).toBe(true);
    expect(lineage.modules["expert"]?.state).toBe("initial");
    const model = await AlpamayoModel.load(checkpoint);
    expect(model.codec.manifest).toEqual(before.codec.manifest);
  });

  test("learns: the loss halves in 60 steps", async () => {
    await run(
      stage1Recipe({
        steps: 60,
        augment: { mirror: 0, brightness: 0, contrast: 0 },
        trajectoryInputDropout: { probability: 0, replacement: "random" },
      }),
      {
        folder: "long",
      },
    );
    const losses = curve("long");
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
  });

  test("stop and resume end with the same bytes as no stop", async () => {
    const whole = await run(stage1Recipe(), { folder: "whole" });
    expect((await run(stage1Recipe(), { folder: "parts", stopAt: 4 })).isFinished).toBe(false);
    const parts = await run(stage1Recipe(), { folder: "parts" });
    expect(parts.resumedFrom).toBe(4);
    expect(curve("parts")).toEqual(curve("whole"));
    expect(bytes(parts.checkpoint)).toEqual(bytes(whole.checkpoint));
  });

  test("freezing the vision tower keeps its bytes", async () => {
    const recipe = stage1Recipe({
      steps: 3,
      modules: {
        freeze: ["vlm.model.visual.*"],
        lrMultipliers: [{ pattern: "*embed_tokens*", multiplier: 0.1 }],
      },
    });
    const { weights, lineage } = await readCheckpoint((await run(recipe)).checkpoint);
    const before = tinyModel().weights;
    for (const [name, { data }] of weights)
      if (name.startsWith("vlm.model.visual.")) expect(data, name).toEqual(before.get(name)?.data);
    expect(lineage.history[0]?.updated).toEqual(["text"]);
  });
});

describe("stage 2", () => {
  test("follows its loss curve on a frozen language model, and stage 1 afterwards makes the expert stale", async () => {
    const first = await run(stage1Recipe({ steps: 4 }));
    const { codec } = tinyModel();
    const one = await readCheckpoint(first.checkpoint);
    const recipe = stage2Recipe({ init: { kind: "checkpoint", path: first.checkpoint } });
    const second = await run(recipe, {
      model: { codec, weights: one.weights },
      lineage: one.lineage,
    });
    expectCurve("stage2-tiny", curve("stage2"));
    const two = await readCheckpoint(second.checkpoint);
    for (const [name, { data }] of two.weights)
      if (name.startsWith("vlm.")) expect(data, name).toEqual(one.weights.get(name)?.data);
    expect(two.lineage.modules["expert"]?.state).toBe("trained");
    const again = await run(stage1Recipe({ steps: 2 }), {
      folder: "again",
      model: { codec, weights: two.weights },
      lineage: two.lineage,
    });
    const three = await readCheckpoint(again.checkpoint);
    expect(three.lineage.modules["expert"]?.state).toBe("stale");
    expect(three.lineage.history.map((h) => h.stage)).toEqual(["stage1", "stage2", "stage1"]);
  });
});

test("stage 2 with cotrain trains language model and expert, and resumes to the same bytes", async () => {
  const recipe = stage2Recipe({ steps: 4, cotrain: "language" });
  const whole = await run(recipe, { folder: "whole", validateEvery: 4 });
  const rows = readMetrics(join(root, "whole/metrics.jsonl"));
  for (const { loss, ...row } of rows)
    expect(loss).toBeCloseTo(
      ["loss_flow", "loss_future_traj", "loss_others"].reduce(
        (sum, name) => sum + (row[name] as number),
        0,
      ),
      3,
    );
  const before = tinyModel().weights;
  const { weights, lineage } = await readCheckpoint(whole.checkpoint);
  for (const name of [
    "vlm.lm_head.weight",
    "vlm.model.language_model.embed_tokens.weight",
    "expert.norm.weight",
  ])
    if (weights.has(name))
      expect(weights.get(name)?.data, name).not.toEqual(before.get(name)?.data);
  expect(lineage.history[0]?.updated.toSorted()).toEqual(["action", "expert", "text", "vision"]);
  await run(recipe, { folder: "parts", stopAt: 2, validateEvery: 4 });
  const parts = await run(recipe, { folder: "parts", validateEvery: 4 });
  expect(parts.resumedFrom).toBe(2);
  expect(bytes(parts.checkpoint)).toEqual(bytes(whole.checkpoint));
});

test("held-out losses are written and change nothing", async () => {
  const plain = await run(stage1Recipe({ steps: 6 }), { folder: "plain" });
  const checked = await run(stage1Recipe({ steps: 6 }), { folder: "checked", validateEvery: 4 });
  expect(bytes(checked.checkpoint)).toEqual(bytes(plain.checkpoint));
  const rows = readMetrics(join(root, "checked/metrics.jsonl"));
  expect(rows.flatMap((r) => ("val_loss" in r ? [r.step] : []))).toEqual([4, 6]);
  const { val_loss: sum, val_loss_others: words, val_loss_future_traj: path } = rows[3] ?? {};
  expect(sum).toBeCloseTo((words as number) + (path as number), 4);
});

test("stage 2 with kept prefixes learns the same as without, and resumes to the same bytes", async () => {
  const plain = { augment: { mirror: 0, brightness: 0, contrast: 0 }, steps: 6, pathWeight: 0.5 };
  const stage2 = (cachePrefix: boolean) => stage2Recipe({ ...plain, cachePrefix });
  await run(stage2(false), { folder: "each-step" });
  const whole = await run(stage2(true), { folder: "kept" });
  const losses = (folder: string) =>
    readMetrics(join(root, folder, "metrics.jsonl")).map((r) => r.loss as number);
  losses("kept").forEach((loss, i) =>
    expect(loss).toBeCloseTo(losses("each-step")[i] as number, 4),
  );
  await run(stage2(true), { folder: "stopped", stopAt: 3 });
  const resumed = await run(stage2(true), { folder: "stopped" });
  expect(resumed.resumedFrom).toBe(3);
  expect(bytes(resumed.checkpoint)).toEqual(bytes(whole.checkpoint));
});

describe("rows", () => {
  test("sizes computed from words alone are those of the encoded rows", async () => {
    const { codec } = tinyModel();
    const recipe = stage1Recipe({ augment: { mirror: 1, brightness: 0, contrast: 0 } });
    const sizes = await rowSizes({ codec, samples, recipe });
    const read = exampleReader({ codec, samples, recipe });
    const examples = await Promise.all(Array.from({ length: 8 }, (_, i) => read(i, createRng(i))));
    for (const e of examples)
      expect(sizes).toContainEqual({
        length: e.ids.length,
        numLabels: e.isLabel.reduce((a, b) => a + b, 0),
        prefixLength: e.prefixLength,
      });
  });

  test("a sample without its navigation text is a row without the route, of a known size", async () => {
    const { codec } = tinyModel();
    const plain = { mirror: 0, brightness: 0, contrast: 0 };
    const withDropout = (navigationDropout: number) =>
      stage1Recipe({ augment: { ...plain, navigationDropout } });
    const route = codec.tokenizer.id("<|route_start|>");
    const recipe = withDropout(0.5);
    const sizes = await rowSizes({ codec, samples, recipe });
    const read = exampleReader({ codec, samples, recipe });
    // Sample 2 has a text, sample 1 has none. Kept rows of one kind must not stand in for the other.
    const routes: boolean[] = [];
    for (let i = 0; i < 12; i++) {
      const { ids, isLabel, prefixLength } = await read(2, createRng(i));
      routes.push(ids.includes(route));
      expect(sizes).toContainEqual({
        length: ids.length,
        numLabels: isLabel.reduce((a, b) => a + b, 0),
        prefixLength,
      });
    }
    expect(new Set(routes)).toEqual(new Set([true, false]));
    const again = exampleReader({ codec, samples, recipe });
    for (const [i, had] of routes.entries())
      expect((await again(2, createRng(i))).ids.includes(route)).toBe(had);
    const always = exampleReader({ codec, samples, recipe: withDropout(1) });
    expect((await always(2, createRng(0))).ids.includes(route)).toBe(false);
    expect((await always(1, createRng(0))).ids).toEqual((await read(1, createRng(0))).ids);
  });

  test("trajectory input dropout touches future bins only, at its rate", () => {
    const vocabulary = { futureFirst: 1000, futureBins: 64 };
    const ids = () =>
      BigInt64Array.from({ length: 4000 }, (_, i) => BigInt(i % 2 ? 1000 + (i % 64) : i % 900));
    const dropped = ids();
    dropTrajectoryInputs(
      dropped,
      vocabulary,
      { probability: 0.25, replacement: "neutral" },
      createRng(1),
    );
    let numChanged = 0;
    ids().forEach((id, i) => {
      if (dropped[i] === id) return;
      numChanged++;
      expect(i % 2).toBe(1);
      expect(dropped[i]).toBe(1032n);
    });
    expect(numChanged / 2000).toBeGreaterThan(0.2);
    expect(numChanged / 2000).toBeLessThan(0.3);
  });
});
