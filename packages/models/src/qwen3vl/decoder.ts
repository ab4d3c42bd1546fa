/**
 * The decoder stack that the Qwen3 text model and the action expert share: RMSNorm, grouped-query attention with
 * per-head q/k norm and rotary, SwiGLU. What a token may look at is the caller's `attend`; so one stack serves
 * training, prefill, one-token decoding and the expert over a cached prefix.
 */
import {
  add,
  type Graph,
  linear,
  mul,
  reshape,
  rmsNorm,
  rope,
  silu,
  transpose,
  type Value,
} from "@causeway/graph";

export interface DecoderSizes {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
}

/** Keys after norm and rotary, raw values: [B, Hk, T, D]. */
export interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

export interface DecoderOptions {
  /** [B|1, T, headDim / 2]. */
  readonly cos: Value;
  readonly sin: Value;
  /** q [B,H,T,D], own k and v [B,Hk,T,D] of this layer to [B,H,T,D]. */
  readonly attend: (q: Value, own: KeyValue, layer: number) => Value;
  /** Changes the hidden state after a layer (DeepStack); identity when left out. */
  readonly afterLayer?: (hidden: Value, layer: number) => Value;
  /** Stop once the last layer's keys and values exist: what a frozen prefix needs. `hidden` is then the last layer's input. */
  readonly onlyKeyValues?: boolean;
}

export interface DecoderOutput {
  /** [B, T, C] before the final norm. */
  readonly hidden: Value;
  readonly keyValues: readonly KeyValue[];
  /** Input of every layer and, last, `hidden`. */
  readonly states: readonly Value[];
}

/** @param hidden  [B, T, C]. @param prefix  e.g. "model.language_model." or "expert.". */
export function decoderStack(
  g: Graph,
  sizes: DecoderSizes,
  prefix: string,
  hidden: Value,
  options: DecoderOptions,
): DecoderOutput {
  const { hiddenSize: c, intermediateSize, numHeads, numKvHeads, headDim, rmsNormEps } = sizes;
  const [batch, length] = hidden.shape as [number, number, number];
  const weight = (name: string, ...shape: number[]) => g.parameter(prefix + name, shape);
  const heads = (x: Value, count: number) => reshape(x, [batch, length, count, headDim]);
  const headsFirst = (x: Value) => transpose(x, [0, 2, 1, 3]);

  // The stack works on [B * T, C]; only attention sees the batch.
  let x = reshape(hidden, [batch * length, c]);
  const keyValues: KeyValue[] = [];
  const states: Value[] = [];
  for (let layer = 0; layer < sizes.numLayers; layer++) {
    states.push(reshape(x, [batch, length, c]));
    const at = `layers.${layer}.`;
    const normed = rmsNorm(x, weight(`${at}input_layernorm.weight`, c), rmsNormEps);
    const project = (name: string, count: number) =>
      heads(
        linear(normed, weight(`${at}self_attn.${name}_proj.weight`, count * headDim, c)),
        count,
      );
    const normHeads = (name: string, y: Value) =>
      rmsNorm(y, weight(`${at}self_attn.${name}_norm.weight`, headDim), rmsNormEps);
    const turn = (y: Value) => rope(headsFirst(y), options.cos, options.sin);
    const key = turn(normHeads("k", project("k", numKvHeads)));
    const value = headsFirst(project("v", numKvHeads));
    keyValues.push({ key, value });
    if (options.onlyKeyValues === true && layer === sizes.numLayers - 1) break;
    const query = turn(normHeads("q", project("q", numHeads)));
    const mixed = options.attend(query, { key, value }, layer);
    x = add(
      x,
      linear(
        reshape(headsFirst(mixed), [batch * length, numHeads * headDim]),
        weight(`${at}self_attn.o_proj.weight`, c, numHeads * headDim),
      ),
    );
    const inner = rmsNorm(x, weight(`${at}post_attention_layernorm.weight`, c), rmsNormEps);
    const gate = silu(linear(inner, weight(`${at}mlp.gate_proj.weight`, intermediateSize, c)));
    const up = linear(inner, weight(`${at}mlp.up_proj.weight`, intermediateSize, c));
    x = add(x, linear(mul(gate, up), weight(`${at}mlp.down_proj.weight`, c, intermediateSize)));
    if (options.afterLayer !== undefined) {
      x = reshape(options.afterLayer(reshape(x, [batch, length, c]), layer), [batch * length, c]);
    }
  }
  const last = reshape(x, [batch, length, c]);
  states.push(last);
  return { hidden: last, keyValues, states };
}

/** The norm after the last layer. */
export function finalNorm(g: Graph, sizes: DecoderSizes, prefix: string, hidden: Value): Value {
  return rmsNorm(hidden, g.parameter(`${prefix}norm.weight`, [sizes.hiddenSize]), sizes.rmsNormEps);
}
