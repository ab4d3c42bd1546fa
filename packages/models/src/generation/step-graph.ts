/**
 * One graph for prompt and decoding alike: T new tokens over a cache of S slots, both sizes free, so that one session
 * holds one packed copy of the weights. Token embeddings come from outside: a table of 151 936 rows is looked up, not
 * multiplied, and stays in its file.
 */
import {
  add,
  concat,
  div,
  exp,
  Graph,
  greater,
  matmul,
  reduceMax,
  reduceSum,
  reshape,
  sub,
  type Value,
  where,
} from "@causeway/graph";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import { decoderStack, type KeyValue } from "../qwen3vl/decoder.ts";
import { outputHead } from "../qwen3vl/model.ts";

/** Placeholders of the free sizes: primes that no real size is a multiple of. */
const newTokens = 8191;
const cacheSlots = 131_071;
const logitRows = 524_287;
export const stepFreeSizes: ReadonlyMap<number, string> = new Map([
  [newTokens, "T"],
  [cacheSlots, "S"],
  [logitRows, "L"],
]);

/**
 * Inputs: `embeds` [1, T, C]; `cos`, `sin` [1, T, D / 2]; `cache_mask` [1, 1, 1, S] (hides unused slots); `own_mask`
 * [1, 1, T, T] (causal); `rows` int64 [L] (tokens whose logits are wanted); `cache_key.i`, `cache_value.i` [1, Hk, S, D];
 * `deepstack.k` [1, T, C] (0 on text). Outputs: `logits` [L, V]; the new tokens' `key.i`, `value.i` [1, Hk, T, D].
 */
export function buildStep({ text, vision }: Qwen3VLConfig, prefix: string): Graph {
  const graph = new Graph();
  const half = text.headDim / 2;
  const slots = [1, text.numKvHeads, cacheSlots, text.headDim];
  const caches = Array.from({ length: text.numLayers }, (_, i) => ({
    key: graph.input(`cache_key.${i}`, slots),
    value: graph.input(`cache_value.${i}`, slots),
  }));
  const features = vision.deepstackIndexes.map((_, k) =>
    graph.input(`deepstack.${k}`, [1, newTokens, text.hiddenSize]),
  );
  const cacheMask = graph.input("cache_mask", [1, 1, 1, cacheSlots]);
  const ownMask = graph.input("own_mask", [1, 1, newTokens, newTokens]);
  const decoder = decoderStack(
    graph,
    text,
    `${prefix}model.language_model.`,
    graph.input("embeds", [1, newTokens, text.hiddenSize]),
    {
      cos: graph.input("cos", [1, newTokens, half]),
      sin: graph.input("sin", [1, newTokens, half]),
      attend: (q, own, layer) =>
        attendCacheAndSelf(q, own, caches[layer] as KeyValue, cacheMask, ownMask),
      afterLayer: (hidden, layer) => {
        const feature = features[layer];
        return feature === undefined ? hidden : add(hidden, feature);
      },
    },
  );
  const rows = graph.input("rows", [logitRows], "int64");
  graph.output("logits", outputHead(graph, text, prefix, decoder.hidden, rows));
  decoder.keyValues.forEach(({ key, value }, i) => {
    graph.output(`key.${i}`, key);
    graph.output(`value.${i}`, value);
  });
  return graph;
}

/**
 * Softmax over cached and own tokens as two parts with one maximum and one sum, so that neither keys, values nor
 * scores are joined: the cache goes through the cores once and none of it is copied.
 */
function attendCacheAndSelf(
  q: Value,
  own: KeyValue,
  cache: KeyValue,
  cacheMask: Value,
  ownMask: Value,
): Value {
  const [, heads, length, headDim] = q.shape as [number, number, number, number];
  const kvHeads = own.key.shape[1] as number;
  const group = heads / kvHeads;
  const alpha = 1 / Math.sqrt(headDim);
  // Query heads of one key head are stacked as rows.
  const grouped = reshape(q, [1, kvHeads, group * length, headDim]);
  const ownRows = concat(
    Array.from({ length: group }, () => ownMask),
    2,
  );
  const past = add(matmul(grouped, cache.key, { transB: true, alpha }), cacheMask);
  const present = add(matmul(grouped, own.key, { transB: true, alpha }), ownRows);
  const [a, b] = [past, present].map((scores) => reduceMax(scores, [3], true)) as [Value, Value];
  const top = where(greater(a, b), a, b);
  const [pastWeights, ownWeights] = [past, present].map((scores) => exp(sub(scores, top))) as [
    Value,
    Value,
  ];
  const total = add(reduceSum(pastWeights, [3], true), reduceSum(ownWeights, [3], true));
  const mixed = add(matmul(pastWeights, cache.value), matmul(ownWeights, own.value));
  return reshape(div(mixed, total), [1, heads, length, headDim]);
}
