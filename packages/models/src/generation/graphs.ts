/** The three graphs of inference: prompt to keys, values and first logits; one more token; one flow step. */
import {
  add,
  broadcastTo,
  concat,
  gather,
  Graph,
  matmul,
  mul,
  reshape,
  slice,
  softmax,
  type Value,
} from "@causeway/graph";
import { expertField, type ExpertOutput } from "../alpamayo/expert.ts";
import { actionDim, type AlpamayoConfig } from "../alpamayo/config.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import { decoderStack, type KeyValue } from "../qwen3vl/decoder.ts";
import { type Backbone, type BackboneShape, buildBackbone, outputHead } from "../qwen3vl/model.ts";

export interface PrefillGraph {
  readonly graph: Graph;
  readonly backbone: Backbone;
  /** [rows, V]. */
  readonly logits: Value;
}

/** Outputs `logits` at input `rows` int64 [rows] (flat token rows), and `key.i`, `value.i` [B, Hk, T, D] per layer. */
export function buildPrefill(
  config: Qwen3VLConfig,
  shape: BackboneShape & { readonly rows: number },
  prefix: string,
  graph: Graph = new Graph(),
): PrefillGraph {
  const backbone = buildBackbone(graph, config, shape, { prefix });
  const rows = graph.input("rows", [shape.rows], "int64");
  const logits = outputHead(graph, config.text, prefix, backbone.decoder.hidden, rows);
  graph.output("logits", logits);
  outputKeyValues(graph, backbone.decoder.keyValues);
  return { graph, backbone, logits };
}

function outputKeyValues(graph: Graph, keyValues: readonly KeyValue[]): void {
  keyValues.forEach(({ key, value }, i) => {
    graph.output(`key.${i}`, key);
    graph.output(`value.${i}`, value);
  });
}

export interface DecodeShape {
  readonly rows: number;
  readonly capacity: number;
}

/**
 * One token per row over a cache that this graph only reads. Inputs: `ids` int64 [R, 1], `cos`, `sin` [R, 1, D / 2],
 * `cache_mask` [R, 1, 1, capacity] (hides unused slots), `cache_key.i`, `cache_value.i`. Outputs: `logits` [R, V] and the
 * token's own `key.i`, `value.i` [R, Hk, 1, D], which the caller appends.
 */
export function buildDecodeStep(config: Qwen3VLConfig, shape: DecodeShape, prefix: string): Graph {
  const { text } = config;
  const graph = new Graph();
  const language = `${prefix}model.language_model.`;
  const ids = graph.input("ids", [shape.rows, 1], "int64");
  const half = text.headDim / 2;
  const table = graph.parameter(`${language}embed_tokens.weight`, [
    text.vocabSize,
    text.hiddenSize,
  ]);
  const caches = cacheInputs(graph, text, shape);
  const mask = graph.input("cache_mask", [shape.rows, 1, 1, shape.capacity]);
  const decoder = decoderStack(graph, text, language, gather(table, ids, 0), {
    cos: graph.input("cos", [shape.rows, 1, half]),
    sin: graph.input("sin", [shape.rows, 1, half]),
    attend: (q, own, layer) => attendCache(q, own, caches[layer] as KeyValue, mask),
  });
  graph.output("logits", outputHead(graph, text, prefix, decoder.hidden, null));
  outputKeyValues(graph, decoder.keyValues);
  return graph;
}

function cacheInputs(
  graph: Graph,
  text: Qwen3VLConfig["text"],
  { rows, capacity }: DecodeShape,
): readonly KeyValue[] {
  const shape = [rows, text.numKvHeads, capacity, text.headDim];
  return Array.from({ length: text.numLayers }, (_, i) => ({
    key: graph.input(`cache_key.${i}`, shape),
    value: graph.input(`cache_value.${i}`, shape),
  }));
}

/**
 * Attention of one new token over cache and itself without joining the two: only scores are concatenated, so a step
 * moves the cache through the cores once and copies none of it. Query heads of one key head ride along as rows.
 */
function attendCache(q: Value, own: KeyValue, cache: KeyValue, mask: Value): Value {
  const [rows, heads, , headDim] = q.shape as [number, number, number, number];
  const [, kvHeads, capacity] = cache.key.shape as [number, number, number, number];
  const alpha = 1 / Math.sqrt(headDim);
  const grouped = reshape(q, [rows, kvHeads, heads / kvHeads, headDim]);
  const past = add(matmul(grouped, cache.key, { transB: true, alpha }), mask);
  const present = matmul(grouped, own.key, { transB: true, alpha });
  const weights = softmax(concat([past, present], 3), 3);
  const part = (from: number, to: number) =>
    slice(weights, { starts: [from], ends: [to], axes: [3] });
  const mixed = add(
    matmul(part(0, capacity), cache.value),
    mul(part(capacity, capacity + 1), own.value),
  );
  return reshape(mixed, [rows, heads, 1, headDim]);
}

export interface FlowShape extends DecodeShape {
  /** Trajectories per cache row; flow rows are rows * draws, the draws of one row side by side. */
  readonly draws: number;
}

/**
 * Velocity field of the expert over cached prefixes, which the draws of a row share. Inputs: `noisy` [R * draws, K, 2], `time` [R * draws, 1, 1],
 * `mask` [R, 1, 1, capacity + K], `cos`, `sin` [R, K, D / 2], `cache_key.i`, `cache_value.i`. Output: `velocity`.
 */
export function buildFlowStep(
  config: AlpamayoConfig,
  shape: FlowShape,
): { readonly graph: Graph; readonly expert: ExpertOutput } {
  const graph = new Graph();
  const { rows, capacity, draws } = shape;
  const steps = config.actionSpace.waypointCount;
  const half = config.vlm.text.headDim / 2;
  const repeat = (x: Value) => repeatRows(x, draws);
  const expert = expertField(
    graph,
    config,
    graph.input("noisy", [rows * draws, steps, actionDim]),
    graph.input("time", [rows * draws, 1, 1]),
    cacheInputs(graph, config.vlm.text, shape),
    graph.input("mask", [rows, 1, 1, capacity + steps]),
    repeat(graph.input("cos", [rows, steps, half])),
    repeat(graph.input("sin", [rows, steps, half])),
  );
  graph.output("velocity", expert.velocity);
  return { graph, expert };
}

/** Every row `times` times, copies side by side. */
export function repeatRows(x: Value, times: number): Value {
  if (times === 1) return x;
  const [rows, ...rest] = x.shape as [number, ...number[]];
  return reshape(broadcastTo(reshape(x, [rows, 1, ...rest]), [rows, times, ...rest]), [
    rows * times,
    ...rest,
  ]);
}
