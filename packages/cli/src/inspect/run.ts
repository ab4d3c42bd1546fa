import { join } from "node:path";
import type { Summary } from "@causeway/eval";
import type { Outcome } from "../command.ts";
import { headlineText } from "../draw/headline.ts";
import { durationText } from "../progress.ts";
import type { StageMarker } from "../pipeline/stage.ts";
import { readJsonFile } from "../read-json.ts";
import { openRun } from "../run-folder.ts";

const stageNames = [
  "drives",
  "labels",
  "tokenizer",
  "stage1",
  "stage2",
  "open-loop",
  "closed-loop",
  "report",
];

/** Which stages a run has finished, and its headline numbers. */
export async function inspectRun(dir: string): Promise<Outcome> {
  const { record, runId } = await openRun(dir);
  const markers: StageMarker[] = [];
  for (const name of stageNames) {
    const marker = await readJsonFile<StageMarker>(join(dir, "stages", `${name}.json`));
    if (marker !== null) markers.push(marker);
  }
  const summary = await readJsonFile<Summary>(join(dir, "summary.json"));
  const lines = markers.map(
    (m) =>
      `  ${m.title.padEnd(32)} ${durationText(m.wallSecs).padStart(12)}  ${String(m.peakRssMb).padStart(5)} MB  ${m.summary}`,
  );
  const missing = stageNames.filter((name) => !markers.some((m) => m.name === name));
  return {
    data: {
      runId,
      recipe: record.recipe,
      stages: markers.map((m) => ({ ...m, files: m.files.length })),
      summary,
    },
    text: [
      `run ${runId}, recipe ${record.recipe.name}, seed ${record.seed}`,
      ...lines,
      ...(missing.length === 0 ? [] : [`  not done: ${missing.join(", ")}`]),
      ...(summary === null ? [] : ["", headlineText(summary)]),
    ].join("\n"),
  };
}
