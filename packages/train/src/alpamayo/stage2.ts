/** Stage 2: the action expert learns by flow matching on the keys and values of the frozen language model. */
import { createRng, type Rng } from "@causeway/geom";
import {
  BatchBuilder,
  buildStage2,
  drawFlowSample,
  type Stage2Shape,
  stage2Shape,
  type TrainingExample,
} from "@causeway/models";
import { splitFrozen } from "../loop/groups.ts";
import type { TrainTask } from "../loop/task.ts";
import type { Stage2Recipe } from "../recipe/schema.ts";
import {
  alpamayoModules,
  heldOutValidation,
  lengthBuckets,
  type ModelBatch,
  modelFiles,
  type ModelTaskOptions,
  programCache,
  exampleReader,
  rowSizes,
} from "./model-task.ts";
import { createPrefixCache } from "./prefix-cache.ts";
import { memoryPlan } from "../plan/memory-plan.ts";
import { compileEvaluation, compileProgram, maxBakedBytes } from "./program.ts";

export async function createStage2Task(
  options: ModelTaskOptions<Stage2Recipe>,
): Promise<TrainTask<ModelBatch>> {
  const { codec, weights, samples, recipe } = options;
  const { drawsPerSample, batch } = recipe;
  const sizes = await rowSizes(options);
  const buckets = lengthBuckets(
    recipe.lengthBuckets,
    sizes.map((s) => s.prefixLength),
  );
  const shapeOf = (length: number): Stage2Shape => ({
    ...stage2Shape(codec, [], { batch: batch.size, drawsPerSample }),
    length,
    ...(recipe.pathWeight === null ? {} : { pathWeight: recipe.pathWeight }),
  });
  const smallest = buildStage2(codec.config, shapeOf(buckets[0] as number));
  const { trained } = splitFrozen([...smallest.trainable.keys()], recipe.modules.freeze);
  const trainedSet = new Set(trained);
  const trainShape = (length: number): Stage2Shape => ({
    ...shapeOf(length),
    hasPrefix: recipe.cachePrefix,
  });
  const programs = programCache((length) =>
    compileProgram(buildStage2(codec.config, trainShape(length)), trainedSet, weights, options),
  );
  const evaluations = programCache((length) =>
    compileEvaluation(buildStage2(codec.config, shapeOf(length)), trainedSet, weights, options),
  );
  const builder = new BatchBuilder(codec);
  // Kept prefixes hold what pictures say: each sample is read once.
  const read = exampleReader(options, { isKept: !recipe.cachePrefix });
  const lastBucket = buckets.at(-1) as number;
  const prefixes = recipe.cachePrefix
    ? createPrefixCache({
        ...options,
        builder,
        shape: shapeOf(lastBucket),
        numSamples: samples.length,
        read: (index) => read(index, createRng(0)),
      })
    : null;
  const toBatch = (
    examples: readonly TrainingExample[],
    rng: Rng,
    shapeFor: (length: number) => Stage2Shape,
  ): ModelBatch => {
    const longest = Math.max(...examples.map((e) => e.prefixLength));
    const bucket = prefixes ? lastBucket : (buckets.find((n) => n >= longest) as number);
    const actions = builder.repeatedActions(examples, drawsPerSample);
    const perRow = actions.length / (examples.length * drawsPerSample);
    const flow = drawFlowSample(rng, actions, perRow);
    const feeds = builder.stage2(examples, flow, shapeFor(bucket));
    return { feeds, bucket, numTokens: examples.reduce((n, e) => n + e.prefixLength, 0) };
  };
  // The same noise every time, so that values of different steps compare.
  const heldOutNoise = createRng(recipe.seed).fork("held-out noise");
  return {
    stage: "stage2",
    memory: memoryPlan({
      graphs: buckets.map((length) => buildStage2(codec.config, trainShape(length))),
      trained: trainedSet,
      weights,
      recipe,
      maxBakedBytes,
    }),
    trainable: new Map(
      trained.map((name) => [name, smallest.trainable.get(name)?.shape as readonly number[]]),
    ),
    weights,
    numSamples: samples.length,
    modules: alpamayoModules,
    checkpointFiles: modelFiles(codec),
    async prepare(indices, rng) {
      if (prefixes !== null) {
        const { examples, feeds } = await prefixes.batch(indices);
        const batch = toBatch(examples, rng.fork("flow"), trainShape);
        return { ...batch, feeds: new Map([...batch.feeds, ...feeds]) };
      }
      const examples = await Promise.all(indices.map((index, row) => read(index, rng.fork(row))));
      return toBatch(examples, rng.fork("flow"), trainShape);
    },
    async run({ feeds, bucket, numTokens }, views) {
      const program = await programs.get(bucket);
      return { losses: await program.run(feeds, views), numTokens };
    },
    ...heldOutValidation(
      options,
      (examples, index) => toBatch(examples, heldOutNoise.fork(index), shapeOf),
      evaluations,
    ),
    async dispose() {
      await programs.dispose();
      await prefixes?.dispose();
      await evaluations.dispose();
    },
  };
}
