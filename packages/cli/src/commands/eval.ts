import { join, relative, resolve } from "node:path";
import type { Summary } from "@causeway/eval";
import {
  action,
  type CommonOptions,
  createCommand,
  type Outcome,
  wholeNumber,
} from "../command.ts";
import { headlineText } from "../draw/headline.ts";
import { planText } from "../draw/plan-text.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { planStages, runStages } from "../pipeline/run-stages.ts";
import { readJsonFile } from "../read-json.ts";
import { provenanceOf } from "../recipe/provenance.ts";
import { checkpointDigest, earlierDigests, openRun } from "../run-folder.ts";
import { evaluationStages } from "../stages/build-stages.ts";
import type { RunRecipe } from "../recipe/run-recipe.ts";

interface EvalOptions extends CommonOptions {
  readonly checkpoint?: string;
  readonly scenes?: number;
  readonly paths?: number;
}

export const command = createCommand(
  "eval",
  "Score a trained driver on held-out drives and in the simulator, and write its report.",
  [
    "causeway eval runs/mine",
    "causeway eval runs/mine --scenes 60 --paths 16",
    "causeway eval runs/mine --checkpoint runs/other/stage2/checkpoints/step_400",
  ],
)
  .argument("<run>", "run folder (from `causeway run` or `causeway train`)")
  .option("--checkpoint <folder>", "other weights than the end of the run's stage 2")
  .option("--scenes <n>", "closed-loop scenes", wholeNumber(0, 100_000))
  .option("--paths <n>", "trajectories per sample", wholeNumber(1, 64))
  .action(
    action<EvalOptions, [string]>("eval", async (context, options, path): Promise<Outcome> => {
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
    }),
  );
