/**
 * Puts the weights that a run ends with into models/assets, where `{ kind: "backbone" }` of a recipe finds them. A run that
 * began from the shipped weights adds its line to theirs.
 *
 *   npx tsx tools/ship-backbone.ts RUN && npm run format
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { type RunRecipe, checkpointOf } from "@causeway/cli";
import { backboneFacts, backboneFolder, backboneNames, shipBackbone } from "@causeway/models";

const [run] = process.argv.slice(2);
if (run === undefined) throw new Error("ship-backbone: expected a run folder");

const read = (path: string): unknown => JSON.parse(readFileSync(join(run, path), "utf8"));
const { recipe } = read("run.json") as { recipe: RunRecipe };
const millis = (["stage1", "stage2"] as const).flatMap((stage) =>
  readFileSync(join(run, stage, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { stepMs: number }).stepMs),
);
const [cpu] = cpus();
const [name] = backboneNames;
await shipBackbone(join(run, checkpointOf("stage2", recipe.stage2.steps)), backboneFolder(name), {
  schema: 1,
  name,
  runs: [
    ...(recipe.stage1.init.kind === "backbone" ? backboneFacts(name).runs : []),
    {
      recipe: recipe.name,
      seed: recipe.seed,
      trainDrives: recipe.drives.train,
      steps: [recipe.stage1.steps, recipe.stage2.steps],
      minutes: Math.round(millis.reduce((sum, ms) => sum + ms, 0) / 60_000),
    },
  ],
  machine: `${cpu?.model.trim()}, ${cpus().length} threads`,
  madeOn: new Date().toISOString().slice(0, 10),
});
console.log(`wrote ${backboneFolder(name)}`);
