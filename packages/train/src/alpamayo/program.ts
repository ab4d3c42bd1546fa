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
import { invariant } from "../errors.ts";

export interface TrainingProgram {
  /** Named scalars of the batch. */
  run(feeds: ReadonlyMap<string, Tensor>, views: WeightViews): Promise<Record<string, number>>;
  dispose(): Promise<void>;
}

/** Frozen weights up to this size become constants of the graph (packed once, faster); larger ones are fed. */
const maxBakedBytes = 512 * 2 ** 20;

export async function compileProgram(
  training: TrainingGraph,
  trained: ReadonlySet<string>,
  weights: Weights,
  options: { readonly runtime?: Runtime; readonly threads?: number } = {},
): Promise<TrainingProgram> {
  const { graph, loss, parts } = training;
  const names = [...graph.parameters.keys()].filter((name) => trained.has(name));
  invariant(names.length === trained.size, "a trained weight is not in the graph");
  const outputs = new Map<string, Value>([["loss", loss], ...parts]);
  const scalars = [...outputs.keys()];
  const wrt = names.map((name) => graph.parameters.get(name) as Value);
  gradients(loss, wrt).forEach((grad, i) => outputs.set(`grad.${names[i]}`, grad));
  const frozen = new Map<string, Tensor>();
  let frozenBytes = 0;
  for (const name of graph.parameters.keys()) {
    const tensor = weights.get(name);
    if (trained.has(name) || !tensor) continue;
    frozen.set(name, tensor);
    frozenBytes += tensor.data.byteLength;
  }
  const isBaked = frozenBytes <= maxBakedBytes;
  const { runtime = ortNode, threads } = options;
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
        into.set(`grad.${name}`, views.gradients.get(name) as Tensor);
      }
      const results = await executable.run(all, into);
      return Object.fromEntries(
        scalars.map((name) => [name, results.get(name)?.data[0] as number]),
      );
    },
    dispose: () => executable.dispose(),
  };
}
