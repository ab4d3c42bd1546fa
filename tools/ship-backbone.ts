/**
 * Puts the language model of a pretraining run into models/assets, where `{ kind: "backbone" }` of a recipe finds it.
 *
 *   npx tsx tools/ship-backbone.ts runs/pretrain [--step 8000]
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { backboneFolder, backboneNames, shipBackbone } from "@causeway/models";
import { recipe as pretrain } from "../recipes/runs/pretrain.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { step: { type: "string" } },
});
const [runDir] = positionals;
if (runDir === undefined)
  throw new Error(
    "ship-backbone: no run folder given; expected the folder of `causeway run pretrain`",
  );

const recipe = pretrain();
const step = Number(values.step ?? recipe.stage1.steps);
const lines = readFileSync(join(runDir, "stage1", "metrics.jsonl"), "utf8")
  .trim()
  .split("\n");
const rows = lines
  .map((line) => JSON.parse(line) as { step: number; stepMs: number })
  .filter((row) => row.step <= step);
const [cpu] = cpus();
const [name] = backboneNames;
await shipBackbone(join(runDir, "stage1", "checkpoints", `step_${step}`), backboneFolder(name), {
  schema: 1,
  name,
  recipe: recipe.name,
  runSeed: recipe.seed,
  trainDrives: recipe.drives.train,
  steps: step,
  samplesSeen: step * recipe.stage1.batch.size * recipe.stage1.batch.accumulate,
  minutes: Math.round(rows.reduce((ms, row) => ms + row.stepMs, 0) / 60_000),
  machine: `${cpu?.model.trim()}, ${cpus().length} threads`,
  madeOn: new Date().toISOString().slice(0, 10),
});
console.log(`wrote ${backboneFolder(name)}`);
