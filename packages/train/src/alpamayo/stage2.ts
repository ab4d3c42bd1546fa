/**
 * Stage 2: the action expert learns by flow matching on the keys and values of the language model, which is frozen or,
 * with `cotrain`, learns along.
 */
import { createRng, type Rng } from "@causeway/geom";
import {
  BatchBuilder,
  buildStage2,
  drawFlowSample,
  type Stage2Shape,
  type TrainingExample,
} from "@causeway/models";
import { storedWeights } from "../loop/storage.ts";
import type { TrainTask } from "../loop/task.ts";
import type { Stage2Recipe } from "../recipe/schema.ts";
import {
  alpamayoModules,
  heldOutValidation,
  type ModelBatch,
  modelFiles,
  type ModelTaskOptions,
  programCache,
  exampleReader,
} from "./model-task.ts";
import { createPrefixCache } from "./prefix-cache.ts";
import { planStage2 } from "../plan/stage-plan.ts";
import { compileEvaluation, compileProgram } from "./program.ts";
import { rowSizes } from "./row-sizes.ts";

export async function createStage2Task(
  given: ModelTaskOptions<Stage2Recipe>,
): Promise<TrainTask<ModelBatch>> {
  const options = { ...given, weights: storedWeights(given.weights, given.recipe) };
  const { codec, weights, samples, recipe } = options;
  const { drawsPerSample } = recipe;
  const { buckets, shapeOf, trainShape, trained, trainable, memory } = planStage2({
    codec,
    recipe,
    sizes: await rowSizes(options),
    weights,
  });
  const trainedSet = new Set(trained);
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
  const rowLength = ({ ids, prefixLength }: TrainingExample) =>
    recipe.cotrain === undefined ? prefixLength : ids.length;
  const toBatch = (
    examples: readonly TrainingExample[],
    rng: Rng,
    shapeFor: (length: number) => Stage2Shape,
  ): ModelBatch => {
    const longest = Math.max(...examples.map(rowLength));
    const bucket = prefixes ? lastBucket : (buckets.find((n) => n >= longest) as number);
    const actions = builder.repeatedActions(examples, drawsPerSample);
    const perRow = actions.length / (examples.length * drawsPerSample);
    const flow = drawFlowSample(rng, actions, perRow);
    const feeds = builder.stage2(examples, flow, shapeFor(bucket));
    return { feeds, bucket, numTokens: examples.reduce((n, e) => n + rowLength(e), 0) };
  };
  // The same noise every time, so that values of different steps compare.
  const heldOutNoise = createRng(recipe.seed).fork("held-out noise");
  return {
    stage: "stage2",
    memory,
    trainable,
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
