import { readFile } from "node:fs/promises";
import type { TrainMetricRow } from "@causeway/eval";
import { type MetricsRow, readMetrics, type TrainRecipe } from "@causeway/train";

/** Columns of metrics.jsonl that are not parts of the loss. */
const otherColumns = new Set(["step", "loss", "lr", "gradNorm", "stepMs", "numTokens"]);

/** Columns of losses over held-out samples, where the step has them. */
const heldOutPrefix = "val_";

/** The trainer's rows as the report reads them; wall time is the sum of steps, so a pause does not count. */
export function trainMetricRows(
  rows: readonly MetricsRow[],
  recipe: Pick<TrainRecipe, "stage" | "batch">,
): TrainMetricRow[] {
  const samplesPerStep = recipe.batch.size * recipe.batch.accumulate;
  let wallMs = 0;
  return rows.flatMap((row) => {
    const stepMs = row["stepMs"] ?? 0;
    wallMs += stepMs;
    const columns = Object.entries(row).filter(([key]) => !otherColumns.has(key));
    const parts = columns.filter(([key]) => !key.startsWith(heldOutPrefix));
    const heldOut = columns
      .filter(([key]) => key.startsWith(heldOutPrefix))
      .map(([key, value]) => [key.slice(heldOutPrefix.length), value] as const);
    const { stage } = recipe;
    const wallSecs = Math.round(wallMs / 10) / 100;
    const trained: TrainMetricRow = {
      stage,
      split: "train",
      step: row.step,
      loss: row["loss"] as number,
      lossParts: Object.fromEntries(parts),
      learningRate: row["lr"] ?? null,
      samplesPerSec: stepMs > 0 ? Math.round((samplesPerStep * 1e5) / stepMs) / 100 : null,
      wallSecs,
    };
    if (heldOut.length === 0) return [trained];
    const { loss = Number.NaN, ...lossParts } = Object.fromEntries(heldOut);
    const checked: TrainMetricRow = {
      stage,
      split: "validation",
      step: row.step,
      loss,
      lossParts,
      learningRate: null,
      samplesPerSec: null,
      wallSecs,
    };
    return [trained, checked];
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
