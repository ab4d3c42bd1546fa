/** Stage 1: the language model learns the chain of causation and discrete trajectory tokens; the expert rests. */
import type { Rng } from "@causeway/geom";
import {
  BatchBuilder,
  buildStage1,
  informationWeights,
  LoraGraph,
  type TrainingExample,
  type VocabularyMap,
} from "@causeway/models";
import { initialFactors, loraExport, loraPlan } from "./lora.ts";
import { storedWeights } from "../loop/storage.ts";
import type { TrainTask } from "../loop/task.ts";
import type { Stage1Recipe } from "../recipe/schema.ts";
import {
  alpamayoModules,
  heldOutValidation,
  type ModelBatch,
  modelFiles,
  type ModelTaskOptions,
  programCache,
  exampleReader,
} from "./model-task.ts";
import { perceptionShape } from "./perception.ts";
import { planStage1 } from "../plan/stage-plan.ts";
import { compileEvaluation, compileProgram } from "./program.ts";
import { rowSizes } from "./row-sizes.ts";

/** Replaces input ids of future bins; labels were taken before and stay. */
export function dropTrajectoryInputs(
  ids: BigInt64Array,
  vocabulary: Pick<VocabularyMap, "futureFirst" | "futureBins">,
  { probability, replacement }: Stage1Recipe["trajectoryInputDropout"],
  rng: Rng,
): void {
  if (probability === 0) return;
  const { futureFirst, futureBins } = vocabulary;
  for (let i = 0; i < ids.length; i++) {
    const bin = Number(ids[i]) - futureFirst;
    if (bin < 0 || bin >= futureBins || rng.next() >= probability) continue;
    const next = replacement === "random" ? rng.int(futureBins) : Math.floor(futureBins / 2);
    ids[i] = BigInt(futureFirst + next);
  }
}

/** The weight function of the recipe over the sentences of the data; undefined for equal weights. */
function sentenceWeights({
  codec,
  samples,
  recipe,
}: ModelTaskOptions<Stage1Recipe>): ((ids: readonly number[]) => Float32Array) | undefined {
  if (recipe.textWeights.kind === "equal") return undefined;
  const corpus = Array.from({ length: samples.length }, (_, i) => {
    const { cot, meaning } = samples.words(i);
    return { ids: codec.sentenceIds(cot), meaning };
  });
  return informationWeights(corpus, recipe.textWeights.floor);
}

export async function createStage1Task(
  given: ModelTaskOptions<Stage1Recipe>,
): Promise<TrainTask<ModelBatch>> {
  const lora = loraPlan(given.recipe, given.weights);
  const stored = storedWeights(given.weights, given.recipe);
  const options = {
    ...given,
    weights:
      lora === null ? stored : new Map([...stored, ...initialFactors(lora, given.recipe.seed)]),
  };
  const { codec, weights, samples, recipe } = options;
  const build = (length: number) =>
    buildStage1(
      codec.config,
      shapeOf(length),
      lora === null ? undefined : new LoraGraph(lora.adapted),
    );
  const { buckets, shapeOf, trained, trainable, memory } = planStage1({
    codec,
    recipe,
    sizes: await rowSizes(options),
    weights: given.weights,
    perception: perceptionShape(samples, recipe),
  });
  const trainedSet = new Set(trained);
  const programs = programCache((length) =>
    compileProgram(build(length), trainedSet, weights, options),
  );
  const evaluations = programCache((length) =>
    compileEvaluation(build(length), trainedSet, weights, options),
  );
  const builder = new BatchBuilder(codec);
  const weightsOf = sentenceWeights(options);
  const read = exampleReader(options, weightsOf === undefined ? {} : { weightsOf });
  const toBatch = (examples: readonly TrainingExample[]): ModelBatch => {
    const longest = Math.max(...examples.map((e) => e.ids.length));
    const bucket = buckets.find((n) => n >= longest) as number;
    const feeds = builder.stage1(examples, shapeOf(bucket));
    return { feeds, bucket, numTokens: examples.reduce((n, e) => n + e.ids.length, 0) };
  };
  return {
    stage: "stage1",
    memory,
    trainable,
    weights,
    numSamples: samples.length,
    modules: alpamayoModules,
    checkpointFiles: modelFiles(codec),
    ...(lora === null || recipe.lora === undefined
      ? {}
      : { exported: loraExport(lora, recipe.lora) }),
    async prepare(indices, rng) {
      const examples = await Promise.all(indices.map((index, row) => read(index, rng.fork(row))));
      const result = toBatch(examples);
      dropTrajectoryInputs(
        result.feeds.get("ids")?.data as BigInt64Array,
        codec.manifest.vocabulary,
        recipe.trajectoryInputDropout,
        rng.fork("trajectory inputs"),
      );
      return result;
    },
    async run({ feeds, bucket, numTokens }, views) {
      const program = await programs.get(bucket);
      return { losses: await program.run(feeds, views), numTokens };
    },
    ...heldOutValidation(options, toBatch, evaluations),
    async dispose() {
      await programs.dispose();
      await evaluations.dispose();
    },
  };
}
