import { join, relative } from "node:path";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import { finishedDigest, planStages, runStages } from "../pipeline/run-stages.ts";
import { planText } from "../draw/plan-text.ts";
import { provenanceOf } from "../recipe/provenance.ts";
import { openRun } from "../run-folder.ts";
import { evaluationStages } from "../stages/build-stages.ts";

export async function reportRun(
  context: CommandContext,
  _options: CommonOptions,
  path: string,
): Promise<Outcome> {
  const { runDir, runId, record } = await openRun(path);
  const stages = evaluationStages(record.recipe, {
    runId,
    provenance: provenanceOf(),
    dataDir: record.dataDir,
    checkpoint: null,
  }).filter((s) => s.name === "report");
  const given = new Map<string, string>();
  // A part that was never evaluated is left out of the report, so its absence is an input as well.
  for (const name of ["drives", "labels", "stage2", "open-loop", "closed-loop"])
    given.set(name, (await finishedDigest(runDir, name)) ?? "absent");
  if (context.isDryRun) {
    const plans = await planStages(runDir, stages, given);
    return { data: { runDir }, text: planText(runDir, plans) };
  }
  const release = await lockFolder(runDir);
  try {
    const { progress, signal } = context;
    await runStages({ runDir, stages, progress, signal, now: Date.now, given });
    const report = join(runDir, "report.html");
    return {
      data: { runDir, report },
      text: `report: ${relative(process.cwd(), report) || report}`,
    };
  } finally {
    await release();
  }
}
