import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { backboneFolder, backboneNames } from "@causeway/models";
import { UserError } from "../errors.ts";
import { checkpointOf } from "../recipe/run-recipe.ts";
import { openRun } from "../run-folder.ts";

/** The model folder that a path means: itself, the last checkpoint of a run folder, or a backbone that ships with Causeway. */
export async function modelFolder(path: string): Promise<string> {
  const has = async (...parts: string[]): Promise<boolean> =>
    (await stat(join(path, ...parts)).catch(() => null)) !== null;
  const shipped = backboneNames.find((name) => name === basename(path));
  if (shipped !== undefined && !(await has())) return backboneFolder(shipped);
  if ((await has("config.json")) || !(await has("run.json"))) return path;
  const { record } = await openRun(path);
  const steps = { stage2: record.recipe.stage2.steps, stage1: record.recipe.stage1.steps };
  for (const stage of ["stage2", "stage1"] as const) {
    const checkpoint = checkpointOf(stage, steps[stage]);
    if (await has(checkpoint, "config.json")) return join(path, checkpoint);
  }
  throw new UserError(
    "RUN",
    `this run has no finished checkpoint yet; run \`causeway run\` again to go on (${path})`,
  );
}
