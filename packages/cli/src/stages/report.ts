/** Stage: score the answers, choose pictures, write every artefact of the run folder, summary.json and report.html. */
import { readdir, readFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { openDataset, splitOf } from "@causeway/data";
import {
  artefactFiles,
  type ClosedLoopRow,
  type DecisionJson,
  type EvalSampleRow,
  type FilmArtefact,
  judgeDecisions,
  makeSummary,
  type PredictionRow,
  renderReport,
  type RunFacts,
  scoreOpenLoop,
  type Summary,
  type TrainMetricRow,
  writeJson,
  writeJsonl,
  writeText,
} from "@causeway/eval";
import { checkPathConsistency, parseTrace } from "@causeway/label";
import { AlpamayoModel, backboneFacts } from "@causeway/models";
import { type Lineage, lineageWarnings } from "@causeway/train";
import type { Work } from "../pipeline/child-protocol.ts";
import type { StageMarker, WorkInput } from "../pipeline/stage.ts";
import type { RunRecipe } from "../recipe/run-recipe.ts";
import { stageRecipe } from "../recipe/run-recipe.ts";
import { readBatches } from "./batch-files.ts";
import { chooseClips, makeClip } from "./clips.ts";
import type { ClosedLoopLine } from "./closed-loop.ts";
import type { DataSetting } from "./drives.ts";
import { openLoader } from "./labelled-samples.ts";
import type { OpenLoopLine } from "./open-loop.ts";
import { readTrainMetrics } from "./train-metrics.ts";

export interface ReportOptions {
  readonly recipe: RunRecipe;
  readonly checkpoint: string;
  readonly runId: string;
}
export interface ReportSetting extends DataSetting {
  readonly commit: string | null;
}

const decisionOf = (trace: string): DecisionJson | null => {
  const parsed = parseTrace(trace);
  if (parsed.status !== "parsed") return null;
  const { longitudinal, lateral, lateralSide } = parsed;
  return { longitudinal, lateral, lateralSide };
};

export const work: Work<WorkInput<ReportOptions, ReportSetting>, Summary> = async (
  { runDir, options, setting },
  context,
) => {
  const startMs = performance.now();
  const { recipe } = options;
  const path = (file: keyof typeof artefactFiles): string => join(runDir, artefactFiles[file]);
  context.progress({ done: 0, total: 4, note: "scores" });

  const samples: EvalSampleRow[] = [];
  const predictions: PredictionRow[] = [];
  for await (const line of readBatches<OpenLoopLine>(runDir, "open-loop"))
    if ("sample" in line) samples.push(line.sample);
    else predictions.push(line.prediction);
  const closedLoop: ClosedLoopRow[] = [];
  const allFilms: FilmArtefact[] = [];
  for await (const line of readBatches<ClosedLoopLine>(runDir, "closed-loop"))
    if ("row" in line) closedLoop.push(line.row);
    else allFilms.push(line.film);

  const openLoop = scoreOpenLoop(samples, predictions);
  const decisions = ["model", "model_shuffled_images"].flatMap((predictor) =>
    predictions.some((p) => p.predictor === predictor)
      ? judgeDecisions(samples, predictions, predictor, decisionOf, checkPathConsistency)
      : [],
  );
  const films = worstFirst(allFilms, closedLoop).slice(0, recipe.report.films);
  const trainMetrics: TrainMetricRow[] = [];
  for (const stage of ["stage1", "stage2"] as const)
    trainMetrics.push(
      ...(await readTrainMetrics(join(runDir, stage, "metrics.jsonl"), stageRecipe(recipe, stage))),
    );

  context.progress({ done: 1, total: 4, note: "pictures" });
  const model = await AlpamayoModel.load(resolve(runDir, options.checkpoint));
  const { cameras, image, name } = model.codec.manifest;
  const dataset = await openDataset(resolve(runDir, setting.dataDir));
  const loader = await openLoader(dataset, {
    cameras: cameras.map((c) => c.name),
    width: image.widthPx,
    height: image.heightPx,
  });
  const clips = [];
  try {
    for (const sampleId of chooseClips(openLoop, recipe.report.clips)) {
      context.signal.throwIfAborted();
      const sample = samples.find((s) => s.sampleId === sampleId);
      const isModel = (row: { sampleId: string; predictor: string }): boolean =>
        row.sampleId === sampleId && row.predictor === "model";
      if (sample !== undefined)
        clips.push(
          await makeClip({
            dataset,
            loader,
            sample,
            prediction: predictions.find(isModel) ?? null,
            decision: decisions.find(isModel) ?? null,
          }),
        );
    }
  } finally {
    await loader.close();
  }

  context.progress({ done: 2, total: 4, note: "files" });
  const markers = await readMarkers(runDir);
  const splits = await dataset.splits();
  const count = (split: "train" | "test"): number =>
    dataset.drives.filter((d) => splits !== null && splitOf(splits, d.id) === split).length;
  const [cpu] = cpus();
  const ownSecs = (performance.now() - startMs) / 1000;
  const facts: RunFacts = {
    id: options.runId,
    title: recipe.title,
    recipe: recipe.name,
    seed: recipe.seed,
    commit: setting.commit,
    finishedAt: null,
    machine: {
      cpu: cpu?.model.trim() ?? "unknown",
      cores: cpus().length,
      memoryGb: Math.round(totalmem() / 1e8) / 10,
    },
    model: {
      name,
      parameters: [...model.weights.values()].reduce((n, w) => n + w.data.length, 0),
    },
    dataset: {
      fingerprint: dataset.fingerprint.slice(0, 16),
      trainRecordings: count("train"),
      heldOutRecordings: count("test"),
      hours: dataset.drives.reduce((sum, d) => sum + d.durationUs, 0) / 3.6e9,
    },
    stages: [
      ...markers.map((m) => ({ name: m.title, secs: m.wallSecs })),
      { name: "report", secs: Math.round(ownSecs * 10) / 10 },
    ],
    facts: startFacts(recipe),
    warnings: lineageWarnings(
      JSON.parse(
        await readFile(join(resolve(runDir, options.checkpoint), "lineage.json"), "utf8"),
      ) as Lineage,
    ),
  };
  const summary = makeSummary({
    openLoop,
    decisions,
    closedLoop,
    wallSecs: Math.round(facts.stages.reduce((sum, s) => sum + s.secs, 0) * 10) / 10,
    peakRssMb: Math.max(
      Math.round(process.memoryUsage.rss() / 1e6),
      ...markers.map((m) => m.peakRssMb),
    ),
  });
  writeJsonl(path("samples"), samples);
  writeJsonl(path("predictions"), predictions);
  writeJsonl(path("openLoop"), openLoop);
  writeJsonl(path("decisions"), decisions);
  writeJsonl(path("closedLoop"), closedLoop);
  writeJsonl(path("clips"), clips);
  writeJsonl(path("films"), films);
  writeJsonl(path("trainMetrics"), trainMetrics);
  writeJson(join(runDir, "facts.json"), facts);

  context.progress({ done: 3, total: 4, note: "page" });
  writeText(
    path("report"),
    renderReport({
      run: facts,
      summary,
      trainMetrics,
      openLoop,
      decisions,
      closedLoop,
      clips,
      films,
    }),
  );
  writeJson(path("summary"), summary);
  context.progress({ done: 4, total: 4 });
  return summary;
};

/** What the language model knew before the run. */
function startFacts(recipe: RunRecipe): [string, string][] {
  const { init } = recipe.stage1;
  if (init.kind !== "backbone") return [["begins with", "fresh weights"]];
  const { runs } = backboneFacts(init.preset);
  const words = runs.map(
    ({ recipe: name, trainDrives, steps, minutes }) =>
      `${name}: ${trainDrives} drives, ${steps.join(" + ")} steps, ${minutes} min`,
  );
  return [
    [
      "begins with",
      `the shipped ${init.preset} weights, language model and action expert, trained before on simulated drives of other seeds (${words.join("; ")})`,
    ],
  ];
}

/** Failed scenes first, then by score; equal ones by id. */
function worstFirst(
  films: readonly FilmArtefact[],
  rows: readonly ClosedLoopRow[],
): FilmArtefact[] {
  const scoreOf = new Map(rows.map((r) => [`${r.policy}\n${r.sceneId}`, r.score]));
  const score = (f: FilmArtefact): number => scoreOf.get(`${f.policy}\n${f.sceneId}`) ?? -1;
  return [...films].sort((a, b) => score(a) - score(b) || (a.sceneId < b.sceneId ? -1 : 1));
}

/** Markers of the finished stages, in the order in which the pipeline lists them. */
async function readMarkers(runDir: string): Promise<StageMarker[]> {
  const folder = join(runDir, "stages");
  const names = (await readdir(folder)).filter(
    (f) => f.endsWith(".json") && !f.includes(".started."),
  );
  const markers = await Promise.all(
    names.map(async (f) => JSON.parse(await readFile(join(folder, f), "utf8")) as StageMarker),
  );
  return markers.filter((m) => m.name !== "report").sort((a, b) => a.order - b.order);
}
