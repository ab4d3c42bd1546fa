/** What stage 1 and stage 2 share: samples to examples, length buckets, files of a checkpoint, modules. */
import { freemem } from "node:os";
import type { Rng } from "@causeway/geom";
import type { Runtime, Tensor } from "@causeway/graph";
import {
  type DrivingCodec,
  formatAlpamayoConfig,
  moduleOf,
  type TrainingExample,
  type Weights,
} from "@causeway/models";
import { RecipeError } from "../errors.ts";
import type { ModuleMap, TrainTask } from "../loop/task.ts";
import type { TrainRecipe } from "../recipe/schema.ts";
import { bareMoment, drawLevels, dropsNavigation, mirrorMoment } from "./augment.ts";
import type { TrainingProgram } from "./program.ts";
import { withPathTargets } from "./perception.ts";
import type { LabelledMoment, LabelledSamples } from "./samples.ts";

export interface ModelTaskOptions<Recipe extends TrainRecipe> {
  readonly codec: DrivingCodec;
  readonly weights: Weights;
  readonly samples: LabelledSamples;
  /** Held-out moments whose loss goes into the metrics; only whole batches of them are used. */
  readonly validation?: { readonly samples: LabelledSamples; readonly everySteps: number };
  readonly recipe: Recipe;
  readonly runtime?: Runtime;
  /** Engine threads; the machine's cores when left out. Resuming is exact for the same number. */
  readonly threads?: number;
}

/** The expert reads keys and values of the language model, which reads the vision tower. */
export const alpamayoModules: ModuleMap = {
  moduleOf,
  readBy: new Map([
    ["vision", ["text", "expert", "action"]],
    ["text", ["expert", "action"]],
    ["expert", ["action"]],
    ["action", ["expert"]],
  ]),
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

/** Everything of a model folder but the weights. */
export const modelFiles = (codec: DrivingCodec): ReadonlyMap<string, string> =>
  new Map([
    ["config.json", json(formatAlpamayoConfig(codec.config))],
    ["manifest.json", json(codec.manifest)],
    ["tokenizer.json", json(codec.tokenizer.json)],
  ]);

/** The moment with the path among what its tokens should see. */
const perceived = (moment: LabelledMoment): LabelledMoment =>
  moment.perception
    ? { ...moment, perception: withPathTargets(moment.perception, moment.future) }
    : moment;

/** Reads, augments and encodes a sample. */
export type ExampleReader = (index: number, rng: Rng) => Promise<TrainingExample>;

/** Share of the free memory that encoded samples may take. */
const cacheShare = 0.4;

/**
 * A reader that keeps encoded samples while they fit into memory, so that later epochs only copy them. What it returns
 * does not depend on what was kept.
 */
export function exampleReader(
  { codec, samples, recipe }: Pick<ModelTaskOptions<TrainRecipe>, "codec" | "samples" | "recipe">,
  options: {
    readonly weightsOf?: (ids: readonly number[]) => Float32Array;
    /** Default true. */
    readonly isKept?: boolean;
  } = {},
): ExampleReader {
  const { weightsOf, isKept = true } = options;
  const kept = new Map<number, TrainingExample>();
  const capacity = isKept ? Math.floor((cacheShare * freemem()) / codec.patchBytes) : 0;
  if (recipe.augment.navigationDropout !== undefined && codec.manifest.promptVersion !== "r1_5")
    throw new RecipeError(
      `augment.navigationDropout: prompts of "${codec.manifest.name}" (${codec.manifest.promptVersion}) have no navigation text; leave it out`,
    );
  const encode = async (
    index: number,
    isMirrored: boolean,
    isBare: boolean,
  ): Promise<TrainingExample> => {
    const moment = await samples.read(index);
    const told = isBare ? bareMoment(moment) : moment;
    const shown = perceived(isMirrored ? mirrorMoment(told) : told);
    return codec.example(weightsOf === undefined ? shown : { ...shown, weightsOf });
  };
  return async (index, rng) => {
    const isMirrored = rng.next() < recipe.augment.mirror;
    const levels = drawLevels(recipe.augment, rng);
    const isBare = dropsNavigation(recipe.augment, rng);
    const isPlain = !isMirrored && !isBare;
    let example = isPlain ? kept.get(index) : undefined;
    if (example === undefined) {
      example = await encode(index, isMirrored, isBare);
      if (isPlain && kept.size < capacity) kept.set(index, example);
    }
    return levels === null ? example : { ...example, levels };
  };
}

/** A batch for one of the lengths that graphs are compiled for. */
export interface ModelBatch {
  readonly feeds: ReadonlyMap<string, Tensor>;
  /** Padded length. */
  readonly bucket: number;
  /** Without padding. */
  readonly numTokens: number;
}

/**
 * The `validation` of a task: mean losses over held-out batches, which are encoded once, without augmentation, and
 * kept. Nothing when the task has no held-out samples.
 */
export function heldOutValidation(
  { codec, recipe, validation }: ModelTaskOptions<TrainRecipe>,
  toBatch: (examples: readonly TrainingExample[], index: number) => ModelBatch,
  programs: { get(bucket: number): Promise<TrainingProgram> },
): Pick<TrainTask<ModelBatch>, "validation"> {
  if (!validation) return {};
  const { samples, everySteps } = validation;
  const size = recipe.batch.size;
  const count = Math.floor(samples.length / size);
  if (count === 0)
    throw new RecipeError(
      `validation: ${samples.length} held-out samples do not fill one batch of ${size}; give more, or none`,
    );
  const make = async (): Promise<readonly ModelBatch[]> => {
    const out: ModelBatch[] = [];
    for (let index = 0; index < count; index++) {
      const reads = Array.from({ length: size }, (_, k) => samples.read(index * size + k));
      out.push(
        toBatch(
          (await Promise.all(reads)).map((m) => codec.example(perceived(m))),
          index,
        ),
      );
    }
    return out;
  };
  let batches: Promise<readonly ModelBatch[]> | null = null;
  return {
    validation: {
      everySteps,
      async run(views) {
        batches ??= make();
        const mean: Record<string, number> = {};
        for (const { feeds, bucket } of await batches) {
          const losses = await (await programs.get(bucket)).run(feeds, views);
          for (const [name, value] of Object.entries(losses))
            mean[name] = (mean[name] ?? 0) + value / count;
        }
        return mean;
      },
    },
  };
}

/** Caches one compiled program per bucket, made when it is first needed. */
export function programCache<Program extends { dispose(): Promise<void> }>(
  compile: (bucket: number) => Promise<Program>,
): { get(bucket: number): Promise<Program>; dispose(): Promise<void> } {
  const programs = new Map<number, Promise<Program>>();
  return {
    get(bucket) {
      let program = programs.get(bucket);
      if (!program) {
        program = compile(bucket);
        programs.set(bucket, program);
      }
      return program;
    },
    async dispose() {
      for (const program of programs.values()) await (await program).dispose();
      programs.clear();
    },
  };
}
