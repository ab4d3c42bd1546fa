/**
 * The intermediate representation: a `Graph` of nodes over symbolic tensors with static shapes.
 * Nodes are appended in order, so the node list is always a topological order; a value never changes.
 * Every rule table of the engine (shapes here, gradients, ONNX, reference) is keyed by `OpName`.
 */
import { type DType, ShapeError, type Tensor, sizeOf } from "./tensor.ts";

type None = Readonly<Record<string, never>>;

/** Attributes of each op. Adding a row here makes every rule table incomplete until it is handled. */
export interface OpAttrs {
  input: { readonly name: string };
  parameter: { readonly name: string };
  constant: { readonly tensor: Tensor };

  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  sin: None;
  cos: None;
  erf: None;
  tanh: None;
  sigmoid: None;
  silu: None;
  gelu: { readonly approximate: "none" | "tanh" };

  equal: None;
  greater: None;
  not: None;
  and: None;
  where: None;
  cast: { readonly to: DType };

  matmul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  softmax: { readonly axis: number };
  logSoftmax: { readonly axis: number };
  /** Inputs x, weight?, bias?; outputs y, mean, inverse std (keepdims). */
  layerNorm: {
    readonly axis: number;
    readonly epsilon: number;
    readonly affine: "none" | "weight" | "both";
  };
  /** Inputs x, weight; outputs y, inverse root mean square (keepdims). */
  rmsNorm: { readonly axis: number; readonly epsilon: number };
  /** Inputs q [B,H,T,D], k and v [B,Hk,S,D], mask? [B|1,1,T|1,S]; outputs o [B,H,T,D], probabilities [B,Hk,G*T,S]. */
  attention: { readonly scale: number };
  /** Inputs x [B,H,T,D], cos and sin [B|1,T,R/2]; rotates the first R of D. */
  rope: { readonly interleaved: boolean };
  /** Inputs logits [N,V], labels [N] int64; outputs loss [N] (0 where ignored), log probabilities [N,V]. */
  nll: { readonly ignoreIndex: number };

  reshape: { readonly shape: readonly number[] };
  broadcastTo: { readonly shape: readonly number[] };
  transpose: { readonly perm: readonly number[] };
  concat: { readonly axis: number };
  /** Step 1 only; other steps are gathers. */
  slice: { readonly starts: readonly number[]; readonly sizes: readonly number[] };
  /** Zero padding per axis. */
  pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  gather: { readonly axis: number };
  /** Inputs indices, updates: zeros of `size` along `axis` with updates added at indices (the adjoint of gather). */
  scatterAdd: { readonly axis: number; readonly size: number };
  reduceSum: { readonly axes: readonly number[]; readonly keepdims: boolean };
  reduceMax: {
    readonly axes: readonly number[];
    readonly keepdims: boolean;
    readonly ties: "shared" | "first";
  };
  /** First index of the maximum, int64, axis removed. */
  argMax: { readonly axis: number };
  stopGradient: None;
}
export type OpName = keyof OpAttrs;

export interface Node<K extends OpName = OpName> {
  readonly id: number;
  readonly op: K;
  readonly attrs: OpAttrs[K];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** A symbolic tensor: one output of one node. */
export interface Value {
  readonly graph: Graph;
  readonly node: Node;
  /** Which output of `node`. */
  readonly index: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export interface OutputType {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export class Graph {
  readonly nodes: Node[] = [];
  readonly inputs = new Map<string, Value>();
  readonly parameters = new Map<string, Value>();
  readonly outputs = new Map<string, Value>();
  readonly #scalars = new Map<string, Value>();
  /** Structural key → node: the same op on the same values is built once (CSE by construction). */
  readonly #known = new Map<string, Node>();

  /** Appends a node and returns its outputs. Called by ops.ts, which has checked shapes. */
  emit<K extends OpName>(
    op: K,
    inputs: readonly Value[],
    attrs: OpAttrs[K],
    types: readonly OutputType[],
  ): readonly Value[] {
    for (const value of inputs)
      if (value.graph !== this)
        throw new ShapeError(`${op}: an operand belongs to another graph; build both in one Graph`);
    const key =
      op === "constant" || op === "input" || op === "parameter"
        ? null
        : `${op}|${inputs.map((v) => `${v.node.id}.${v.index}`).join(",")}|${JSON.stringify(attrs)}`;
    const existing = key === null ? undefined : this.#known.get(key);
    if (existing) return existing.outputs;
    const outputs: Value[] = [];
    const node: Node<K> = { id: this.nodes.length, op, attrs, inputs, outputs };
    types.forEach((type, index) => outputs.push({ graph: this, node, index, ...type }));
    this.nodes.push(node);
    if (key !== null) this.#known.set(key, node);
    return outputs;
  }

  /** A tensor that the caller feeds at every run. */
  input(name: string, shape: readonly number[], dtype: DType = "float32"): Value {
    return this.#leaf(this.inputs, "input", name, shape, dtype);
  }

  /** A trainable or frozen weight: fed at run time, or baked in by `compile`. The same name returns the same value. */
  parameter(name: string, shape: readonly number[]): Value {
    return this.#leaf(this.parameters, "parameter", name, shape, "float32");
  }

  #leaf(
    known: Map<string, Value>,
    op: "input" | "parameter",
    name: string,
    shape: readonly number[],
    dtype: DType,
  ): Value {
    const before = known.get(name);
    if (before) {
      if (before.shape.join() !== shape.join() || before.dtype !== dtype)
        throw new ShapeError(
          `${op} "${name}": declared as ${dtype} [${shape.join(", ")}], before as ${before.dtype} [${before.shape.join(", ")}]`,
        );
      return before;
    }
    const [value] = this.emit(op, [], { name }, [{ shape, dtype }]) as [Value];
    known.set(name, value);
    return value;
  }

  constant(value: Tensor): Value {
    if (value.data.length !== sizeOf(value.shape))
      throw new ShapeError(
        `constant: ${value.data.length} values do not fill shape [${value.shape.join(", ")}]`,
      );
    return this.emit("constant", [], { tensor: value }, [
      { shape: value.shape, dtype: value.dtype },
    ])[0] as Value;
  }

  /** A float32 scalar constant, shared by value. */
  scalar(x: number): Value {
    const key = String(x);
    let value = this.#scalars.get(key);
    if (!value) {
      value = this.constant({ dtype: "float32", shape: [], data: Float32Array.of(x) });
      this.#scalars.set(key, value);
    }
    return value;
  }

  /** Names a result that a compiled graph returns. */
  output(name: string, value: Value): void {
    if (this.outputs.has(name)) throw new ShapeError(`output "${name}" is declared twice`);
    this.outputs.set(name, value);
  }
}
