/**
 * The functions that build a graph: shape rules here, one `emit` each.
 * Broadcasting follows numpy; a JS number stands for a float32 scalar.
 */
import { type Graph, type OpName, type Value } from "./graph.ts";
import { type DType, ShapeError, sizeOf, tensor, tensorInt64 } from "./tensor.ts";

export type Operand = Value | number;

const show = (shape: readonly number[]) => `[${shape.join(", ")}]`;
const none = {} as Readonly<Record<string, never>>;

export function normalizeAxis(op: string, axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= rank)
    throw new ShapeError(`${op}: axis ${axis} is outside a tensor of rank ${rank}`);
  return result;
}

/** The numpy broadcast of two shapes. */
export function broadcastShapes(op: string, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const da = a[i - rank + a.length] ?? 1;
    const db = b[i - rank + b.length] ?? 1;
    if (da !== db && da !== 1 && db !== 1)
      throw new ShapeError(
        `${op}: ${show(a)} and ${show(b)} do not broadcast (${da} against ${db})`,
      );
    out.push(da === 1 ? db : da);
  }
  return out;
}

function graphOf(a: Operand, b: Operand): Graph {
  if (typeof a !== "number") return a.graph;
  if (typeof b !== "number") return b.graph;
  throw new ShapeError("an op on two numbers needs no graph");
}
const lift = (graph: Graph, x: Operand): Value => (typeof x === "number" ? graph.scalar(x) : x);

function binary(op: "add" | "sub" | "mul" | "div" | "pow", x: Operand, y: Operand): Value {
  const graph = graphOf(x, y);
  const a = lift(graph, x);
  const b = lift(graph, y);
  if (a.dtype !== b.dtype) throw new ShapeError(`${op}: dtypes differ: ${a.dtype} and ${b.dtype}`);
  const shape = broadcastShapes(op, a.shape, b.shape);
  return graph.emit(op, [a, b], none, [{ shape, dtype: a.dtype }])[0] as Value;
}
export const add = (a: Operand, b: Operand): Value => binary("add", a, b);
export const sub = (a: Operand, b: Operand): Value => binary("sub", a, b);
export const mul = (a: Operand, b: Operand): Value => binary("mul", a, b);
export const div = (a: Operand, b: Operand): Value => binary("div", a, b);
/** a ** b; the gradient for b needs a > 0. */
export const pow = (a: Operand, b: Operand): Value => binary("pow", a, b);

type Unary =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "sin"
  | "cos"
  | "erf"
  | "tanh"
  | "sigmoid"
  | "silu"
  | "stopGradient";
const unary = (op: Unary, x: Value): Value =>
  x.graph.emit(op, [x], none, [{ shape: x.shape, dtype: x.dtype }])[0] as Value;
export const neg = (x: Value): Value => unary("neg", x);
export const exp = (x: Value): Value => unary("exp", x);
export const log = (x: Value): Value => unary("log", x);
export const sqrt = (x: Value): Value => unary("sqrt", x);
export const sin = (x: Value): Value => unary("sin", x);
export const cos = (x: Value): Value => unary("cos", x);
export const erf = (x: Value): Value => unary("erf", x);
export const tanh = (x: Value): Value => unary("tanh", x);
export const sigmoid = (x: Value): Value => unary("sigmoid", x);
/** x * sigmoid(x). */
export const silu = (x: Value): Value => unary("silu", x);
/** The identity whose gradient is zero. */
export const stopGradient = (x: Value): Value => unary("stopGradient", x);
export const gelu = (x: Value, approximate: "none" | "tanh" = "none"): Value =>
  x.graph.emit("gelu", [x], { approximate }, [{ shape: x.shape, dtype: x.dtype }])[0] as Value;

function compare(op: "equal" | "greater" | "and", a: Value, b: Value): Value {
  const shape = broadcastShapes(op, a.shape, b.shape);
  return a.graph.emit(op, [a, b], none, [{ shape, dtype: "bool" }])[0] as Value;
}
export const equal = (a: Value, b: Value): Value => compare("equal", a, b);
export const greater = (a: Value, b: Value): Value => compare("greater", a, b);
export const and = (a: Value, b: Value): Value => compare("and", a, b);
export const not = (x: Value): Value =>
  x.graph.emit("not", [x], none, [{ shape: x.shape, dtype: "bool" }])[0] as Value;
export const cast = (x: Value, to: DType): Value =>
  x.dtype === to
    ? x
    : (x.graph.emit("cast", [x], { to }, [{ shape: x.shape, dtype: to }])[0] as Value);
/** condition ? a : b, elementwise. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  const left = lift(condition.graph, a);
  const right = lift(condition.graph, b);
  const shape = broadcastShapes(
    "where",
    condition.shape,
    broadcastShapes("where", left.shape, right.shape),
  );
  return condition.graph.emit("where", [condition, left, right], none, [
    { shape, dtype: left.dtype },
  ])[0] as Value;
}

/**
 * alpha * op(a) @ op(b) over the last two axes; leading axes broadcast; rank-1 operands as in numpy.
 * A Hugging Face linear layer (weight [out, in]) is `matmul(x, w, { transB: true })`.
 */
export function matmul(
  a: Value,
  b: Value,
  options: { transA?: boolean; transB?: boolean; alpha?: number } = {},
): Value {
  const { transA = false, transB = false, alpha = 1 } = options;
  if (a.shape.length === 1 || b.shape.length === 1) {
    const left = a.shape.length === 1 ? reshape(a, [1, a.shape[0] as number]) : a;
    const right = b.shape.length === 1 ? reshape(b, [b.shape[0] as number, 1]) : b;
    const product = matmul(left, right, {
      transA: a.shape.length > 1 && transA,
      transB: b.shape.length > 1 && transB,
      alpha,
    });
    const shape = [...product.shape];
    if (b.shape.length === 1) shape.splice(-1, 1);
    if (a.shape.length === 1) shape.splice(b.shape.length === 1 ? -1 : -2, 1);
    return reshape(product, shape);
  }
  const ra = a.shape.length;
  const rb = b.shape.length;
  const m = a.shape[ra - (transA ? 1 : 2)] as number;
  const k = a.shape[ra - (transA ? 2 : 1)] as number;
  const kb = b.shape[rb - (transB ? 1 : 2)] as number;
  const n = b.shape[rb - (transB ? 2 : 1)] as number;
  if (k !== kb)
    throw new ShapeError(
      `matmul: inner sizes differ: a is ${show(a.shape)}${transA ? " transposed" : ""}, b is ${show(b.shape)}${transB ? " transposed" : ""} (${k} != ${kb})`,
    );
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  return a.graph.emit("matmul", [a, b], { transA, transB, alpha }, [
    { shape: [...batch, m, n], dtype: a.dtype },
  ])[0] as Value;
}

export const softmax = (x: Value, axis = -1): Value =>
  x.graph.emit("softmax", [x], { axis: normalizeAxis("softmax", axis, x.shape.length) }, [
    { shape: x.shape, dtype: x.dtype },
  ])[0] as Value;
export const logSoftmax = (x: Value, axis = -1): Value =>
  x.graph.emit("logSoftmax", [x], { axis: normalizeAxis("logSoftmax", axis, x.shape.length) }, [
    { shape: x.shape, dtype: x.dtype },
  ])[0] as Value;

const keptShape = (shape: readonly number[], axis: number) =>
  shape.map((d, i) => (i < axis ? d : 1));

/** (x - mean) / sqrt(var + epsilon) over `axis` and all later axes, times weight, plus bias. */
export function layerNorm(
  x: Value,
  weight: Value | null,
  bias: Value | null,
  epsilon: number,
  axis = -1,
): Value {
  const first = normalizeAxis("layerNorm", axis, x.shape.length);
  const expected = x.shape.slice(first);
  for (const p of [weight, bias])
    if (p && p.shape.join() !== expected.join())
      throw new ShapeError(`layerNorm: weight is ${show(p.shape)}, expected ${show(expected)}`);
  if (bias && !weight) throw new ShapeError("layerNorm: a bias needs a weight");
  const affine = bias ? "both" : weight ? "weight" : "none";
  const stat = { shape: keptShape(x.shape, first), dtype: x.dtype };
  return x.graph.emit(
    "layerNorm",
    [x, ...(weight ? [weight] : []), ...(bias ? [bias] : [])],
    { axis: first, epsilon, affine },
    [{ shape: x.shape, dtype: x.dtype }, stat, stat],
  )[0] as Value;
}

/** x / sqrt(mean(x^2) + epsilon) * weight over `axis` and all later axes. */
export function rmsNorm(x: Value, weight: Value, epsilon: number, axis = -1): Value {
  const first = normalizeAxis("rmsNorm", axis, x.shape.length);
  const expected = x.shape.slice(first);
  if (weight.shape.join() !== expected.join())
    throw new ShapeError(`rmsNorm: weight is ${show(weight.shape)}, expected ${show(expected)}`);
  return x.graph.emit("rmsNorm", [x, weight], { axis: first, epsilon }, [
    { shape: x.shape, dtype: x.dtype },
    { shape: keptShape(x.shape, first), dtype: x.dtype },
  ])[0] as Value;
}

/**
 * softmax(scale * q k^T + mask) v. Grouped-query attention when k has fewer heads: query head h reads
 * key head floor(h * Hk / H).
 *
 * @param q [B,H,T,D]. @param k [B,Hk,S,D]. @param v [B,Hk,S,Dv].
 * @param options.mask additive, [B|1, 1, T|1, S]; use a large negative finite number, not -Infinity, where a whole row may be masked.
 * @param options.scale defaults to 1/sqrt(D).
 */
export function attention(
  q: Value,
  k: Value,
  v: Value,
  options: { mask?: Value; scale?: number } = {},
): Value {
  const [b, h, t, d] = q.shape as [number, number, number, number];
  const [bk, hk, s, dk] = k.shape as [number, number, number, number];
  const dv = v.shape[3] as number;
  if (
    q.shape.length !== 4 ||
    k.shape.length !== 4 ||
    v.shape.length !== 4 ||
    b !== bk ||
    d !== dk ||
    h % hk !== 0 ||
    v.shape[1] !== hk ||
    v.shape[2] !== s
  )
    throw new ShapeError(
      `attention: q ${show(q.shape)}, k ${show(k.shape)}, v ${show(v.shape)} do not fit`,
    );
  const { mask, scale = 1 / Math.sqrt(d) } = options;
  if (mask) {
    const [mb, mh, mt, ms] = mask.shape as [number, number, number, number];
    if (
      mask.shape.length !== 4 ||
      (mb !== b && mb !== 1) ||
      mh !== 1 ||
      (mt !== t && mt !== 1) ||
      ms !== s
    )
      throw new ShapeError(
        `attention: mask is ${show(mask.shape)}, expected [${b}|1, 1, ${t}|1, ${s}]`,
      );
  }
  return q.graph.emit("attention", mask ? [q, k, v, mask] : [q, k, v], { scale }, [
    { shape: [b, h, t, dv], dtype: q.dtype },
    { shape: [b, hk, (h / hk) * t, s], dtype: q.dtype },
  ])[0] as Value;
}

/**
 * Rotary embedding of the first R = 2 * cos.shape[2] channels; the rest passes through.
 *
 * @param x [B,H,T,D]. @param cos, sin [B|1, T, R/2]: one value per channel pair.
 * @param options.interleaved pairs are (2i, 2i+1) instead of (i, i + R/2).
 */
export function rope(
  x: Value,
  cosTable: Value,
  sinTable: Value,
  options: { interleaved?: boolean } = {},
): Value {
  const [b, , t, d] = x.shape as [number, number, number, number];
  const [cb, ct, half] = cosTable.shape as [number, number, number];
  if (
    x.shape.length !== 4 ||
    cosTable.shape.length !== 3 ||
    sinTable.shape.join() !== cosTable.shape.join() ||
    (cb !== b && cb !== 1) ||
    ct !== t ||
    half * 2 > d
  )
    throw new ShapeError(
      `rope: x ${show(x.shape)}, cos ${show(cosTable.shape)}, sin ${show(sinTable.shape)}; expected cos and sin [${b}|1, ${t}, <=${d / 2}]`,
    );
  return x.graph.emit(
    "rope",
    [x, cosTable, sinTable],
    { interleaved: options.interleaved ?? false },
    [{ shape: x.shape, dtype: x.dtype }],
  )[0] as Value;
}

/** -log softmax(logits)[label] per row, 0 where label is `ignoreIndex`. logits [N,V], labels [N] int64. */
export function nll(logits: Value, labels: Value, ignoreIndex = -100): Value {
  const [n, classes] = logits.shape as [number, number];
  if (logits.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== n)
    throw new ShapeError(
      `nll: logits ${show(logits.shape)} need labels [${n}], got ${show(labels.shape)}`,
    );
  return logits.graph.emit("nll", [logits, labels], { ignoreIndex }, [
    { shape: [n], dtype: logits.dtype },
    { shape: [n, classes], dtype: logits.dtype },
  ])[0] as Value;
}

/** reshape with ONNX rules: -1 infers one size, 0 copies the size at that place. */
export function reshape(x: Value, wanted: readonly number[]): Value {
  const shape = wanted.map((d, i) => (d === 0 && x.shape[i] !== 0 ? (x.shape[i] as number) : d));
  const hole = shape.indexOf(-1);
  if (hole >= 0) {
    const rest = sizeOf(shape.filter((_, i) => i !== hole));
    shape[hole] = sizeOf(x.shape) / rest;
  }
  if (sizeOf(shape) !== sizeOf(x.shape) || shape.some((d) => !Number.isInteger(d) || d < 0))
    throw new ShapeError(`reshape: ${show(x.shape)} does not fit ${show(wanted)}`);
  if (shape.join() === x.shape.join() && shape.length === x.shape.length) return x;
  return x.graph.emit("reshape", [x], { shape }, [{ shape, dtype: x.dtype }])[0] as Value;
}

export function broadcastTo(x: Value, shape: readonly number[]): Value {
  if (broadcastShapes("broadcastTo", x.shape, shape).join() !== shape.join())
    throw new ShapeError(`broadcastTo: ${show(x.shape)} does not broadcast to ${show(shape)}`);
  if (x.shape.join() === shape.join() && x.shape.length === shape.length) return x;
  return x.graph.emit("broadcastTo", [x], { shape }, [{ shape, dtype: x.dtype }])[0] as Value;
}

export function transpose(x: Value, perm: readonly number[]): Value {
  if ([...perm].sort((a, b) => a - b).some((p, i) => p !== i) || perm.length !== x.shape.length)
    throw new ShapeError(
      `transpose: ${show(perm)} is no permutation of the axes of ${show(x.shape)}`,
    );
  if (perm.every((p, i) => p === i)) return x;
  return x.graph.emit("transpose", [x], { perm }, [
    { shape: perm.map((p) => x.shape[p] as number), dtype: x.dtype },
  ])[0] as Value;
}

export function concat(xs: readonly Value[], axis: number): Value {
  const first = xs[0];
  if (!first) throw new ShapeError("concat: no operands");
  const at = normalizeAxis("concat", axis, first.shape.length);
  let total = 0;
  for (const x of xs) {
    if (
      x.shape.length !== first.shape.length ||
      x.shape.some((d, i) => i !== at && d !== first.shape[i]) ||
      x.dtype !== first.dtype
    )
      throw new ShapeError(
        `concat on axis ${at}: ${xs.map((v) => show(v.shape)).join(", ")} differ elsewhere`,
      );
    total += x.shape[at] as number;
  }
  if (xs.length === 1) return first;
  return first.graph.emit("concat", xs, { axis: at }, [
    { shape: first.shape.map((d, i) => (i === at ? total : d)), dtype: first.dtype },
  ])[0] as Value;
}

/** numpy-style slices per axis; negative indices count from the end, bounds are clamped, steps may be negative. */
export function slice(
  x: Value,
  spec: {
    starts: readonly number[];
    ends: readonly number[];
    axes?: readonly number[];
    steps?: readonly number[];
  },
): Value {
  const axes = (spec.axes ?? spec.starts.map((_, i) => i)).map((a) =>
    normalizeAxis("slice", a, x.shape.length),
  );
  const starts = x.shape.map(() => 0);
  const sizes = [...x.shape];
  let result = x;
  axes.forEach((axis, i) => {
    const dim = x.shape[axis] as number;
    const step = spec.steps?.[i] ?? 1;
    if (step === 0) throw new ShapeError("slice: step is 0");
    const clamp = (v: number, low: number, high: number) =>
      Math.min(Math.max(v < 0 ? v + dim : v, low), high);
    const rawStart = spec.starts[i] as number;
    const rawEnd = spec.ends[i] as number;
    const start = step > 0 ? clamp(rawStart, 0, dim) : clamp(rawStart, -1, dim - 1);
    const end = step > 0 ? clamp(rawEnd, 0, dim) : rawEnd < -dim ? -1 : clamp(rawEnd, -1, dim - 1);
    const count = Math.max(0, Math.ceil((end - start) / step));
    if (step === 1) {
      starts[axis] = start;
      sizes[axis] = count;
    } else {
      const rows = Array.from({ length: count }, (_, j) => start + j * step);
      result = gather(result, x.graph.constant(tensorInt64(rows, [count])), axis);
      sizes[axis] = count;
    }
  });
  if (starts.every((s) => s === 0) && sizes.join() === result.shape.join()) return result;
  return x.graph.emit("slice", [result], { starts, sizes }, [
    { shape: sizes, dtype: x.dtype },
  ])[0] as Value;
}

export function pad(x: Value, before: readonly number[], after: readonly number[]): Value {
  if ([...before, ...after].every((n) => n === 0)) return x;
  return x.graph.emit("pad", [x], { before, after }, [
    {
      shape: x.shape.map((d, i) => d + (before[i] as number) + (after[i] as number)),
      dtype: x.dtype,
    },
  ])[0] as Value;
}

/** Rows of `x` along `axis` at int64 `indices` (any rank; negative counts from the end). An embedding is `gather(table, ids, 0)`. */
export function gather(x: Value, indices: Value, axis = 0): Value {
  const at = normalizeAxis("gather", axis, x.shape.length);
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
  return x.graph.emit("gather", [x, indices], { axis: at }, [
    { shape, dtype: x.dtype },
  ])[0] as Value;
}

/** Zeros with `size` rows along `axis`; `updates` are added at `indices` (repeats add up). */
export function scatterAdd(indices: Value, updates: Value, axis: number, size: number): Value {
  const rank = indices.shape.length;
  const shape = [...updates.shape.slice(0, axis), size, ...updates.shape.slice(axis + rank)];
  return updates.graph.emit("scatterAdd", [indices, updates], { axis, size }, [
    { shape, dtype: updates.dtype },
  ])[0] as Value;
}

function reduced(op: OpName, x: Value, axes: readonly number[] | undefined, keepdims: boolean) {
  const list = (axes ?? x.shape.map((_, i) => i)).map((a) => normalizeAxis(op, a, x.shape.length));
  const kept = x.shape.map((d, i) => (list.includes(i) ? 1 : d));
  const shape = keepdims ? kept : kept.filter((_, i) => !list.includes(i));
  return { axes: [...list].sort((a, b) => a - b), shape };
}
export function reduceSum(x: Value, axes?: readonly number[], keepdims = false): Value {
  const r = reduced("reduceSum", x, axes, keepdims);
  if (r.axes.length === 0) return x;
  return x.graph.emit("reduceSum", [x], { axes: r.axes, keepdims }, [
    { shape: r.shape, dtype: x.dtype },
  ])[0] as Value;
}
export function reduceMean(x: Value, axes?: readonly number[], keepdims = false): Value {
  const sum = reduceSum(x, axes, keepdims);
  // Divided by the count, which float32 holds exactly; 1 / count would be rounded.
  return div(sum, sizeOf(x.shape) / sizeOf(sum.shape));
}
export function reduceMax(
  x: Value,
  axes?: readonly number[],
  keepdims = false,
  ties: "shared" | "first" = "shared",
): Value {
  const r = reduced("reduceMax", x, axes, keepdims);
  return x.graph.emit("reduceMax", [x], { axes: r.axes, keepdims, ties }, [
    { shape: r.shape, dtype: x.dtype },
  ])[0] as Value;
}
/** Index of the first maximum, int64. */
export function argMax(x: Value, axis = -1): Value {
  const at = normalizeAxis("argMax", axis, x.shape.length);
  return x.graph.emit("argMax", [x], { axis: at }, [
    { shape: x.shape.filter((_, i) => i !== at), dtype: "int64" },
  ])[0] as Value;
}

/** x @ weight^T + bias with weight [out, in]; leading axes are folded so that one matrix product does it. */
export function linear(x: Value, weight: Value, bias: Value | null = null): Value {
  const [out, width] = weight.shape as [number, number];
  const flat = x.shape.length === 2 ? x : reshape(x, [-1, width]);
  const y = matmul(flat, weight, { transB: true });
  const shifted = bias ? add(y, bias) : y;
  return x.shape.length === 2 ? shifted : reshape(shifted, [...x.shape.slice(0, -1), out]);
}

/** Mean of (a - b)^2 over all elements. */
export function mse(a: Value, b: Value): Value {
  const d = sub(a, b);
  return reduceMean(mul(d, d));
}

/**
 * Cross entropy of rows. "mean" divides by the number of rows that count (or the sum of their weights);
 * with no row that counts the loss is `emptyLoss` (0; PyTorch has NaN) and its gradient zero.
 *
 * @param logits [N,V]. @param labels [N] int64. @param options.weights per class [V].
 */
export function crossEntropy(
  logits: Value,
  labels: Value,
  options: {
    ignoreIndex?: number;
    weights?: Value;
    labelSmoothing?: number;
    reduction?: "mean" | "sum" | "none";
    emptyLoss?: number;
  } = {},
): Value {
  const { ignoreIndex = -100, weights, labelSmoothing = 0, reduction = "mean" } = options;
  const g = logits.graph;
  const counted = cast(not(equal(labels, g.constant(tensorInt64([ignoreIndex], [])))), "float32");
  let rows = nll(logits, labels, ignoreIndex);
  if (labelSmoothing > 0) {
    const uniform = neg(reduceMean(logSoftmax(logits, -1), [-1]));
    rows = add(mul(rows, 1 - labelSmoothing), mul(mul(uniform, counted), labelSmoothing));
  }
  let rowWeight = counted;
  if (weights) {
    const safe = where(
      equal(labels, g.constant(tensorInt64([ignoreIndex], []))),
      g.constant(tensorInt64([0], [])),
      labels,
    );
    rowWeight = mul(gather(weights, safe, 0), counted);
    rows = mul(rows, rowWeight);
  }
  if (reduction === "none") return rows;
  const sum = reduceSum(rows);
  if (reduction === "sum") return sum;
  const total = reduceSum(rowWeight);
  const isCounted = greater(total, g.scalar(0));
  const mean = div(sum, where(isCounted, total, 1));
  return options.emptyLoss === undefined ? mean : where(isCounted, mean, options.emptyLoss);
}

/**
 * 2-D convolution, NCHW, weight [out, in/groups, kh, kw], as im2col by gather and one matrix product per group.
 * Meant for small networks (critics, feature extractors); the models here use none but patch embeddings.
 */
export function conv2d(
  x: Value,
  weight: Value,
  bias: Value | null,
  options: {
    stride?: readonly number[];
    pad?: readonly number[];
    dilation?: readonly number[];
    groups?: number;
  } = {},
): Value {
  const { stride = [1, 1], pad: padding = [0, 0], dilation = [1, 1], groups = 1 } = options;
  const [sy, sx] = stride as [number, number];
  const [py, px] = padding as [number, number];
  const [dy, dx] = dilation as [number, number];
  const padded = pad(x, [0, 0, py, px], [0, 0, py, px]);
  const [n, c, h, w] = padded.shape as [number, number, number, number];
  const [out, cg, kh, kw] = weight.shape as [number, number, number, number];
  if (c !== cg * groups || out % groups !== 0)
    throw new ShapeError(
      `conv2d: x ${show(x.shape)} and weight ${show(weight.shape)} do not fit ${groups} groups`,
    );
  const oh = Math.floor((h - dy * (kh - 1) - 1) / sy) + 1;
  const ow = Math.floor((w - dx * (kw - 1) - 1) / sx) + 1;
  if (oh < 1 || ow < 1)
    throw new ShapeError(`conv2d: kernel ${kh}x${kw} is larger than the input ${h}x${w}`);
  const index = new Float64Array(kh * kw * oh * ow);
  let at = 0;
  for (let ky = 0; ky < kh; ky++)
    for (let kx = 0; kx < kw; kx++)
      for (let y = 0; y < oh; y++)
        for (let z = 0; z < ow; z++) index[at++] = (y * sy + ky * dy) * w + z * sx + kx * dx;
  const columns = gather(
    reshape(padded, [n, c, h * w]),
    x.graph.constant(tensorInt64(index, [index.length])),
    2,
  );
  const grouped = reshape(columns, [n, groups, cg * kh * kw, oh * ow]);
  const filters = reshape(weight, [1, groups, out / groups, cg * kh * kw]);
  const y = reshape(matmul(filters, grouped), [n, out, oh, ow]);
  return bias ? add(y, reshape(bias, [1, out, 1, 1])) : y;
}

/** Non-overlapping 3-D patches (stride = kernel) of x [N,C,T,H,W] with weight [out,C,kt,kh,kw]: a linear layer over patches. */
export function conv3dPatch(x: Value, weight: Value, bias: Value | null): Value {
  const [n, c, t, h, w] = x.shape as [number, number, number, number, number];
  const [out, , kt, kh, kw] = weight.shape as [number, number, number, number, number];
  const [ot, oh, ow] = [Math.floor(t / kt), Math.floor(h / kh), Math.floor(w / kw)];
  const cropped = slice(x, {
    starts: [0, 0, 0],
    ends: [ot * kt, oh * kh, ow * kw],
    axes: [2, 3, 4],
  });
  const blocks = transpose(
    reshape(cropped, [n, c, ot, kt, oh, kh, ow, kw]),
    [0, 2, 4, 6, 1, 3, 5, 7],
  );
  const rows = reshape(blocks, [n * ot * oh * ow, c * kt * kh * kw]);
  const y = linear(rows, reshape(weight, [out, -1]), bias);
  return transpose(reshape(y, [n, ot, oh, ow, out]), [0, 4, 1, 2, 3]);
}

/** A float32 constant in the graph of `like`. */
export const constantLike = (
  like: Value,
  values: ArrayLike<number>,
  shape: readonly number[],
): Value => like.graph.constant(tensor(values, shape));
