/** What a stage will compile and hold, from its recipe and the sizes of its rows: training and `plan` share this. */
import {
  buildPrefix,
  buildStage1,
  buildStage2,
  type DrivingCodec,
  LoraGraph,
  type PerceptionShape,
  type Stage1Shape,
  stage1Shape,
  type Stage2Shape,
  stage2Shape,
  type TrainingGraph,
} from "@causeway/models";
import { loraPlan } from "../alpamayo/lora.ts";
import { lengthBuckets, type RowSize } from "../alpamayo/row-sizes.ts";
import { maxBakedBytes } from "../alpamayo/program.ts";
import { splitFrozen } from "../loop/groups.ts";
import type { Stage1Recipe, Stage2Recipe, TrainRecipe } from "../recipe/schema.ts";
import {
  type MemoryPlan,
  memoryPlan,
  type MemoryPlanInput,
  type WeightShapes,
} from "./memory-plan.ts";

export interface StagePlanInput<Recipe extends TrainRecipe> {
  readonly codec: DrivingCodec;
  readonly recipe: Recipe;
  readonly sizes: readonly RowSize[];
  readonly weights: WeightShapes;
}

/** @template Shape  What a graph is built for. */
export interface StagePlan<Shape> {
  /** Ascending padded lengths, one graph each. */
  readonly buckets: readonly number[];
  /** Of an evaluation over that length. */
  shapeOf(length: number): Shape;
  /** Of a training step over that length. */
  trainShape(length: number): Shape;
  readonly trained: readonly string[];
  /** Shapes of the trained weights. */
  readonly trainable: ReadonlyMap<string, readonly number[]>;
  readonly memory: MemoryPlan;
}

export function planStage1(
  input: StagePlanInput<Stage1Recipe> & { readonly perception: PerceptionShape | undefined },
): StagePlan<Stage1Shape> {
  const { codec, recipe, sizes, perception } = input;
  const batch = recipe.batch.size;
  const numLabels = Math.max(...sizes.map((s) => s.numLabels));
  const buckets = lengthBuckets(
    recipe.lengthBuckets,
    sizes.map((s) => s.length),
  );
  const shapeOf = (length: number): Stage1Shape => ({
    ...stage1Shape(codec, [], batch),
    length,
    labels: batch * numLabels,
    ...(perception === undefined ? {} : { perception }),
  });
  const lora = loraPlan(recipe, input.weights);
  if (lora === null) return planOf(input, buckets, shapeOf, shapeOf, buildStage1);
  const shapes = [...lora.factors].map(([name, shape]) => [name, { shape }] as const);
  return planOf(
    { ...input, weights: new Map([...input.weights, ...shapes]) },
    buckets,
    shapeOf,
    shapeOf,
    (config, shape) => {
      const built = buildStage1(config, shape, new LoraGraph(lora.adapted));
      const factors = [...built.trainable].filter(([name]) => lora.factors.has(name));
      return { ...built, trainable: new Map(factors) };
    },
  );
}

export function planStage2(input: StagePlanInput<Stage2Recipe>): StagePlan<Stage2Shape> {
  const { codec, recipe, sizes } = input;
  const { drawsPerSample, batch, pathWeight, cotrain } = recipe;
  const buckets = lengthBuckets(
    recipe.lengthBuckets,
    sizes.map((s) => (cotrain === undefined ? s.prefixLength : s.length)),
  );
  const labels = batch.size * Math.max(...sizes.map((s) => s.numLabels));
  const shapeOf = (length: number): Stage2Shape => ({
    ...stage2Shape(codec, [], { batch: batch.size, drawsPerSample }),
    length,
    ...(pathWeight === null ? {} : { pathWeight }),
    ...(cotrain === undefined ? {} : { cotrain: { labels, gradients: cotrain } }),
  });
  const trainShape = (length: number): Stage2Shape => ({
    ...shapeOf(length),
    hasPrefix: recipe.cachePrefix,
  });
  // As createPrefixCache: groups of one batch, padded to the longest row.
  const prefix = {
    graph: buildPrefix(codec.config, shapeOf(buckets.at(-1) as number)),
    runs: Math.ceil(sizes.length / batch.size),
  };
  return planOf(
    input,
    buckets,
    shapeOf,
    trainShape,
    buildStage2,
    recipe.cachePrefix ? prefix : undefined,
  );
}

function planOf<Shape>(
  { codec, recipe, weights }: StagePlanInput<TrainRecipe>,
  buckets: readonly number[],
  shapeOf: (length: number) => Shape,
  trainShape: (length: number) => Shape,
  build: (config: DrivingCodec["config"], shape: Shape) => TrainingGraph,
  prefix?: MemoryPlanInput["prefix"],
): StagePlan<Shape> {
  const smallest = build(codec.config, shapeOf(buckets[0] as number));
  const { trained } = splitFrozen([...smallest.trainable.keys()], recipe.modules.freeze);
  return {
    buckets,
    shapeOf,
    trainShape,
    trained,
    trainable: new Map(
      trained.map((name) => [name, smallest.trainable.get(name)?.shape as readonly number[]]),
    ),
    memory: memoryPlan({
      graphs: buckets.map((length) => build(codec.config, trainShape(length))),
      trained: new Set(trained),
      weights,
      recipe,
      maxBakedBytes,
      ...(prefix === undefined ? {} : { prefix }),
    }),
  };
}
