/** `causeway plan`: what it counts, what it says of another machine, and that nothing is allocated for a large model. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MemoryPlan } from "@causeway/train";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planRecipe } from "../src/actions/plan.ts";
import { silentProgress } from "../src/progress.ts";
import { loadRunRecipe } from "../src/recipe/load-recipe.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "plan-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Planned {
  readonly preset: string;
  readonly fits: boolean;
  readonly stages: readonly {
    readonly updates: readonly string[];
    readonly freezes: readonly string[];
    readonly lengths: readonly number[];
    readonly memory: MemoryPlan;
    readonly fits: boolean;
  }[];
}

async function planned(name: string, memory: number): Promise<Planned & { text: string }> {
  const context = {
    isDryRun: false,
    progress: silentProgress,
    signal: new AbortController().signal,
  };
  const { data, text } = await planRecipe(context, { memory }, name);
  return { ...(data as Planned), text };
}

test("the stages of a recipe: modules, memory, and whether a machine is large enough", async () => {
  const { stages, fits, text } = await planned("quickstart", 16);
  expect(fits).toBe(true);
  expect(stages.map(({ updates }) => updates)).toEqual([
    ["text", "vision"],
    ["action", "expert"],
  ]);
  const [stage1, stage2] = stages.map(({ memory }) => memory);
  // Both stages together train every weight once.
  expect(stage1?.numTrained).toBe(stage2?.numFrozen);
  expect(stage1?.numFrozen).toBe(stage2?.numTrained);
  expect(text).toContain("fits into 16.00 GB");
  const small = await planned("quickstart", 0.3);
  expect(small.fits).toBe(false);
  expect(small.text).toContain("does not fit into 0.30 GB. What would help: ");
});

test("the released driver is planned at its true size without its weights", async () => {
  const smoke = await loadRunRecipe("smoke");
  const released = join(dir, "released.json");
  const begin = { init: { kind: "fresh", preset: "alpamayo-r1" }, perception: null };
  writeFileSync(
    released,
    JSON.stringify({
      ...smoke,
      stage1: {
        ...smoke.stage1,
        ...begin,
        batch: { size: 1, accumulate: 4 },
        modules: { freeze: ["vlm.model.visual.*"], lrMultipliers: [] },
      },
    }),
  );
  const before = process.memoryUsage().rss;
  const { stages, fits } = await planned(released, 80);
  expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
  expect(fits).toBe(false);
  const [first] = stages;
  if (first === undefined) throw new Error("no stage was planned");
  const { numTrained, numFrozen, total } = first.memory;
  // Released: 8.2 B of language model, 0.58 B of vision tower, 2.3 B of expert.
  expect((numTrained + numFrozen) / 1e9).toBeCloseTo(11.08, 1);
  expect(first.freezes).toEqual(["action", "expert", "vision"]);
  expect(total).toBeGreaterThan(4 * (4 * numTrained) + 4 * numFrozen);
  // 4 cameras of 4 frames, 180 tokens each, 48 history and 128 future tokens, and words.
  expect(first.lengths[0]).toBeGreaterThan(16 * 180 + 48 + 128);
});
