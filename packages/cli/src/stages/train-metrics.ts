import { readFile } from "node:fs/promises";
import type { TrainMetricRow } from "@causeway/eval";
import { type MetricsRow, readMetrics, type TrainRecipe } from "@causeway/train";

/** Columns of metrics.jsonl that are not parts of the loss. */
const otherColumns = new Set(["step", "loss", "lr", "gradNorm", "stepMs", "numTokens"]);

/** The trainer's rows as the report reads them; wall time is the sum of steps, so a pause does not count. */
export function trainMetricRows(
  rows: readonly MetricsRow[],
  recipe: Pick<TrainRecipe, "stage" | "batch">,
): TrainMetricRow[] {
  const samplesPerStep = recipe.batch.size * recipe.batch.accumulate;
  let wallMs = 0;
  return rows.map((row) => {
    const stepMs = row["stepMs"] ?? 0;
    wallMs += stepMs;
    return {
      stage: recipe.stage,
      split: "train",
      step: row.step,
      loss: row["loss"] as number,
      lossParts: Object.fromEntries(Object.entries(row).filter(([key]) => !otherColumns.has(key))),
      learningRate: row["lr"] ?? null,
      samplesPerSec: stepMs > 0 ? Math.round((samplesPerStep * 1e5) / stepMs) / 100 : null,
      wallSecs: Math.round(wallMs / 10) / 100,
    };
  });
}

/** Rows of a stage's run folder; empty when it was trained elsewhere. */
export async function readTrainMetrics(
  path: string,
  recipe: Pick<TrainRecipe, "stage" | "batch">,
): Promise<TrainMetricRow[]> {
  const exists = await readFile(path).then(
    () => true,
    () => false,
  );
  // A step whose loss was not finite has null there; the report leaves it out and events.jsonl names it.
  return exists
    ? trainMetricRows(readMetrics(path), recipe).filter((r) => Number.isFinite(r.loss))
    : [];
}
