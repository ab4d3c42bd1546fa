/** The pipeline of a run recipe: which stages, what each depends on, what each writes. */
import { cpus } from "node:os";
import { backboneFacts } from "@causeway/models";
import type { Stage } from "../pipeline/stage.ts";
import { checkpointOf, presetOfRun, type RunRecipe, stageRecipe } from "../recipe/run-recipe.ts";
import { shortNumber } from "../draw/terminal-plot.ts";
import type { Provenance } from "@causeway/train";
import type { ClosedLoopStageOptions } from "./closed-loop.ts";
import type { DrivesOptions } from "./drives.ts";
import type { LabelsOptions, LabelsResult } from "./labels.ts";
import type { OpenLoopOptions } from "./open-loop.ts";
import { closedLoopScenes, driveIdOf, recordingsOf } from "./recordings.ts";
import type { ReportOptions, ReportSetting } from "./report.ts";
import type { TokenizerOptions } from "./tokenizer.ts";
import type { TrainStageOptions, TrainStageSetting } from "./train-stage.ts";

export interface PipelineContext {
  readonly runId: string;
  readonly provenance: Omit<Provenance, "datasetFingerprint">;
  /** Dataset folder, relative to the run folder or absolute; `ownData` for the drives that the run simulates. */
  readonly dataDir: string;
  /** Checkpoint folder to evaluate, relative to the run folder or absolute; null: the end of the run's stage 2. */
  readonly checkpoint: string | null;
}

/** Where a run keeps its own dataset. */
export const ownData = "data";

const moduleOf = (name: string): string => new URL(`./${name}.ts`, import.meta.url).href;
/** Stages (or given digests) that stand for the content of the dataset. */
const dataStages = ["drives", "labels"];
/** Processes for work that splits into independent items. */
const processes = (): number => Math.max(1, Math.min(4, cpus().length));

const sum = (results: readonly unknown[], key: string): number =>
  results.reduce<number>((n, r) => n + ((r as Record<string, number>)[key] ?? 0), 0);

/** Simulated drives: `drives/` and, by `labelStage`, the rest of a dataset folder. */
export function drivesStage(recipe: Pick<RunRecipe, "seed" | "drives">, dataDir: string): Stage {
  const { secs, cameras, image, jpegQuality, onPolicy } = recipe.drives;
  const options: DrivesOptions = {
    recordings: recordingsOf(recipe),
    secs,
    cameras,
    image,
    jpegQuality,
    onPolicy:
      onPolicy === null
        ? null
        : {
            preset: onPolicy.preset,
            replanEverySecs: onPolicy.replanEverySecs,
            weights: backboneFacts(onPolicy.preset).weights,
          },
  };
  return {
    name: "drives",
    title: "simulate drives",
    options,
    setting: { dataDir },
    needs: [],
    outputs: [`${dataDir}/drives`],
    module: moduleOf("drives"),
    parts: Math.min(processes(), options.recordings.length),
    summarize: (results) => `${sum(results, "drives")} drives of ${secs} s`,
  };
}

export function labelsStage(
  recipe: Pick<RunRecipe, "seed" | "drives" | "samples" | "name">,
  dataDir: string,
): Stage {
  const recordings = recordingsOf(recipe);
  const ids = (split: string): string[] =>
    recordings.filter((r) => r.split === split).map(driveIdOf);
  const options: LabelsOptions = {
    splits: { train: ids("train"), val: [], test: ids("test") },
    seed: recipe.seed,
    ...recipe.samples,
    name: recipe.name,
  };
  return {
    name: "labels",
    title: "label them",
    options,
    setting: { dataDir },
    needs: ["drives"],
    outputs: ["dataset.json", "splits.json", "labels"].map((f) => `${dataDir}/${f}`),
    records: [`${dataDir}/cache`],
    module: moduleOf("labels"),
    parts: 1,
    summarize: ([result]) => {
      const { labelled, samples, keyframes } = result as LabelsResult;
      return `${labelled} of ${samples} samples have a chain of causation, ${keyframes} keyframes`;
    },
  };
}

export function trainStages(recipe: RunRecipe, context: PipelineContext): Stage[] {
  const { dataDir } = context;
  const preset = presetOfRun(recipe);
  const { init } = recipe.stage1;
  const tokenizer: TokenizerOptions = {
    preset,
    backbone: init.kind === "backbone" ? init.preset : null,
  };
  const stages: Stage[] = [
    {
      name: "tokenizer",
      title: tokenizer.backbone === null ? "train the tokenizer" : "take the backbone's tokenizer",
      options: tokenizer,
      setting: { dataDir },
      needs: dataStages,
      outputs: ["tokenizer"],
      module: moduleOf("tokenizer"),
      parts: 1,
      summarize: ([result]) => `${(result as { tokens: number }).tokens} tokens`,
    },
  ];
  for (const [i, stage] of (["stage1", "stage2"] as const).entries()) {
    const full = stageRecipe(recipe, stage);
    const { validation } = recipe;
    const options: TrainStageOptions = { preset, recipe: full, validation };
    const setting: TrainStageSetting = { dataDir, provenance: context.provenance };
    stages.push({
      name: stage,
      title: i === 0 ? "train stage 1 (language model)" : "train stage 2 (action expert)",
      options,
      setting,
      needs: [...dataStages, "tokenizer", ...(i === 0 ? [] : ["stage1"])],
      outputs: [checkpointOf(stage, full.steps)],
      records: [stage],
      module: moduleOf("train-stage"),
      parts: 1,
      summarize: ([result]) => {
        const { step, loss } = result as { step: number; loss: number | null };
        return `${step} steps${loss === null ? "" : `, last loss ${shortNumber(loss)}`}`;
      },
    });
  }
  return stages;
}

export function evaluationStages(recipe: RunRecipe, context: PipelineContext): Stage[] {
  const { dataDir } = context;
  const { seed } = recipe;
  const checkpoint = context.checkpoint ?? checkpointOf("stage2", recipe.stage2.steps);
  const needs = [...dataStages, "stage2"];
  const openLoop: OpenLoopOptions = { seed, checkpoint, openLoop: recipe.openLoop };
  const closedLoop: ClosedLoopStageOptions = {
    seed,
    checkpoint,
    scenes: closedLoopScenes(recipe),
    closedLoop: recipe.closedLoop,
  };
  const report: ReportOptions = { recipe, checkpoint, runId: context.runId };
  const reportSetting: ReportSetting = { dataDir, commit: context.provenance.commit };
  return [
    {
      name: "open-loop",
      title: "evaluate open loop",
      options: openLoop,
      setting: { dataDir },
      needs,
      outputs: ["open-loop"],
      module: moduleOf("open-loop"),
      parts: 1,
      summarize: ([result]) => `${(result as { samples: number }).samples} held-out samples`,
    },
    {
      name: "closed-loop",
      title: "evaluate closed loop",
      options: closedLoop,
      setting: { dataDir },
      needs,
      outputs: ["closed-loop"],
      module: moduleOf("closed-loop"),
      parts: 1,
      summarize: ([result]) => `${(result as { scenes: number }).scenes} scenes, three drivers`,
    },
    {
      name: "report",
      title: "write the report",
      options: report,
      setting: reportSetting,
      needs: [...needs, "open-loop", "closed-loop"],
      outputs: [
        "summary.json",
        "report.html",
        "facts.json",
        ...[
          "samples",
          "predictions",
          "openloop",
          "decisions",
          "closedloop",
          "clips",
          "films",
          "metrics",
        ].map((f) => `${f}.jsonl`),
      ],
      module: moduleOf("report"),
      parts: 1,
      summarize: () => "report.html",
    },
  ];
}

/** Everything: `causeway run`. */
export function runStagesOf(recipe: RunRecipe, context: PipelineContext): Stage[] {
  return [
    drivesStage(recipe, context.dataDir),
    labelsStage(recipe, context.dataDir),
    ...trainStages(recipe, context),
    ...evaluationStages(recipe, context),
  ];
}
