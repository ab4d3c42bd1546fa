import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CheckpointError, DivergedError, RecipeError } from "../src/errors.ts";
import type { Tensor } from "@causeway/graph";
import { SafetensorsFile } from "@causeway/models";
import { roundToBfloat16, storedWeights } from "../src/loop/storage.ts";
import { train, type TrainOptions } from "../src/loop/trainer.ts";
import { nodeCheckpointFs, readCheckpoint } from "../src/run/checkpoint.ts";
import { initialLineage } from "../src/run/lineage.ts";
import { readMetrics } from "../src/run/logs.ts";
import { tinyRecipe, tinyTask } from "./fixtures/tiny-task.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "train-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const options = (changes: Partial<TrainOptions> = {}): TrainOptions => ({
  runFolder: join(root, "run"),
  recipe: tinyRecipe(),
  provenance: { versions: { node: "x" }, commit: null, datasetFingerprint: "tiny" },
  lineage: initialLineage(["encoder", "head", "frozen"]),
  ...changes,
});

/** Every file of a folder, by name. */
const contents = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile())
      .map((e) => join(e.parentPath, e.name))
      .map((path) => [path.slice(folder.length), readFileSync(path).toString("base64")]),
  );

/** Metrics without the clock. */
const losses = (folder: string) =>
  readMetrics(join(folder, "metrics.jsonl")).map((row) => ({ ...row, stepMs: 0 }));

describe("training", () => {
  test("learns, follows the schedule and keeps the last checkpoints", async () => {
    const result = await train(
      await tinyTask(),
      options({ recipe: tinyRecipe({ steps: 200, checkpoint: { everySteps: 50, keepLast: 2 } }) }),
    );
    expect(result).toMatchObject({ step: 200, isFinished: true, resumedFrom: null });
    const rows = readMetrics(join(root, "run/metrics.jsonl"));
    expect(rows.map((r) => r.step)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    const mean = (part: typeof rows) =>
      part.reduce((s, r) => s + (r["loss"] as number), 0) / part.length;
    expect(mean(rows.slice(-20))).toBeLessThan(0.3 * mean(rows.slice(0, 20)));
    expect(rows[0]?.["lr"]).toBe(0);
    expect(rows[2]?.["lr"]).toBeCloseTo(0.02, 12);
    expect(readdirSync(join(root, "run/checkpoints")).sort()).toEqual(["step_150", "step_200"]);
  });

  test("the checkpoint holds weights, state and lineage", async () => {
    const { checkpoint } = await train(await tinyTask(), options());
    const { state, lineage, weights } = await readCheckpoint(checkpoint);
    expect(state).toMatchObject({
      step: 40,
      optimizerSteps: 40,
      numSamplesSeen: 160,
      numTokensSeen: 160,
    });
    expect([...(weights.get("frozen.weight")?.data ?? [])].map(Number)).toEqual([1, 2, 3]);
    expect(lineage.modules["encoder"]).toMatchObject({
      state: "trained",
      trainedBy: "example (stage1)",
    });
    expect(lineage.modules["frozen"]?.state).toBe("initial");
    expect(lineage.history[0]).toMatchObject({
      steps: 40,
      updated: ["encoder", "head"],
      frozen: ["frozen"],
    });
  });

  test("two passes of half the gradient are one step", async () => {
    const recipe = tinyRecipe({ steps: 6, batch: { size: 4, accumulate: 2 } });
    await train(await tinyTask(), options({ recipe }));
    expect(readMetrics(join(root, "run/metrics.jsonl")).map((r) => r["numTokens"])).toEqual(
      Array(6).fill(8),
    );
  });

  test("frozen weights keep their bytes, and a learning rate of zero does too", async () => {
    const recipe = tinyRecipe({
      modules: { freeze: [], lrMultipliers: [{ pattern: "encoder.*", multiplier: 0 }] },
    });
    const task = await tinyTask();
    const { checkpoint } = await train(task, options({ recipe }));
    const { weights } = await readCheckpoint(checkpoint);
    for (const name of ["encoder.weight", "encoder.bias", "frozen.weight"])
      expect(weights.get(name)?.data, name).toEqual(task.weights.get(name)?.data);
    expect(weights.get("head.weight")?.data).not.toEqual(task.weights.get("head.weight")?.data);
  });
});

describe("resuming", () => {
  test("a stop by signal and a second run end with the same bytes as no stop", async () => {
    const whole = options({ runFolder: join(root, "whole") });
    await train(await tinyTask(), whole);
    const stop = new AbortController();
    const parts = options({ runFolder: join(root, "parts") });
    const first = await train(await tinyTask(), {
      ...parts,
      signal: stop.signal,
      onProgress: ({ step }) => step === 17 && stop.abort(),
    });
    expect(first).toMatchObject({ step: 17, isFinished: false });
    const second = await train(await tinyTask(), parts);
    expect(second).toMatchObject({ step: 40, isFinished: true, resumedFrom: 17 });
    expect(losses(parts.runFolder)).toEqual(losses(whole.runFolder));
    expect(contents(join(parts.runFolder, "checkpoints/step_40"))).toEqual(
      contents(join(whole.runFolder, "checkpoints/step_40")),
    );
    // A third run has nothing to do.
    const before = contents(parts.runFolder);
    expect((await train(await tinyTask(), parts)).isFinished).toBe(true);
    expect(contents(parts.runFolder)).toEqual(before);
  });

  test("bfloat16 weights with float32 masters: small steps add up, and resuming is exact", async () => {
    // One step moves a weight by 2e-5, a hundredth of what bfloat16 can tell apart at 0.3.
    const recipe = tinyRecipe({
      storage: "bfloat16",
      lr: 2e-5,
      weightDecay: 0,
      steps: 200,
      checkpoint: { everySteps: 100, keepLast: 2 },
    });
    const whole = options({ runFolder: join(root, "whole"), recipe });
    await train(await tinyTask(), whole);
    const path = join(whole.runFolder, "checkpoints/step_200");
    const file = await SafetensorsFile.open(join(path, "model.safetensors"));
    try {
      for (const name of file.names) expect(file.entry(name).dtype).toBe("BF16");
    } finally {
      await file.close();
    }
    const task = await tinyTask();
    const { weights, optimizer } = await readCheckpoint(path);
    let numMoved = 0;
    for (const name of task.trainable.keys()) {
      const master = optimizer.get(`master.${name}`)?.data as Float32Array;
      const rounded = new Float32Array(master.length);
      roundToBfloat16(master, rounded);
      const stored = weights.get(name)?.data as Float32Array;
      expect(stored).toEqual(rounded);
      expect(rounded).not.toEqual(master);
      roundToBfloat16(task.weights.get(name)?.data as Float32Array, rounded);
      numMoved += stored.filter((v, i) => v !== rounded[i]).length;
    }
    expect(numMoved).toBeGreaterThan(50);

    const stop = new AbortController();
    const parts = options({ runFolder: join(root, "parts"), recipe });
    await train(await tinyTask(), {
      ...parts,
      signal: stop.signal,
      onProgress: ({ step }) => step === 117 && stop.abort(),
    });
    expect(await train(await tinyTask(), parts)).toMatchObject({ step: 200, resumedFrom: 117 });
    expect(losses(parts.runFolder)).toEqual(losses(whole.runFolder));
    expect(contents(join(parts.runFolder, "checkpoints/step_200"))).toEqual(contents(path));
  });

  test("rounding to bfloat16 is to the nearest, ties to even, and keeps what is not finite", () => {
    const values = Float32Array.of(1, 1.00390625, 1.01171875, -0.3, 0, Infinity, -Infinity, 3.4e38);
    roundToBfloat16(values, values);
    // 1 + 2^-8 lies between 1 and 1 + 2^-7; 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6.
    expect([...values]).toEqual([1, 1, 1.015625, -0.30078125, 0, Infinity, -Infinity, Infinity]);
    const whole: Tensor = { dtype: "float32", shape: [8], data: values };
    const odd: Tensor = { dtype: "float32", shape: [1], data: Float32Array.of(0.3) };
    const stored = storedWeights(
      new Map([
        ["whole", whole],
        ["odd", odd],
      ]),
      { storage: "bfloat16" },
    );
    expect(stored.get("whole")).toBe(whole);
    expect(stored.get("odd")?.data[0]).toBe(0.30078125);
    const nan = Float32Array.of(Number.NaN);
    roundToBfloat16(nan, nan);
    expect(nan[0]).toBeNaN();
  });

  test("kill -9 at any moment, again and again, ends with the same bytes as no kill", async () => {
    const script = join(import.meta.dirname, "fixtures/tiny-run.ts");
    /** Runs until done, or kills after `killAfter` printed steps plus `extraMs`. */
    const runOnce = (folder: string, delay: number, killAfter: number, extraMs: number) =>
      new Promise<boolean>((resolve, reject) => {
        const child = spawn(process.execPath, ["--import", "tsx", script, folder, String(delay)], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        let numSteps = 0;
        let isDone = false;
        child.stdout.on("data", (text: Buffer) => {
          const lines = text.toString().trim().split("\n");
          numSteps += lines.length;
          isDone ||= lines.includes("done");
          if (numSteps >= killAfter) setTimeout(() => child.kill("SIGKILL"), extraMs);
        });
        child.on("error", reject);
        child.on("exit", () => resolve(isDone));
      });
    const whole = join(root, "whole");
    expect(await runOnce(whole, 0, Infinity, 0)).toBe(true);
    const killed = join(root, "killed");
    let numKills = 0;
    for (const [after, extraMs] of [
      [1, 0],
      [5, 3],
      [9, 1],
      [7, 6],
    ] as const)
      if (!(await runOnce(killed, 15, after, extraMs))) numKills++;
    expect(numKills).toBeGreaterThan(1);
    expect(await runOnce(killed, 0, Infinity, 0)).toBe(true);
    expect(losses(killed)).toEqual(losses(whole));
    expect(contents(join(killed, "checkpoints"))).toEqual(contents(join(whole, "checkpoints")));
  });

  test("another recipe or dataset in the same folder is refused with the differences", async () => {
    await train(await tinyTask(), options({ recipe: tinyRecipe({ steps: 5 }) }));
    const recipe = tinyRecipe({ steps: 5, lr: 0.5 });
    await expect(train(await tinyTask(), options({ recipe }))).rejects.toThrow("lr: 0.02, now 0.5");
    await expect(train(await tinyTask(), options({ recipe }))).rejects.toBeInstanceOf(RecipeError);
    const other = options({ recipe: tinyRecipe({ steps: 5 }) });
    await expect(
      train(await tinyTask(), {
        ...other,
        provenance: { ...other.provenance, datasetFingerprint: "new" },
      }),
    ).rejects.toThrow("started on dataset tiny; now it is new");
  });
});

describe("bad input", () => {
  test("a checkpoint of another architecture lists the differences", async () => {
    await train(await tinyTask(), options({ recipe: tinyRecipe({ steps: 5 }) }));
    const wide = train(
      await tinyTask({ width: 32 }),
      options({ recipe: tinyRecipe({ steps: 5 }) }),
    );
    await expect(wide).rejects.toBeInstanceOf(CheckpointError);
    await expect(
      train(await tinyTask({ width: 32 }), options({ recipe: tinyRecipe({ steps: 5 }) })),
    ).rejects.toThrow("encoder.bias is [24], needed [32]");
  });

  test("a damaged checkpoint says what to do", async () => {
    const { checkpoint } = await train(
      await tinyTask(),
      options({ recipe: tinyRecipe({ steps: 5 }) }),
    );
    truncateSync(join(checkpoint, "model.safetensors"), 100);
    await expect(
      train(await tinyTask(), options({ recipe: tinyRecipe({ steps: 5 }) })),
    ).rejects.toThrow(/step_5: cannot be read.*Remove this folder/s);
  });

  test("a full disk keeps the checkpoint before and training goes on from it", async () => {
    const whole = options({ runFolder: join(root, "whole") });
    await train(await tinyTask(), whole);
    let numWrites = 0;
    const full = options({
      checkpointFs: {
        ...nodeCheckpointFs,
        async writeTensors(path, tensors, storage) {
          if (++numWrites === 4)
            throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
          return nodeCheckpointFs.writeTensors(path, tensors, storage);
        },
      },
    });
    await expect(train(await tinyTask(), full)).rejects.toThrow(
      /step_10: no space left on the disk.*the checkpoint of step 5 is intact/,
    );
    expect(readdirSync(join(root, "run/checkpoints"))).toEqual(["step_5"]);
    expect(await train(await tinyTask(), options())).toMatchObject({ resumedFrom: 5, step: 40 });
    expect(contents(join(root, "run/checkpoints/step_40"))).toEqual(
      contents(join(root, "whole/checkpoints/step_40")),
    );
  });

  test("a step without a finite gradient is skipped and recorded; many in a row stop the run", async () => {
    const result = await train(
      await tinyTask({ poison: 3 }),
      options({ recipe: tinyRecipe({ steps: 8 }) }),
    );
    const { state, weights } = await readCheckpoint(result.checkpoint);
    expect(state).toMatchObject({ step: 8, optimizerSteps: 7, skippedInARow: 0 });
    expect(weights.get("head.weight")?.data.every((x) => Number.isFinite(Number(x)))).toBe(true);
    expect(readFileSync(join(root, "run/events.jsonl"), "utf8")).toContain('"skipped","step":4');
    const lost = options({ runFolder: join(root, "lost"), recipe: tinyRecipe({ lr: 1e30 }) });
    await expect(train(await tinyTask(), lost)).rejects.toBeInstanceOf(DivergedError);
  });

  test("patterns that fit nothing are refused", async () => {
    const recipe = tinyRecipe({
      modules: { freeze: [], lrMultipliers: [{ pattern: "decoder.*", multiplier: 2 }] },
    });
    await expect(train(await tinyTask(), options({ recipe }))).rejects.toThrow(
      'modules.lrMultipliers[0]: "decoder.*" fits no trained weight',
    );
  });
});
