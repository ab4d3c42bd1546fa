/** Runs token sequences through a backbone graph and keeps what its linear layers read. */
import { compile, type Tensor, type Value } from "@causeway/graph";
import { buildStep, stepFreeSizes } from "../generation/step-graph.ts";
import { StepEngine } from "../generation/step-engine.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import type { Activations } from "./activation-aware.ts";

/** A sequence of token ids; text alone. */
export type TokenRows = readonly (readonly number[])[];

/** Rows of the embedding table for ids, from weights in memory. */
export function embedRows(table: Tensor, ids: readonly number[]): Float32Array {
  const width = table.shape[1] as number;
  const out = new Float32Array(ids.length * width);
  ids.forEach((id, i) =>
    out.set((table.data as Float32Array).subarray(id * width, (id + 1) * width), i * width),
  );
  return out;
}

/** The text position on all three axes: 0, 1, 2, … */
export function plainAxes(length: number): readonly [Int32Array, Int32Array, Int32Array] {
  const axis = Int32Array.from({ length }, (_, i) => i);
  return [axis, axis, axis];
}

/**
 * Inputs of the named linear layers over all sequences, at most `maxRows` token rows each.
 *
 * @param linears  Weight names; layers that read the same value share the array.
 */
export async function collectActivations(
  config: Qwen3VLConfig,
  prefix: string,
  weights: ReadonlyMap<string, Tensor>,
  sequences: TokenRows,
  linears: ReadonlySet<string>,
  maxRows = 512,
): Promise<ReadonlyMap<string, Activations>> {
  const graph = buildStep(config, prefix);
  const outputs = new Map<string, Value>(graph.outputs);
  for (const node of graph.nodes) {
    if (node.op !== "matmul") continue;
    const parameter = node.inputs[1]?.node;
    if (parameter?.op !== "parameter") continue;
    const { name } = parameter.attrs as { name: string };
    if (linears.has(name)) outputs.set(`read ${name}`, node.inputs[0] as Value);
  }
  const baked = new Map([...graph.parameters.keys()].map((n) => [n, weights.get(n) as Tensor]));
  const executable = await compile(graph, { baked, outputs, freeSizes: stepFreeSizes });
  const kept = new Map<string, Float32Array[]>();
  const counts = new Map<string, number>();
  const table = weights.get(`${prefix}model.language_model.embed_tokens.weight`) as Tensor;
  const engine = StepEngine.around(config, executable, {
    prefix,
    chunk: 1 << 20,
    onOutputs: (out) => {
      for (const name of linears) {
        const value = out.get(`read ${name}`) as Tensor;
        const have = counts.get(name) ?? 0;
        const [rows, k] = value.shape as [number, number];
        const take = Math.min(rows, maxRows - have);
        if (take <= 0) continue;
        const list = kept.get(name) ?? [];
        list.push((value.data as Float32Array).slice(0, take * k));
        kept.set(name, list);
        counts.set(name, have + take);
      }
    },
  });
  try {
    for (const ids of sequences) {
      engine.reset();
      await engine.run({ embeds: embedRows(table, ids), axes: plainAxes(ids.length) });
    }
  } finally {
    await engine.dispose();
  }
  return new Map(
    [...kept].map(([name, list]) => {
      const k = (weights.get(name) as Tensor).shape[1] as number;
      const values = new Float32Array(list.reduce((n, part) => n + part.length, 0));
      let at = 0;
      for (const part of list) {
        values.set(part, at);
        at += part.length;
      }
      return [name, { k, values }];
    }),
  );
}
