import type { RgbImage } from "@causeway/geom";
import type { ModelSample, SampleLoader } from "@causeway/data";
import type { OpenLoopMetrics, OpenLoopRow } from "@causeway/eval";
import { backboneFacts } from "@causeway/models";
import { scenarioKinds, type TickRecord } from "@causeway/sim";
import { expect, test } from "vitest";
import { loadRunRecipe, recipeNames } from "../recipe/load-recipe.ts";
import { parseRunRecipe, stageRecipe } from "../recipe/run-recipe.ts";
import { batchesOf } from "./batch-files.ts";
import { runStagesOf } from "./build-stages.ts";
import { chooseClips } from "./clips.ts";
import { comfortShare } from "./closed-loop-row.ts";
import { foreignPictures, foreignSample } from "./foreign-pictures.ts";
import type { SampleRow } from "./labels.ts";
import { closedLoopScenes, driveIdOf, recordingsOf } from "./recordings.ts";
import { trainMetricRows } from "./train-metrics.ts";

test("training, held-out drives and closed-loop scenes never share a scene, for any run seed", async () => {
  const quickstart = await loadRunRecipe("quickstart");
  const ids = new Set<string>();
  let count = 0;
  for (const seed of [0, 1, 2, 1999]) {
    const recipe = { ...quickstart, seed };
    const seeds = [...recordingsOf(recipe), ...closedLoopScenes(recipe)].map(driveIdOf);
    count += seeds.length;
    for (const id of seeds) ids.add(id);
  }
  expect(ids.size).toBe(count);
});

test("no drive or scene of a recipe that starts from the shipped backbone was seen by it", async () => {
  const rounds = await Promise.all(["pretrain", "pretrain-on-policy"].map(loadRunRecipe));
  const quickstart = await loadRunRecipe("quickstart");
  const ids = (recipe: typeof quickstart): string[] =>
    [...recordingsOf(recipe), ...closedLoopScenes(recipe)].map(driveIdOf);
  const seen = new Set(rounds.flatMap(ids));
  expect(seen.size).toBeGreaterThan(1200);
  expect(quickstart.stage1.init).toEqual({ kind: "backbone", preset: "nano" });
  const { runs } = backboneFacts("nano");
  for (const { recipe, seed } of runs)
    expect(rounds.find(({ name }) => name === recipe)?.seed).toBe(seed);
  expect(ids(quickstart).filter((id) => seen.has(id))).toEqual([]);
  // Nobody can choose a seed that breaks this.
  for (const seed of runs.flatMap((run) => [run.seed, run.seed + 2000]))
    expect(() => parseRunRecipe({ ...quickstart, seed }, "mine")).toThrow("would be held out");
});

test("recordings deal all kinds in turn and push about the share that was asked for", async () => {
  const quickstart = await loadRunRecipe("quickstart");
  const drives = { ...quickstart.drives, kinds: [...scenarioKinds], train: 600, pushed: 0.4 };
  const recordings = recordingsOf({ seed: 7, drives });
  const train = recordings.filter((r) => r.split === "train");
  for (const kind of scenarioKinds)
    expect(train.filter((r) => r.kind === kind).length).toBe(600 / scenarioKinds.length);
  const pushed = train.filter((r) => r.driver === "pushed").length;
  expect(pushed).toBeGreaterThan(200);
  expect(pushed).toBeLessThan(280);
  expect(recordings.some((r) => r.split === "test" && r.driver !== "expert")).toBe(false);
});

test("every recipe parses, and its stages depend only on earlier ones and own their outputs alone", async () => {
  for (const name of recipeNames()) {
    const recipe = await loadRunRecipe(name);
    const provenance = { commit: null, versions: {} };
    const context = { runId: "x", provenance, dataDir: "data", checkpoint: null };
    const stages = runStagesOf(recipe, context);
    const seen = new Set<string>();
    const outputs: string[] = [];
    for (const stage of stages) {
      for (const need of stage.needs)
        expect(seen.has(need), `${stage.name} needs ${need}`).toBe(true);
      seen.add(stage.name);
      outputs.push(...stage.outputs);
      // What a stage is made of must survive a trip through a file.
      expect(JSON.parse(JSON.stringify(stage.options))).toEqual(stage.options);
    }
    expect(new Set(outputs).size).toBe(outputs.length);
    expect(stageRecipe(recipe, "stage2").init).toEqual({
      kind: "checkpoint",
      path: `stage1/checkpoints/step_${recipe.stage1.steps}`,
    });
  }
});

const row = (driveId: string, t0Us: number): SampleRow => ({
  id: `${driveId}@${t0Us}`,
  driveId,
  t0Us,
  split: "test",
  navText: null,
  cot: "x",
  meaning: null,
  perception: null,
});

test("foreign pictures come from another kind of drive and do not depend on the order of the rows", () => {
  const rows = ["turn_left-1", "turn_left-2", "nudge-3", "cut_in-4"].flatMap((d) => [
    row(d, 2_000_000),
    row(d, 3_000_000),
  ]);
  for (const r of rows) {
    const foreign = foreignSample(r, rows, 5);
    expect(foreign.driveId.split("-")[0]).not.toBe(r.driveId.split("-")[0]);
    expect(foreignSample(r, rows, 5)).toBe(foreign);
  }
  const only = [row("nudge-3", 2_000_000)];
  expect(() => foreignSample(only[0] as SampleRow, only, 5)).toThrow("only one held-out drive");
});

test("foreign pictures of a closed-loop scene follow one other drive in its time order", async () => {
  const rows = [2, 3, 4].map((s) => row("nudge-3", s * 1e6));
  const asked: number[] = [];
  const image: RgbImage = { width: 1, height: 1, pixels: new Uint8Array(3) };
  const loader = {
    load: async (keys: readonly { t0Us: number }[]) => {
      for (const k of keys) asked.push(k.t0Us);
      return keys.map(() => ({ cameras: new Map([["front", [image]]]) }) as unknown as ModelSample);
    },
  } as unknown as SampleLoader;
  const pictures = foreignPictures(rows, loader, 1);
  for (const stampUs of [0, 500_000, 1_000_000, 1_900_000, 2_000_000])
    await pictures({ sceneId: "turn_left-9", stampUs });
  expect(asked).toEqual([2e6, 2e6, 3e6, 3e6, 4e6]);
});

test("clips are the worst half and a spread of the rest, each once", () => {
  const rows = Array.from(
    { length: 40 },
    (_, i): OpenLoopRow => ({
      sampleId: `s${String(i).padStart(2, "0")}`,
      recordingId: "r",
      predictor: "model",
      status: "ok",
      error: null,
      movement: "straight",
      metrics: { minAde: { "6.4s": i } } as unknown as OpenLoopMetrics,
    }),
  );
  const chosen = chooseClips(rows.toReversed(), 8);
  expect(chosen.slice(0, 4)).toEqual(["s39", "s38", "s37", "s36"]);
  expect(new Set(chosen).size).toBe(8);
  expect(chooseClips(rows.slice(0, 3), 8).length).toBe(3);
});

test("comfort is the share of driven ticks within bounds; warm-up does not count", () => {
  const tick = (accelMps2: number, warmup = false) =>
    ({
      warmup,
      ego: { x: 0, y: 0, yaw: 0, speedMps: 10, accelMps2, curvaturePerM: 0 },
    }) as unknown as TickRecord;
  expect(comfortShare([tick(0, true), tick(-9, true), tick(-9), tick(-9)])).toBe(0);
  // 0 to -3 in one tick is a jerk of 30 m/s³; the ticks after it are calm.
  expect(comfortShare([tick(0), tick(-3), tick(-3), tick(-3), tick(-3)])).toBe(0.75);
  expect(comfortShare([tick(0)])).toBe(1);
});

test("batches keep every item once and in order", () => {
  const batches = batchesOf("b", [1, 2, 3, 4, 5], 2);
  expect(batches.map((b) => b.name)).toEqual(["b-000", "b-001", "b-002"]);
  expect(batches.flatMap((b) => b.items)).toEqual([1, 2, 3, 4, 5]);
});

test("training rows keep loss parts, add up time, and give held-out losses rows of their own", () => {
  const rows = trainMetricRows(
    [
      { step: 1, loss: 3, text: 2, lr: 0.1, gradNorm: 1, stepMs: 500, numTokens: 9 },
      {
        step: 2,
        loss: 2,
        text: 1,
        lr: 0.2,
        gradNorm: 1,
        stepMs: 1500,
        numTokens: 9,
        val_loss: 2.5,
        val_text: 1.5,
      },
    ],
    { stage: "stage1", batch: { size: 4, accumulate: 2 } },
  );
  expect(rows.map((r) => [r.split, r.step, r.loss, r.lossParts["text"], r.wallSecs])).toEqual([
    ["train", 1, 3, 2, 0.5],
    ["train", 2, 2, 1, 2],
    ["validation", 2, 2.5, 1.5, 2],
  ]);
  expect(rows[0]?.samplesPerSec).toBe(16);
});
