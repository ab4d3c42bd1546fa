/**
 * Stage: ask the model, the same model with pictures of other drives, and the kinematic baselines about every held-out
 * sample. Rows of `open-loop/*.jsonl`: `{sample}` and `{prediction}`; scores are made from them by the report stage.
 */
import { join, resolve } from "node:path";
import { type ModelSample, openDataset } from "@causeway/data";
import {
  type EvalSampleRow,
  kinematicBaselines,
  pathToJson,
  type PredictionRow,
} from "@causeway/eval";
import { decisionAt } from "@causeway/label";
import { AlpamayoModel, type DriveResult } from "@causeway/models";
import type { Work } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import type { RunRecipe } from "../recipe/run-recipe.ts";
import { batchesOf, runBatches } from "./batch-files.ts";
import type { DataSetting } from "./drives.ts";
import { openLoader, readSampleRows } from "./labelled-samples.ts";
import type { SampleRow } from "./labels.ts";
import { driveOptions, inputOfSample } from "./model-input.ts";
import { foreignSample } from "./foreign-pictures.ts";

export interface OpenLoopOptions {
  readonly seed: number;
  /** Folder of the weights, relative to the run folder. */
  readonly checkpoint: string;
  readonly openLoop: RunRecipe["openLoop"];
}

/** A line of `open-loop/*.jsonl`. */
export type OpenLoopLine =
  | { readonly sample: EvalSampleRow }
  | { readonly prediction: PredictionRow };

const failed = (sampleId: string, predictor: string, error: unknown): PredictionRow => ({
  sampleId,
  predictor,
  status: "failed",
  error: error instanceof Error ? error.message : String(error),
  paths: [],
  reasoning: null,
});

const answered = (sampleId: string, predictor: string, result: DriveResult): PredictionRow => ({
  sampleId,
  predictor,
  status: "ok",
  error: null,
  paths: result.paths.map(pathToJson),
  reasoning: result.text,
});

export const work: Work<WorkInput<OpenLoopOptions, DataSetting>, { samples: number }> = async (
  { runDir, options, setting },
  context,
) => {
  const { seed, openLoop } = options;
  const { paths, batch: batchSize, ...sampling } = openLoop;
  const dataset = await openDataset(resolve(runDir, setting.dataDir));
  const rows = await readSampleRows(dataset, ["test"]);
  const model = await AlpamayoModel.load(resolve(runDir, options.checkpoint));
  const { cameras, image } = model.codec.manifest;
  const loader = await openLoader(dataset, {
    cameras: cameras.map((c) => c.name),
    width: image.widthPx,
    height: image.heightPx,
  });
  const scenarioOf = new Map(dataset.drives.map((d) => [d.id, d]));

  const sampleRow = async (row: SampleRow, sample: ModelSample): Promise<EvalSampleRow> => {
    const entry = scenarioOf.get(row.driveId);
    const drive = await dataset.open(row.driveId);
    try {
      const decisions = await drive.decisions();
      const decision =
        decisions === null ? null : decisionAt({ id: drive.id, decisions }, row.t0Us);
      return {
        sampleId: row.id,
        recordingId: entry?.recording ?? row.driveId,
        t0Us: row.t0Us,
        scenario: entry?.scenario ?? null,
        history: pathToJson(sample.history),
        future: pathToJson(sample.future),
        oracle:
          decision === null || row.cot === null
            ? null
            : {
                longitudinal: decision.longitudinal,
                lateral: decision.lateral,
                lateralSide: decision.lateralSide,
                trace: row.cot,
              },
      };
    } finally {
      await drive.close();
    }
  };

  const ask = async (
    predictor: string,
    batch: readonly SampleRow[],
    samples: readonly ModelSample[],
    pictures: readonly ModelSample[],
  ): Promise<PredictionRow[]> => {
    const ids = batch.map((r) => r.id);
    const inputs = samples.map((s, i) => inputOfSample(s, pictures[i]?.cameras));
    try {
      const results = await model.drive(inputs, driveOptions(sampling, paths, seed, ids));
      return results.map((result, i) => answered(ids[i] as string, predictor, result));
    } catch (error) {
      // A model that cannot answer is a result: counted and shown, never left out.
      return ids.map((id) => failed(id, predictor, error));
    }
  };

  const work = async (
    batch: readonly SampleRow[],
    report: (done: number) => void,
  ): Promise<OpenLoopLine[]> => {
    const samples = await loader.load(batch);
    const foreign = await loader.load(batch.map((row) => foreignSample(row, rows, seed)));
    const lines: OpenLoopLine[] = [];
    for (const [i, row] of batch.entries())
      lines.push({ sample: await sampleRow(row, samples[i] as ModelSample) });
    const predictions = await ask("model", batch, samples, samples);
    report(batch.length / 2);
    predictions.push(...(await ask("model_shuffled_images", batch, samples, foreign)));
    for (const [name, predict] of Object.entries(kinematicBaselines))
      for (const [i, { id }] of batch.entries())
        predictions.push({
          sampleId: id,
          predictor: name,
          status: "ok",
          error: null,
          paths: [pathToJson(predict((samples[i] as ModelSample).history))],
          reasoning: null,
        });
    return [...lines, ...predictions.map((prediction) => ({ prediction }))];
  };

  try {
    await runBatches(
      join(runDir, "open-loop"),
      batchesOf("batch", rows, batchSize),
      context,
      ({ items }, report) => work(items, report),
    );
    return { samples: rows.length };
  } finally {
    await loader.close();
    await model.dispose();
  }
};
