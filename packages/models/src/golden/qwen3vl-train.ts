/** Losses, gradients, optimiser steps and loss curves: of all weights, and of LoRA factors alone. */
import { basename, dirname, join } from "node:path";
import {
  compile,
  createOptimizer,
  type Executable,
  gradients,
  Graph,
  nll,
  reduceMean,
  reshape,
  sizeOf,
  type Tensor,
  tensorInt64,
  type Value,
} from "@causeway/graph";
import { buildPrefill } from "../generation/graphs.ts";
import { mergeLora, readLora } from "../lora/adapter.ts";
import { LoraGraph, loraA, loraB, loraShape, loraTensors } from "../lora/lora-graph.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import type { SafetensorsFile } from "../safetensors/file.ts";
import { runOnce } from "./action-in-proj.ts";
import { prepareCase } from "./backbone-case.ts";
import { integerRows, withTensors } from "./case-tensors.ts";
import { Comparison, type GoldenCheck, member } from "./check.ts";
import { readCase, readConfig, weightFeeds } from "./qwen3vl-forward.ts";

interface Batch {
  /** Loss and gradients of the trained weights, as views into the last run's outputs. */
  run(): Promise<{ readonly loss: number; gradient(name: string): Float32Array }>;
  dispose(): Promise<void>;
}

/** Mean cross entropy of a labelled batch (logits at t against label t + 1) with gradients of the given weights. */
async function batchOf(
  config: Qwen3VLConfig,
  file: string,
  caseJson: unknown,
  graph: Graph,
  trained: (names: readonly string[]) => readonly string[],
  weights: (graph: Graph) => Promise<ReadonlyMap<string, Tensor>>,
): Promise<Batch & { readonly names: readonly string[] }> {
  const { prepared, labels } = await withTensors(file, async (data) => ({
    prepared: prepareCase(config, await readCase(dirname(file), caseJson, data)),
    labels: await integerRows(data, "labels"),
  }));
  const { shape, feeds } = prepared;
  const rows: number[] = [];
  const targets: number[] = [];
  for (const [b, row] of labels.entries()) {
    for (let t = 1; t < row.length; t++) {
      if ((row[t] as number) < 0) continue;
      rows.push(b * shape.length + t - 1);
      targets.push(row[t] as number);
    }
  }
  const { logits } = buildPrefill(config, { ...shape, rows: rows.length }, "", graph);
  const loss = reduceMean(nll(logits, graph.input("labels", [rows.length], "int64")));
  feeds.set("rows", tensorInt64(rows, [rows.length]));
  feeds.set("labels", tensorInt64(targets, [rows.length]));
  for (const [name, weight] of await weights(graph)) feeds.set(name, weight);
  const names = trained([...graph.parameters.keys()]);
  const grads = gradients(
    loss,
    names.map((name) => graph.parameters.get(name) as Value),
  );
  const outputs: Record<string, Value> = { loss: reshape(loss, [1]) };
  names.forEach((name, i) => {
    outputs[`grad.${name}`] = grads[i] as Value;
  });
  const executable: Executable = await compile(graph, { outputs });
  return {
    names,
    async run() {
      const out = await executable.run(feeds);
      const get = (name: string) => (out.get(name) as Tensor).data as Float32Array;
      return { loss: get("loss")[0] as number, gradient: (name) => get(`grad.${name}`) };
    },
    dispose: () => executable.dispose(),
  };
}

async function compareGradients(
  check: Comparison,
  names: readonly string[],
  gradient: (name: string) => Float32Array,
  data: SafetensorsFile,
  nameIn: (name: string) => string,
): Promise<void> {
  for (const name of names) {
    const expected = (await data.floats(nameIn(name))).data;
    const actual = gradient(name);
    const norm = (at: (i: number) => number) => {
      let sum = 0;
      for (let i = 0; i < expected.length; i++) sum += at(i) ** 2;
      return Math.sqrt(sum);
    };
    const error = norm((i) => (actual[i] as number) - (expected[i] as number));
    check.close(`|grad.${name}|`, [error], [0], {
      absolute: 2e-4 * norm((i) => expected[i] as number) + 1e-7,
    });
  }
}

/** Weights end to end in one buffer, with AdamW over them: `feeds` are views, so a step changes what the graph reads. */
function flatOptimizer(caseJson: unknown, names: readonly string[], weights: Map<string, Tensor>) {
  const setting = (key: string) => Number(member(caseJson, "optimizer", key));
  const betas = member(caseJson, "optimizer", "betas") as [number, number];
  const total = names.reduce((sum, n) => sum + sizeOf((weights.get(n) as Tensor).shape), 0);
  const parameters = new Float32Array(total);
  const flatGradients = new Float32Array(total);
  const places = new Map<string, number>();
  let at = 0;
  for (const name of names) {
    const { shape, data } = weights.get(name) as Tensor;
    parameters.set(data as Float32Array, at);
    places.set(name, at);
    weights.set(name, {
      dtype: "float32",
      shape,
      data: parameters.subarray(at, at + data.length),
    });
    at += data.length;
  }
  const optimizer = createOptimizer(
    { kind: "adamw", beta1: betas[0], beta2: betas[1], eps: setting("eps") },
    [
      {
        ranges: [{ start: 0, end: total }],
        lrMultiplier: 1,
        weightDecay: setting("weight_decay"),
      },
    ],
    { parameters, gradients: flatGradients },
  );
  return (gradient: (name: string) => Float32Array) => {
    for (const name of names) flatGradients.set(gradient(name), places.get(name));
    optimizer.step(setting("lr"));
    return Math.sqrt(flatGradients.reduce((sum, g) => sum + g * g, 0));
  };
}

/** The first Adam step is nearly lr * sign(gradient): where the gradient is rounding, so is the direction. */
async function compareUpdated(
  check: Comparison,
  names: readonly string[],
  weights: ReadonlyMap<string, Tensor>,
  gradientOf: ReadonlyMap<string, Float32Array>,
  data: SafetensorsFile,
  nameIn: (name: string) => string,
): Promise<void> {
  for (const name of names) {
    const expected = (await data.floats(nameIn(name))).data;
    const own = (weights.get(name) as Tensor).data as Float32Array;
    const gradient = gradientOf.get(name) as Float32Array;
    const errors = Float32Array.from(expected, (value, i) => {
      const error = Math.abs((own[i] as number) - value);
      return Math.abs(gradient[i] as number) > 1e-6 ? error / 1e-5 : error / 2.1e-3;
    });
    check.close(
      `updated ${name} (share of what is allowed)`,
      [errors.reduce((a, b) => Math.max(a, b), 0)],
      [0],
      { absolute: 1 },
    );
  }
}

export async function checkQwen3vlTrain(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const folder = join(dir, String(member(caseJson, "checkpoint")));
  const config = await readConfig(folder);
  const check = new Comparison(
    String(member(caseJson, "case")),
    "loss 1e-5 relative; gradients: error norm 2e-4 of the tensor's norm + 1e-7; step 1e-5 where |gradient| > 1e-6; curve 2e-4",
  );
  const weights = new Map<string, Tensor>();
  const graph = new Graph();
  let step: ReturnType<typeof flatOptimizer> | null = null;
  const batch = await batchOf(
    config,
    join(dir, "batch.safetensors"),
    caseJson,
    graph,
    (names) => names,
    async (g) => {
      for (const [name, weight] of await weightFeeds(folder, g)) weights.set(name, weight);
      step = flatOptimizer(caseJson, [...weights.keys()], weights);
      return weights;
    },
  );
  try {
    const first = await batch.run();
    check.close("loss", [first.loss], [Number(member(caseJson, "loss", "value"))], {
      ofLargest: 1e-5,
    });
    await withTensors(join(dir, "gradients.safetensors"), (data) =>
      compareGradients(check, batch.names, first.gradient, data, (name) => name),
    );
    const kept = new Map(
      batch.names.map((name) => [name, Float32Array.from(first.gradient(name))]),
    );
    const advance = step as unknown as ReturnType<typeof flatOptimizer>;
    const norms = [advance(first.gradient)];
    check.close("global gradient norm", norms, [Number(member(caseJson, "globalGradNorm"))], {
      ofLargest: 1e-4,
    });
    await withTensors(join(dir, "updated.safetensors"), (data) =>
      compareUpdated(check, batch.names, weights, kept, data, (name) => name),
    );
    const curve = (member(caseJson, "curve", "losses") ?? []) as number[];
    const losses = [first.loss];
    for (let k = 1; k < curve.length; k++) {
      const next = await batch.run();
      losses.push(next.loss);
      advance(next.gradient);
    }
    if (curve.length > 0) check.close("loss curve", losses, curve, { absolute: 2e-4 });
  } finally {
    await batch.dispose();
  }
  return [check.result()];
}

/** An adapter: active and merged forward, one merged weight, gradients and one step of its factors. */
export async function checkQwen3vlLora(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const folder = join(dir, String(member(caseJson, "checkpoint")));
  const config = await readConfig(folder);
  const adapter = await readLora(dir);
  const adapted = loraShape(adapter);
  const factors = loraTensors(adapter);
  const check = new Comparison(
    String(member(caseJson, "case")),
    "logits 1e-4; gradients: error norm 2e-4 of the tensor's norm + 1e-7; step 1e-5 where |gradient| > 1e-6",
  );
  const near = { absolute: Number(member(caseJson, "tolerance", "atol") ?? 1e-4) };
  const plainWeights = async (graph: Graph): Promise<Map<string, Tensor>> => {
    const base = new Graph();
    for (const [name, { shape }] of graph.parameters)
      if (!factors.has(name)) base.parameter(name, shape);
    return weightFeeds(folder, base);
  };

  const promptDir = join(dir, String(member(caseJson, "inputs", "prompt")));
  const prompt = await withTensors(join(promptDir, "tensors.safetensors"), (data) =>
    readCase(promptDir, {}, data),
  );
  const forward = async (graph: Graph, change: (weights: Map<string, Tensor>) => void) => {
    const { shape, feeds } = prepareCase(config, prompt);
    const rows = shape.batch * shape.length;
    const { logits } = buildPrefill(config, { ...shape, rows }, "", graph);
    feeds.set(
      "rows",
      tensorInt64(
        Float64Array.from({ length: rows }, (_, i) => i),
        [rows],
      ),
    );
    const weights = await plainWeights(graph);
    change(weights);
    for (const [name, weight] of weights) feeds.set(name, weight);
    return (await runOnce(graph, { logits }, feeds))("logits");
  };
  await withTensors(join(dir, "tensors.safetensors"), async (data) => {
    const mergedWeight = new Map<string, Tensor>();
    const active = await forward(new LoraGraph(adapted), (weights) => {
      for (const [name, tensor] of factors) weights.set(name, tensor);
    });
    check.close("logits", active, (await data.floats("logits")).data, near);
    const merged = await forward(new Graph(), (weights) => {
      mergeLora(weights, adapter);
      for (const name of data.names.filter((n) => n.startsWith("merged.")))
        mergedWeight.set(name, weights.get(name.slice("merged.".length)) as Tensor);
    });
    check.close("merged_logits", merged, (await data.floats("merged_logits")).data, near);
    for (const [name, { data: own }] of mergedWeight)
      check.close(name, own as Float32Array, (await data.floats(name)).data, { absolute: 1e-6 });
  });

  const batchFile = join(dir, String(member(caseJson, "inputs", "batch")));
  let step: ReturnType<typeof flatOptimizer> | null = null;
  const names = [...adapter.factors.keys()].flatMap((name) => [loraA(name), loraB(name)]);
  const batch = await batchOf(
    config,
    batchFile,
    {},
    new LoraGraph(adapted),
    () => names,
    async (graph) => {
      step = flatOptimizer(caseJson, names, factors);
      return new Map([...(await plainWeights(graph)), ...factors]);
    },
  );
  const nameIn = (name: string) => `base_model.model.${name}`;
  try {
    const { loss, gradient } = await batch.run();
    check.close("loss", [loss], [Number(member(caseJson, "loss", "value"))], { ofLargest: 1e-5 });
    await withTensors(join(dir, "gradients.safetensors"), (data) =>
      compareGradients(check, names, gradient, data, nameIn),
    );
    const kept = new Map(names.map((name) => [name, Float32Array.from(gradient(name))]));
    const norm = (step as unknown as ReturnType<typeof flatOptimizer>)(gradient);
    check.close("global gradient norm", [norm], [Number(member(caseJson, "globalGradNorm"))], {
      ofLargest: 1e-4,
    });
    await withTensors(join(dir, "updated.safetensors"), (data) =>
      compareUpdated(check, names, factors, kept, data, nameIn),
    );
  } finally {
    await batch.dispose();
  }
  check.remark(`${adapter.factors.size} weights of ${basename(folder)} adapted`);
  return [check.result()];
}
