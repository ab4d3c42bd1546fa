import { join, relative, resolve } from "node:path";
import type { Summary } from "@causeway/eval";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { headlineText } from "../draw/headline.ts";
import { planText } from "../draw/plan-text.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { planStages, runStages } from "../pipeline/run-stages.ts";
import { readJsonFile } from "../read-json.ts";
import { provenanceOf } from "../recipe/provenance.ts";
import { checkpointDigest, earlierDigests, openRun } from "../run-folder.ts";
import { evaluationStages } from "../stages/build-stages.ts";
import type { RunRecipe } from "../recipe/run-recipe.ts";

export interface EvalOptions extends CommonOptions {
  readonly checkpoint?: string;
  readonly scenes?: number;
  readonly paths?: number;
}

export async function evaluateRun(
  context: CommandContext,
  options: EvalOptions,
  path: string,
): Promise<Outcome> {
  const run = await openRun(path);
  const { runDir, runId, record } = run;
  const base = record.recipe;
  const recipe: RunRecipe = {
    ...base,
    openLoop: { ...base.openLoop, paths: options.paths ?? base.openLoop.paths },
    closedLoop: { ...base.closedLoop, scenes: options.scenes ?? base.closedLoop.scenes },
  };
  const checkpoint = options.checkpoint === undefined ? null : resolve(options.checkpoint);
  const names = ["drives", "labels", ...(checkpoint === null ? ["stage2"] : [])];
  const given = await earlierDigests(run, names);
  if (checkpoint !== null) given.set("stage2", await checkpointDigest(checkpoint));
  const stages = evaluationStages(recipe, {
    runId,
    provenance: provenanceOf(),
    dataDir: record.dataDir,
    checkpoint,
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
    const { progress, signal } = context;
    const { numRun } = await runStages({
      runDir,
      stages,
      progress,
      signal,
      now: Date.now,
      given,
    });
    const summary = await readJsonFile<Summary>(join(runDir, "summary.json"));
    const report = join(runDir, "report.html");
    return {
      data: { runDir, report, numRun, summary },
      text: `${summary === null ? "" : `${headlineText(summary)}\n\n`}report: ${relative(process.cwd(), report) || report}`,
    };
  } finally {
    await release();
  }
}
