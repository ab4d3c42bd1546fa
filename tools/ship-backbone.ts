/**
 * Puts the language model of a pretraining checkpoint into models/assets, where `{ kind: "backbone" }` of a recipe finds
 * it. The metrics are those of every stage of its lineage; they give the minutes.
 *
 *   npx tsx tools/ship-backbone.ts CHECKPOINT METRICS.jsonl [METRICS.jsonl ...] && npm run format
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { backboneFolder, backboneNames, shipBackbone } from "@causeway/models";
import type { Lineage } from "@causeway/train";
import { recipe as pretrain } from "../recipes/runs/pretrain.ts";

const [checkpoint, ...metrics] = process.argv.slice(2);
if (checkpoint === undefined || metrics.length === 0)
  throw new Error(
    "ship-backbone: expected a checkpoint folder and the metrics.jsonl of its stages",
  );

const recipe = pretrain();
const lineage = JSON.parse(readFileSync(join(checkpoint, "lineage.json"), "utf8")) as Lineage;
if (lineage.history.length !== metrics.length)
  throw new Error(
    `ship-backbone: ${metrics.length} metrics files for a lineage of ${lineage.history.length} stages; expected one each, in order`,
  );
const millis = metrics.flatMap((path, i) =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; stepMs: number })
    .filter((row) => row.step <= (lineage.history[i]?.steps ?? 0))
    .map((row) => row.stepMs),
);
const steps = lineage.history.reduce((sum, stage) => sum + stage.steps, 0);
const [cpu] = cpus();
const [name] = backboneNames;
await shipBackbone(checkpoint, backboneFolder(name), {
  schema: 1,
  name,
  recipe: recipe.name,
  runSeed: recipe.seed,
  trainDrives: recipe.drives.train,
  steps,
  samplesSeen: steps * recipe.stage1.batch.size,
  minutes: Math.round(millis.reduce((sum, ms) => sum + ms, 0) / 60_000),
  machine: `${cpu?.model.trim()}, ${cpus().length} threads`,
  madeOn: new Date().toISOString().slice(0, 10),
});
console.log(`wrote ${backboneFolder(name)}`);
