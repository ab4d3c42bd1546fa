import { basename, join, resolve } from "node:path";
import { openDataset } from "@causeway/data";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { planText } from "../draw/plan-text.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { planStages, runStages } from "../pipeline/run-stages.ts";
import { loadRunRecipe } from "../recipe/load-recipe.ts";
import { provenanceOf } from "../recipe/provenance.ts";
import { checkpointOf } from "../recipe/run-recipe.ts";
import { datasetDigests, recordRun } from "../run-folder.ts";
import { trainStages } from "../stages/build-stages.ts";
import { requireMotion } from "../stages/labelled-samples.ts";

export interface TrainOptions extends CommonOptions {
  readonly data: string;
  readonly out?: string;
}

export async function trainDriver(
  context: CommandContext,
  options: TrainOptions,
  name: string,
): Promise<Outcome> {
  const recipe = await loadRunRecipe(name);
  const runDir = resolve(options.out ?? join("runs", recipe.name));
  const dataDir = resolve(options.data);
  const given = await datasetDigests(dataDir);
  requireMotion(await openDataset(dataDir));
  const provenance = provenanceOf();
  const stages = trainStages(recipe, {
    runId: basename(runDir),
    provenance,
    dataDir,
    checkpoint: null,
  });
  if (context.isDryRun) {
    const plans = await planStages(runDir, stages, given);
    return {
      data: { runDir, stages: plans.map((p) => ({ name: p.stage.name, state: p.state })) },
      text: planText(runDir, plans),
    };
  }
  const release = await lockFolder(runDir);
  try {
    await recordRun(runDir, { recipe, dataDir, ...provenance });
    const { progress, signal } = context;
    const { numRun } = await runStages({
      runDir,
      stages,
      progress,
      signal,
      now: Date.now,
      given,
    });
    const checkpoint = join(runDir, checkpointOf("stage2", recipe.stage2.steps));
    return {
      data: { runDir, checkpoint, numRun },
      text: `checkpoint: ${checkpoint}\nNext: causeway eval ${options.out ?? join("runs", recipe.name)}`,
    };
  } finally {
    await release();
  }
}
