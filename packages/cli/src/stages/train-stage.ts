/** Stage: train the VLM (stage 1) or the expert (stage 2). The trainer itself resumes from its last checkpoint. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createRng } from "@causeway/geom";
import {
  AlpamayoModel,
  backboneFolder,
  type BackboneName,
  createCodec,
  type DrivingCodec,
  Tokenizer,
  type TokenizerJson,
  type Weights,
} from "@causeway/models";
import {
  alpamayoModules,
  checkMemory,
  createStage1Task,
  createStage2Task,
  initialLineage,
  type Lineage,
  memoryText,
  parseLineage,
  type ModelTaskOptions,
  type Provenance,
  train,
  type TrainOptions,
  type TrainRecipe,
  type TrainResult,
} from "@causeway/train";
import { StoppedError, UserError } from "../errors.ts";
import type { Work } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import type { RunRecipe } from "../recipe/run-recipe.ts";
import { shortNumber } from "../draw/terminal-plot.ts";
import { availableBytes } from "../pipeline/available-memory.ts";
import { presetOf } from "./tokenizer.ts";
import { openLabelledSamples } from "./labelled-samples.ts";

export interface TrainStageOptions {
  readonly preset: string;
  readonly recipe: TrainRecipe;
  readonly validation: RunRecipe["validation"];
}
export interface TrainStageSetting {
  readonly dataDir: string;
  readonly provenance: Omit<Provenance, "datasetFingerprint">;
}

interface Start {
  readonly codec: DrivingCodec;
  readonly weights: Weights;
  readonly lineage: Lineage;
}

async function freshStart(runDir: string, preset: string, seed: number): Promise<Start> {
  const text = await readFile(join(runDir, "tokenizer", "tokenizer.json"), "utf8");
  const codec = createCodec(presetOf(preset), new Tokenizer(JSON.parse(text) as TokenizerJson));
  const { weights } = AlpamayoModel.create(codec, createRng(seed).fork("weights"));
  return {
    codec,
    weights,
    lineage: initialLineage([...weights.keys()].map(alpamayoModules.moduleOf)),
  };
}

async function backboneStart(name: BackboneName): Promise<Start> {
  const folder = backboneFolder(name);
  const { codec, weights } = await AlpamayoModel.load(folder);
  const lineage = parseLineage(JSON.parse(await readFile(join(folder, "lineage.json"), "utf8")));
  return { codec, weights, lineage };
}

async function checkpointStart(folder: string, preset: string): Promise<Start> {
  const { codec, weights } = await AlpamayoModel.load(folder);
  if (codec.manifest.name !== preset)
    throw new UserError(
      "ARCHITECTURE",
      `this checkpoint is a "${codec.manifest.name}" model; the recipe wants "${preset}". Use the preset or checkpoint that belong together (${folder})`,
    );
  const lineage = parseLineage(JSON.parse(await readFile(join(folder, "lineage.json"), "utf8")));
  return { codec, weights, lineage };
}

/** Words for the progress line. */
const noteOf = (losses: Readonly<Record<string, number>>, tokensPerSec: number): string =>
  `loss ${shortNumber(losses["loss"] ?? Number.NaN)}, ${Math.round(tokensPerSec)} tokens/s`;

export const work: Work<
  WorkInput<TrainStageOptions, TrainStageSetting>,
  { step: number; loss: number | null }
> = async ({ runDir, options, setting }, context) => {
  const { recipe, preset } = options;
  const { init } = recipe;
  const start =
    init.kind === "fresh"
      ? await freshStart(runDir, init.preset, recipe.seed)
      : init.kind === "backbone"
        ? await backboneStart(init.preset)
        : await checkpointStart(join(runDir, init.path), preset);
  const { codec, weights, lineage } = start;
  const { cameras, image } = codec.manifest;
  const data = await openLabelledSamples(
    resolve(runDir, setting.dataDir),
    {
      cameras: cameras.map((c) => c.name),
      width: image.widthPx,
      height: image.heightPx,
    },
    options.validation.samples,
  );
  const { everySteps } = options.validation;
  const validation =
    data.heldOut.length >= recipe.batch.size ? { samples: data.heldOut, everySteps } : undefined;
  let loss: number | null = null;
  try {
    const result = await runTask(
      recipe,
      { codec, weights, samples: data.train, ...(validation === undefined ? {} : { validation }) },
      {
        runFolder: join(runDir, recipe.stage),
        recipe,
        provenance: { ...setting.provenance, datasetFingerprint: data.fingerprint },
        lineage,
        signal: context.signal,
        onProgress: ({ step, steps, losses, tokensPerSec }) => {
          loss = losses["loss"] ?? null;
          context.progress({ done: step, total: steps, note: noteOf(losses, tokensPerSec) });
        },
      },
      context.line,
    );
    if (!result.isFinished) throw new StoppedError();
    return { step: result.step, loss };
  } finally {
    await data.close();
  }
};

async function runTask(
  recipe: TrainRecipe,
  model: Omit<ModelTaskOptions<TrainRecipe>, "recipe">,
  options: TrainOptions,
  line: (text: string) => void,
): Promise<TrainResult> {
  const task =
    recipe.stage === "stage1"
      ? await createStage1Task({ ...model, recipe })
      : await createStage2Task({ ...model, recipe });
  try {
    if (task.memory !== undefined) {
      line(memoryText(task.memory));
      checkMemory(task.memory, availableBytes());
    }
    return await train(task, options);
  } finally {
    await task.dispose();
  }
}
