/**
 * Lowers a graph to ONNX nodes: one rule per op. Fused kernels that ONNX Runtime has on CPU are used directly
 * (FusedMatMul, SimplifiedLayerNormalization, RotaryEmbedding, QuickGelu); the rest is standard ONNX.
 */
import type { Graph, Node, OpAttrs, OpName, Value } from "../graph.ts";
import type { CompileOptions, QuantizedWeight, StoredTensor } from "../runtime.ts";
import { type Tensor, sizeOf, tensorInt64 } from "../tensor.ts";
import { FreeSizes } from "./free-sizes.ts";
import { lowerQuantizedMatmul } from "./quantized-matmul.ts";
import {
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
  onnxTypes,
} from "./model.ts";

const microsoft = "com.microsoft";

/** Collects nodes and shared constants while rules run. */
export class Lowering {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: { name: string; tensor: Tensor | StoredTensor }[] = [];
  readonly free: FreeSizes;
  readonly #constants = new Map<string, string>();
  #next = 0;

  constructor(free: FreeSizes = new FreeSizes(new Map())) {
    this.free = free;
  }

  temp(): string {
    return `t${this.#next++}`;
  }

  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    options: { outputs?: readonly string[]; domain?: string } = {},
  ): string {
    const outputs = options.outputs ?? [this.temp()];
    this.nodes.push({ op, inputs, outputs, attributes, domain: options.domain ?? "" });
    return outputs[0] as string;
  }

  initializer(tensor: Tensor | StoredTensor): string {
    this.free.refuse("constant", tensor.shape);
    const name = `c${this.initializers.length}`;
    this.initializers.push({ name, tensor });
    return name;
  }

  /** A 1-D int64 constant, shared by content. */
  ints(values: readonly number[]): string {
    const key = values.join();
    let name = this.#constants.get(key);
    if (!name) {
      name = this.initializer(tensorInt64(values, [values.length]));
      this.#constants.set(key, name);
    }
    return name;
  }

  /** `x` repeated along `axis`; the same request is built once. */
  tile(x: string, axis: number, times: number): string {
    const key = `tile ${x} ${axis} ${times}`;
    let name = this.#constants.get(key);
    if (!name) {
      name = this.node(
        "Concat",
        Array.from({ length: times }, () => x),
        { axis: { int: axis } },
      );
      this.#constants.set(key, name);
    }
    return name;
  }

  reshape(x: string, shape: readonly number[], output?: string): string {
    const target = this.ints(this.free.reshapeTarget(shape));
    return this.node("Reshape", [x, target], {}, output ? { outputs: [output] } : {});
  }
}

type LowerRule<K extends OpName> = (
  to: Lowering,
  args: {
    readonly node: Node<K>;
    readonly attrs: OpAttrs[K];
    readonly in: readonly string[];
    readonly out: readonly string[];
  },
) => void;

const standard =
  <K extends OpName>(op: string, domain = ""): LowerRule<K> =>
  (to, a) => {
    to.node(op, a.in, {}, { outputs: a.out, domain });
  };
const shapeOf = (node: Node, i: number) => (node.inputs[i] as Value).shape;

export const lowerRules: { readonly [K in OpName]: LowerRule<K> | "leaf" } = {
  input: "leaf",
  parameter: "leaf",
  constant: "leaf",
  add: standard("Add"),
  sub: standard("Sub"),
  mul: standard("Mul"),
  div: standard("Div"),
  pow: standard("Pow"),
  neg: standard("Neg"),
  exp: standard("Exp"),
  log: standard("Log"),
  sqrt: standard("Sqrt"),
  sin: standard("Sin"),
  cos: standard("Cos"),
  erf: standard("Erf"),
  tanh: standard("Tanh"),
  sigmoid: standard("Sigmoid"),
  silu: (to, a) => {
    to.node("QuickGelu", a.in, { alpha: { float: 1 } }, { outputs: a.out, domain: microsoft });
  },
  gelu: (to, a) => {
    to.node("Gelu", a.in, { approximate: { string: a.attrs.approximate } }, { outputs: a.out });
  },
  equal: standard("Equal"),
  greater: standard("Greater"),
  not: standard("Not"),
  and: standard("And"),
  where: standard("Where"),
  cast: (to, a) => {
    to.node("Cast", a.in, { to: { int: onnxTypes[a.attrs.to] } }, { outputs: a.out });
  },
  matmul: (to, a) => {
    const { transA, transB, alpha } = a.attrs;
    if (!transA && !transB && alpha === 1) to.node("MatMul", a.in, {}, { outputs: a.out });
    else
      to.node(
        "FusedMatMul",
        a.in,
        {
          transA: { int: Number(transA) },
          transB: { int: Number(transB) },
          alpha: { float: alpha },
        },
        { outputs: a.out, domain: microsoft },
      );
  },
  softmax: (to, a) => {
    to.node("Softmax", a.in, { axis: { int: a.attrs.axis } }, { outputs: a.out });
  },
  logSoftmax: (to, a) => {
    to.node("LogSoftmax", a.in, { axis: { int: a.attrs.axis } }, { outputs: a.out });
  },
  layerNorm: (to, a) => {
    const inputs = [...a.in];
    // The operator needs a scale; ones leave the values unchanged.
    if (a.attrs.affine === "none") {
      const shape = shapeOf(a.node, 0).slice(a.attrs.axis);
      inputs.push(
        to.initializer({ dtype: "float32", shape, data: new Float32Array(sizeOf(shape)).fill(1) }),
      );
    }
    to.node(
      "LayerNormalization",
      inputs,
      { axis: { int: a.attrs.axis }, epsilon: { float: a.attrs.epsilon } },
      { outputs: a.out },
    );
  },
  rmsNorm: (to, a) => {
    // Not in the ONNX standard with this second output; ONNX Runtime registers it in the default domain.
    to.node(
      "SimplifiedLayerNormalization",
      a.in,
      { axis: { int: a.attrs.axis }, epsilon: { float: a.attrs.epsilon }, stash_type: { int: 1 } },
      { outputs: a.out },
    );
  },
  attention: (to, a) => {
    const [b, h, t, d] = shapeOf(a.node, 0) as [number, number, number, number];
    const hk = shapeOf(a.node, 1)[1] as number;
    const dv = shapeOf(a.node, 2)[3] as number;
    const [q, k, v, mask] = a.in as [string, string, string, string | undefined];
    const [o, p] = a.out as [string, string];
    const group = h / hk;
    const folded = group === 1 ? q : to.reshape(q, [b, hk, group * t, d]);
    let scores = to.node(
      "FusedMatMul",
      [folded, k],
      { transA: { int: 0 }, transB: { int: 1 }, alpha: { float: a.attrs.scale } },
      { domain: microsoft },
    );
    if (mask !== undefined) {
      const mt = shapeOf(a.node, 3)[2] as number;
      // The group's query rows are stacked, so the mask is too: one contiguous block a head keeps Add on its fast path.
      const rows = group === 1 || mt === 1 ? mask : to.tile(mask, 2, group);
      scores = to.node("Add", [scores, rows]);
    }
    to.node("Softmax", [scores], { axis: { int: 3 } }, { outputs: [p] });
    if (group === 1) to.node("MatMul", [p, v], {}, { outputs: [o] });
    else to.reshape(to.node("MatMul", [p, v]), [b, h, t, dv], o);
  },
  rope: (to, a) => {
    const [b, h, t, d] = shapeOf(a.node, 0) as [number, number, number, number];
    const [cb, , half] = shapeOf(a.node, 1) as [number, number, number];
    const [x, cos, sin] = a.in as [string, string, string];
    const cache = (name: string) => to.reshape(name, [cb * t, half]);
    // One value is an offset: every row then reads table rows 0 … T - 1. Rows with tables of their own name them.
    const positions =
      cb === 1
        ? to.ints([0])
        : to.initializer(
            tensorInt64(
              Array.from({ length: b * t }, (_, i) => i),
              [b, t],
            ),
          );
    const rotary = 2 * half;
    const rotate = (input: string, output?: string) =>
      to.node(
        "RotaryEmbedding",
        [input, positions, cache(cos), cache(sin)],
        { interleaved: { int: Number(a.attrs.interleaved) }, num_heads: { int: h } },
        { domain: microsoft, ...(output ? { outputs: [output] } : {}) },
      );
    if (rotary === d) {
      rotate(x, a.out[0] as string);
      return;
    }
    const axes = to.ints([3]);
    const left = to.node("Slice", [x, to.ints([0]), to.ints([rotary]), axes]);
    const right = to.node("Slice", [x, to.ints([rotary]), to.ints([d]), axes]);
    to.node("Concat", [rotate(left), right], { axis: { int: 3 } }, { outputs: a.out });
  },
  nll: (to, a) => {
    to.node(
      "SoftmaxCrossEntropyLoss",
      a.in,
      { ignore_index: { int: a.attrs.ignoreIndex }, reduction: { string: "none" } },
      { outputs: a.out },
    );
  },
  reshape: (to, a) => {
    to.reshape(a.in[0] as string, a.attrs.shape, a.out[0]);
  },
  broadcastTo: (to, a) => {
    to.free.refuse("broadcastTo", a.attrs.shape);
    to.node("Expand", [a.in[0] as string, to.ints(a.attrs.shape)], {}, { outputs: a.out });
  },
  transpose: (to, a) => {
    to.node("Transpose", a.in, { perm: { ints: a.attrs.perm } }, { outputs: a.out });
  },
  concat: (to, a) => {
    to.node("Concat", a.in, { axis: { int: a.attrs.axis } }, { outputs: a.out });
  },
  slice: (to, a) => {
    const { starts, sizes } = a.attrs;
    const shape = shapeOf(a.node, 0);
    const axes = shape.flatMap((d, i) => (starts[i] === 0 && sizes[i] === d ? [] : [i]));
    to.free.refuse(
      "slice",
      axes.flatMap((i) => [starts[i] as number, sizes[i] as number]),
    );
    to.node(
      "Slice",
      [
        a.in[0] as string,
        to.ints(axes.map((i) => starts[i] as number)),
        to.ints(axes.map((i) => (starts[i] as number) + (sizes[i] as number))),
        to.ints(axes),
      ],
      {},
      { outputs: a.out },
    );
  },
  pad: (to, a) => {
    to.node(
      "Pad",
      [a.in[0] as string, to.ints([...a.attrs.before, ...a.attrs.after])],
      {},
      { outputs: a.out },
    );
  },
  gather: (to, a) => {
    to.node("Gather", a.in, { axis: { int: a.attrs.axis } }, { outputs: a.out });
  },
  scatterAdd: (to, a) => {
    const [indices, updates] = a.in as [string, string];
    const { axis, size } = a.attrs;
    const indexShape = shapeOf(a.node, 0);
    const updateShape = shapeOf(a.node, 1);
    const rank = indexShape.length;
    const column = to.reshape(indices, [...indexShape, 1]);
    const before = updateShape.slice(0, axis);
    const after = updateShape.slice(axis + rank);
    const zeros = (shape: readonly number[]) => to.node("ConstantOfShape", [to.ints(shape)]);
    const scatter = (data: string, source: string, output?: string) =>
      to.node(
        "ScatterND",
        [data, column, source],
        { reduction: { string: "add" } },
        output ? { outputs: [output] } : {},
      );
    if (axis === 0) {
      scatter(zeros([size, ...after]), updates, a.out[0]);
      return;
    }
    // ScatterND indexes the first axis, so the indexed axes go to the front and the result's first axis goes back.
    const n = updateShape.length;
    const lead = Array.from({ length: axis }, (_, i) => i);
    const middle = Array.from({ length: rank }, (_, i) => axis + i);
    const tail = Array.from({ length: n - axis - rank }, (_, i) => axis + rank + i);
    const moved = to.node("Transpose", [updates], {
      perm: { ints: [...middle, ...lead, ...tail] },
    });
    const result = scatter(zeros([size, ...before, ...after]), moved);
    const back = [...lead.map((i) => i + 1), 0, ...after.map((_, i) => 1 + axis + i)];
    to.node("Transpose", [result], { perm: { ints: back } }, { outputs: a.out });
  },
  reduceSum: (to, a) => {
    to.node(
      "ReduceSum",
      [a.in[0] as string, to.ints(a.attrs.axes)],
      { keepdims: { int: Number(a.attrs.keepdims) } },
      { outputs: a.out },
    );
  },
  reduceMax: (to, a) => {
    to.node(
      "ReduceMax",
      [a.in[0] as string, to.ints(a.attrs.axes)],
      { keepdims: { int: Number(a.attrs.keepdims) } },
      { outputs: a.out },
    );
  },
  argMax: (to, a) => {
    to.node(
      "ArgMax",
      a.in,
      { axis: { int: a.attrs.axis }, keepdims: { int: 0 } },
      { outputs: a.out },
    );
  },
  stopGradient: standard("Identity"),
};

export type LowerOptions = Pick<
  CompileOptions,
  "baked" | "stored" | "quantized" | "quantizedCompute" | "freeSizes"
>;

/**
 * The ONNX form of what `outputs` need. Values keep short stable names; parameters in `baked` become initializers,
 * which lets the runtime pre-pack them.
 */
export function lowerGraph(
  graph: Graph,
  outputs: ReadonlyMap<string, Value>,
  options: LowerOptions = {},
): OnnxGraph {
  const { baked, stored, quantized, quantizedCompute = "float32" } = options;
  const live = new Set<Node>();
  const stack = [...outputs.values()].map((v) => v.node);
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (live.has(node)) continue;
    live.add(node);
    for (const input of node.inputs) stack.push(input.node);
  }
  const free = new FreeSizes(options.freeSizes ?? new Map());
  const to = new Lowering(free);
  const names = new Map<Value, string>();
  const inputs: OnnxValue[] = [];
  /** Parameters that exist as codes only. */
  const packed = new Map<Value, QuantizedWeight>();
  for (const node of graph.nodes) {
    if (!live.has(node)) continue;
    const [first] = node.outputs as [Value];
    if (node.op === "constant") {
      names.set(first, to.initializer((node.attrs as OpAttrs["constant"]).tensor));
      continue;
    }
    if (node.op === "input" || node.op === "parameter") {
      const { name } = node.attrs as OpAttrs["input"];
      names.set(first, name);
      const codes = node.op === "parameter" ? quantized?.get(name) : undefined;
      const tensor = node.op === "parameter" ? (baked?.get(name) ?? stored?.get(name)) : undefined;
      if (codes) packed.set(first, codes);
      else if (tensor) to.initializers.push({ name, tensor });
      else inputs.push({ name, dtype: first.dtype, shape: free.open(first.shape) });
      continue;
    }
    const out = node.outputs.map((value, i) => {
      const name = `v${node.id}_${i}`;
      names.set(value, name);
      return name;
    });
    const weight = node.inputs.find((value) => packed.has(value));
    if (weight) {
      const data = names.get(node.inputs[0] as Value) as string;
      const codes = packed.get(weight) as QuantizedWeight;
      lowerQuantizedMatmul(to, node, weight, codes, {
        data,
        out: out[0] as string,
        quantizedCompute,
      });
      continue;
    }
    const rule = lowerRules[node.op] as LowerRule<OpName> | "leaf";
    if (rule === "leaf") continue;
    rule(to, { node, attrs: node.attrs, in: node.inputs.map((v) => names.get(v) as string), out });
  }
  const results: OnnxValue[] = [];
  for (const [name, value] of outputs) {
    // A result needs a name of its own: the same value may be an input, a constant, or returned twice.
    to.node("Identity", [names.get(value) as string], {}, { outputs: [name] });
    results.push({ name, dtype: value.dtype, shape: free.open(value.shape) });
  }
  return { nodes: to.nodes, initializers: to.initializers, inputs, outputs: results };
}
