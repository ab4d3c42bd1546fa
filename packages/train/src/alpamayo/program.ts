/** A training graph compiled for one shape: forward, backward, losses out, gradients straight into the flat buffer. */
import {
  type Executable,
  gradients,
  ortNode,
  type Runtime,
  type Tensor,
  type Value,
} from "@causeway/graph";
import type { TrainingGraph, Weights } from "@causeway/models";
import type { WeightViews } from "../loop/task.ts";
import { checkpointsOf } from "../plan/memory-plan.ts";
import type { TrainRecipe } from "../recipe/schema.ts";
import { invariant } from "../errors.ts";

export interface TrainingProgram {
  /** Named scalars of the batch. */
  run(feeds: ReadonlyMap<string, Tensor>, views: WeightViews): Promise<Record<string, number>>;
  dispose(): Promise<void>;
}

/** Frozen weights up to this size become constants of the graph (packed once, faster); larger ones are fed. */
export const maxBakedBytes = 512 * 2 ** 20;

/** Weights that a graph reads without training them. */
function frozenWeights(
  training: TrainingGraph,
  trained: ReadonlySet<string>,
  weights: Weights,
): { readonly frozen: ReadonlyMap<string, Tensor>; readonly isBaked: boolean } {
  const frozen = new Map<string, Tensor>();
  let bytes = 0;
  for (const name of training.graph.parameters.keys()) {
    const tensor = weights.get(name);
    if (trained.has(name) || !tensor) continue;
    frozen.set(name, tensor);
    bytes += tensor.data.byteLength;
  }
  return { frozen, isBaked: bytes <= maxBakedBytes };
}

interface EngineOptions {
  readonly recipe?: Pick<TrainRecipe, "activations">;
  readonly runtime?: Runtime;
  readonly threads?: number;
}

/** Compiles losses alone, or losses and gradients. */
async function compileWith(
  training: TrainingGraph,
  trained: ReadonlySet<string>,
  weights: Weights,
  { runtime = ortNode, threads, recipe }: EngineOptions,
  withGradients: boolean,
): Promise<TrainingProgram> {
  const { graph, loss, parts } = training;
  const names = [...graph.parameters.keys()].filter((name) => trained.has(name));
  invariant(names.length === trained.size, "a trained weight is not in the graph");
  const outputs = new Map<string, Value>([["loss", loss], ...parts]);
  const scalars = [...outputs.keys()];
  if (withGradients) {
    const wrt = names.map((name) => graph.parameters.get(name) as Value);
    const kept = checkpointsOf(training, recipe?.activations);
    gradients(loss, wrt, undefined, kept).forEach((grad, i) =>
      outputs.set(`grad.${names[i]}`, grad),
    );
  }
  const { frozen, isBaked } = frozenWeights(training, trained, weights);
  const executable: Executable = await runtime.compile(graph, {
    outputs,
    ...(isBaked ? { baked: frozen } : {}),
    ...(threads === undefined ? {} : { threads }),
  });
  return {
    async run(feeds, views) {
      const all = new Map<string, Tensor>(isBaked ? feeds : [...frozen, ...feeds]);
      const into = new Map<string, Tensor>();
      for (const name of names) {
        all.set(name, views.parameters.get(name) as Tensor);
        if (withGradients) into.set(`grad.${name}`, views.gradients.get(name) as Tensor);
      }
      const results = await executable.run(all, into);
      return Object.fromEntries(
        scalars.map((name) => [name, results.get(name)?.data[0] as number]),
      );
    },
    dispose: () => executable.dispose(),
  };
}

/** Forward and backward: gradients of the trained weights are written into the views. */
export const compileProgram = (
  training: TrainingGraph,
  trained: ReadonlySet<string>,
  weights: Weights,
  options: EngineOptions = {},
): Promise<TrainingProgram> => compileWith(training, trained, weights, options, true);

/** Forward only: the losses of held-out samples. Gradient views are left alone. */
export const compileEvaluation = (
  training: TrainingGraph,
  trained: ReadonlySet<string>,
  weights: Weights,
  options: EngineOptions = {},
): Promise<TrainingProgram> => compileWith(training, trained, weights, options, false);
