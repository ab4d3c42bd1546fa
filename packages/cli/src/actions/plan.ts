/** What the training stages of a recipe will update and hold in memory: the same plan as training makes, and no weights. */
import { resolve } from "node:path";
import { openDataset } from "@causeway/data";
import type { LocalPath } from "@causeway/geom";
import {
  AlpamayoModel,
  backboneFolder,
  createCodec,
  DrivingCodec,
  weightShapes,
} from "@causeway/models";
import {
  alpamayoModules,
  initialLineage,
  type LabelledSamples,
  memoryHelp,
  memoryText,
  type MemoryPlan,
  nextLineage,
  plannedPerception,
  planStage1,
  planStage2,
  rowSizes,
  type WeightShapes,
} from "@causeway/train";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { availableBytes } from "../pipeline/available-memory.ts";
import { loadRunRecipe } from "../recipe/load-recipe.ts";
import { presetOfRun, type RunRecipe } from "../recipe/run-recipe.ts";
import { openLabelledSamples, readSampleRows } from "../stages/labelled-samples.ts";
import { presetOf, tokenizerOf } from "../stages/tokenizer.ts";

export interface PlanOptions extends CommonOptions {
  readonly data?: string;
  /** GB. */
  readonly memory?: number;
}

/** The row that stands for a data set: a sentence and a route as the simulator's expert writes them. */
const typicalWords = {
  cot: "Slow down and stop at the line while keeping the lane because a stop sign is ahead.",
  navText: "Turn left in 30m",
};

/** Codec of the recipe's model, of the true vocabulary size, without its weights. */
async function codecOf(recipe: RunRecipe, data: string | undefined): Promise<DrivingCodec> {
  const { init } = recipe.stage1;
  if (init.kind === "backbone")
    return (await AlpamayoModel.load(backboneFolder(init.preset))).codec;
  const preset = presetOf(presetOfRun(recipe));
  if (data !== undefined)
    return createCodec(
      preset,
      tokenizerOf(preset, await readSampleRows(await openDataset(data), ["train"])),
    );
  const small = createCodec(preset, tokenizerOf(preset, [typicalWords]));
  const { config, manifest, tokenizer } = small;
  const { vlm } = config;
  // The words of a data set fill the vocabulary up to the preset's bound.
  const words = Object.keys(tokenizer.json.model.vocab).length;
  const vocabSize = tokenizer.size + Math.max(0, preset.bpeVocabSize - words);
  return new DrivingCodec(
    { ...config, vlm: { ...vlm, text: { ...vlm.text, vocabSize } } },
    manifest,
    tokenizer,
  );
}

/** One moment with the typical words; its pictures are black. */
function typicalSamples({ config, manifest }: DrivingCodec): LabelledSamples {
  const path = (count: number, firstSecs: number): LocalPath => {
    const zeros = () => new Float64Array(count);
    return {
      x: Float64Array.from({ length: count }, (_, i) => 5 * (firstSecs + 0.1 * i)),
      y: zeros(),
      z: zeros(),
      yaw: zeros(),
    };
  };
  const { widthPx: width, heightPx: height } = manifest.image;
  const frame = { width, height, pixels: new Uint8Array(3 * width * height) };
  return {
    length: 1,
    id: () => "typical",
    words: () => ({ ...typicalWords, meaning: "stop" }),
    read: async () => ({
      input: {
        cameras: new Map(
          manifest.cameras.map(({ name }) => [
            name,
            Array.from({ length: manifest.framesPerCamera }, () => frame),
          ]),
        ),
        history: path(manifest.historyPoses, 0.1 * (1 - manifest.historyPoses)),
        navText: typicalWords.navText,
      },
      future: path(config.actionSpace.waypointCount, 0.1),
      cot: typicalWords.cot,
    }),
  };
}

/** Row sizes of both stages, from the data set as training reads it, or from the typical row. */
async function sizesOf(codec: DrivingCodec, recipe: RunRecipe, data: string | undefined) {
  if (data === undefined) {
    const samples = typicalSamples(codec);
    return {
      stage1: await rowSizes({ codec, samples, recipe: recipe.stage1 }),
      stage2: await rowSizes({ codec, samples, recipe: recipe.stage2 }),
    };
  }
  const { cameras, image } = codec.manifest;
  const settings = {
    cameras: cameras.map((c) => c.name),
    width: image.widthPx,
    height: image.heightPx,
  };
  const { train, heldOut, close } = await openLabelledSamples(
    data,
    settings,
    recipe.validation.samples,
  );
  try {
    const sizes = (stage: "stage1" | "stage2") =>
      rowSizes({
        codec,
        samples: train,
        recipe: recipe[stage],
        // As the training stage does.
        ...(heldOut.length >= recipe[stage].batch.size ? { validation: { samples: heldOut } } : {}),
      });
    return { stage1: await sizes("stage1"), stage2: await sizes("stage2") };
  } finally {
    await close();
  }
}

export async function planRecipe(
  _context: CommandContext,
  options: PlanOptions,
  name: string,
): Promise<Outcome> {
  const recipe = await loadRunRecipe(name);
  const data = options.data === undefined ? undefined : resolve(options.data);
  const codec = await codecOf(recipe, data);
  const sizes = await sizesOf(codec, recipe, data);
  const weights: WeightShapes = new Map(
    [...weightShapes(codec.config)].map(([weight, shape]) => [weight, { shape }]),
  );
  const { stage1, stage2 } = recipe;
  const plans = [
    {
      recipe: stage1,
      rows: sizes.stage1,
      plan: planStage1({
        codec,
        recipe: stage1,
        sizes: sizes.stage1,
        weights,
        perception: plannedPerception(stage1),
      }),
    },
    {
      recipe: stage2,
      rows: sizes.stage2,
      plan: planStage2({ codec, recipe: stage2, sizes: sizes.stage2, weights }),
    },
  ];
  const availableGb = options.memory ?? availableBytes() / 1e9;
  let lineage = initialLineage([...weights.keys()].map(alpamayoModules.moduleOf));
  const stages = plans.map(({ recipe: own, plan }) => {
    lineage = nextLineage(lineage, {
      run: recipe.name,
      stage: own.stage,
      steps: own.steps,
      seed: own.seed,
      dataset: data ?? "none yet",
      trainedNames: plan.trained,
      map: alpamayoModules,
    });
    const record = lineage.history.at(-1);
    return {
      stage: own.stage,
      steps: own.steps,
      batch: own.batch,
      lengths: plan.buckets,
      updates: record?.updated ?? [],
      freezes: record?.frozen ?? [],
      makesStale: record?.madeStale ?? [],
      memory: plan.memory,
      fits: plan.memory.total <= availableGb * 1e9,
      help: plan.memory.total <= availableGb * 1e9 ? [] : memoryHelp(plan.memory),
    };
  });
  return {
    data: {
      recipe: recipe.name,
      preset: codec.manifest.name,
      rows: data === undefined ? "typical" : "data",
      availableGb,
      fits: stages.every(({ fits }) => fits),
      stages,
    },
    text: [
      `${recipe.name}: ${codec.manifest.name}, ${data === undefined ? "one typical row (--data gives the lengths of yours)" : `rows of ${options.data}`}`,
      ...stages.flatMap((s) => stageLines(s, availableGb)),
    ].join("\n"),
  };
}

const list = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

function stageLines(
  s: {
    readonly stage: string;
    readonly steps: number;
    readonly batch: { readonly size: number; readonly accumulate: number };
    readonly lengths: readonly number[];
    readonly updates: readonly string[];
    readonly freezes: readonly string[];
    readonly makesStale: readonly string[];
    readonly memory: MemoryPlan;
    readonly fits: boolean;
    readonly help: readonly string[];
  },
  availableGb: number,
): string[] {
  const available = `${availableGb.toFixed(2)} GB`;
  return [
    "",
    `${s.stage}: ${s.steps} steps of ${s.batch.size} x ${s.batch.accumulate} samples, rows of ${s.lengths.join(", ")} tokens`,
    `  updates ${list(s.updates)}; freezes ${list(s.freezes)}; makes stale: ${list(s.makesStale)}`,
    `  ${memoryText(s.memory)}`,
    s.fits
      ? `  fits into ${available}`
      : `  does not fit into ${available}. What would help: ${s.help.join("; ")}`,
  ];
}
