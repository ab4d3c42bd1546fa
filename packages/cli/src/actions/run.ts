import { access } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import type { Summary } from "@causeway/eval";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { durationText } from "../progress.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { planStages, runStages } from "../pipeline/run-stages.ts";
import { provenanceOf } from "../recipe/provenance.ts";
import { loadRunRecipe } from "../recipe/load-recipe.ts";
import { headlineText } from "../draw/headline.ts";
import { planText } from "../draw/plan-text.ts";
import { ownData, runStagesOf } from "../stages/build-stages.ts";
import { readJsonFile } from "../read-json.ts";
import { recordRun } from "../run-folder.ts";

export interface RunOptions extends CommonOptions {
  readonly out?: string;
}

export async function runRecipe(
  context: CommandContext,
  options: RunOptions,
  name: string,
): Promise<Outcome> {
  const recipe = await loadRunRecipe(name);
  const runDir = resolve(options.out ?? join("runs", recipe.name));
  const provenance = provenanceOf();
  const stages = runStagesOf(recipe, {
    runId: basename(runDir),
    provenance,
    dataDir: ownData,
    checkpoint: null,
  });
  if (context.isDryRun) {
    const plans = await planStages(runDir, stages);
    return {
      data: {
        runDir,
        recipe,
        stages: plans.map((p) => ({ name: p.stage.name, state: p.state, reason: p.reason })),
      },
      text: planText(runDir, plans),
    };
  }
  const release = await lockFolder(runDir);
  try {
    await recordRun(runDir, { recipe, dataDir: ownData, ...provenance });
    const { progress, signal } = context;
    const { markers, numRun } = await runStages({
      runDir,
      stages,
      progress,
      signal,
      now: Date.now,
    });
    const summary = await readJsonFile<Summary>(join(runDir, "summary.json"));
    if (summary === null) throw new Error(`summary.json is missing in ${runDir}`);
    const report = join(runDir, "report.html");
    await access(report);
    const secs = markers.reduce((sum, m) => sum + m.wallSecs, 0);
    const spent =
      numRun === 0 ? "everything was done before" : `${durationText(secs)} in all stages`;
    return {
      data: { runDir, report, numRun, summary },
      text: `\n${headlineText(summary)}\n\n${spent}, at most ${summary.peakRssMb} MB\nreport: ${relative(process.cwd(), report) || report}`,
    };
  } finally {
    await release();
  }
}
