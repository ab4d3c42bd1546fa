/**
 * Reverse mode: one rule per op, in a table over the op names, so that a missing row does not compile.
 * A rule receives the cotangents of the outputs that matter and returns one cotangent per input (null: none needed).
 * Broadcasting is undone by the caller (`unbroadcast`), so rules are written for equal shapes.
 */
import type { Graph, Node, OpAttrs, OpName, Value } from "./graph.ts";
import * as ops from "./ops.ts";
import { Recomputation } from "./recompute.ts";
import { ShapeError, sizeOf, tensorInt64 } from "./tensor.ts";

export interface VjpContext<K extends OpName> {
  readonly graph: Graph;
  readonly node: Node<K>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attrs: OpAttrs[K];
}
/** `grads[i]` is the cotangent of output i, or null where nothing depends on it. */
export type VjpRule<K extends OpName> = (
  context: VjpContext<K>,
  grad: Value,
  grads: readonly (Value | null)[],
) => readonly (Value | null)[];
export const noGradient = "no gradient";

const { add, sub, mul, div, neg } = ops;
const at = (values: readonly Value[], i: number) => values[i] as Value;

/** Sums a cotangent over the axes that broadcasting added or stretched. */
export function unbroadcast(grad: Value, shape: readonly number[]): Value {
  const extra = grad.shape.length - shape.length;
  const axes = grad.shape.flatMap((d, i) =>
    i < extra || (shape[i - extra] === 1 && d !== 1) ? [i] : [],
  );
  return ops.reshape(axes.length ? ops.reduceSum(grad, axes, true) : grad, shape);
}

/** Shape of x with `axes` set to 1. */
const kept = (x: Value, axes: readonly number[]) =>
  x.shape.map((d, i) => (axes.includes(i) ? 1 : d));

const lastAxes = (x: Value, first: number) => x.shape.map((_, i) => i).filter((i) => i >= first);
const leadingAxes = (first: number) => Array.from({ length: first }, (_, i) => i);
const meanOver = (x: Value, axes: readonly number[]) => ops.reduceMean(x, axes, true);

/** 1 / (1 + exp(-x)) products that silu needs, from y = x s: dy/dx = s + y (1 - s). */
function siluSlope(x: Value, y: Value): Value {
  const s = ops.sigmoid(x);
  return add(s, mul(y, sub(1, s)));
}

/** Collapses leading axes so that a shared 2-D weight gets its gradient by one product. */
const rows = (x: Value) => ops.reshape(x, [-1, x.shape[x.shape.length - 1] as number]);

const matmulRule: VjpRule<"matmul"> = ({ inputs, attrs }, grad) => {
  const a = at(inputs, 0);
  const b = at(inputs, 1);
  const { transA, transB, alpha } = attrs;
  if (b.shape.length === 2 && a.shape.length > 2 && !transA) {
    const g = rows(grad);
    const flat = rows(a);
    const da = ops.matmul(g, b, { transB: !transB, alpha });
    const db = transB
      ? ops.matmul(g, flat, { transA: true, alpha })
      : ops.matmul(flat, g, { transA: true, alpha });
    return [ops.reshape(da, a.shape), db];
  }
  const da = transA
    ? ops.matmul(b, grad, { transA: transB, transB: true, alpha })
    : ops.matmul(grad, b, { transB: !transB, alpha });
  const db = transB
    ? ops.matmul(grad, a, { transA: true, transB: transA, alpha })
    : ops.matmul(a, grad, { transA: !transA, alpha });
  return [da, db];
};

/** d/dx of x * Phi(x) and of its tanh form (Hendrycks and Gimpel, arXiv 1606.08415). */
function geluSlope(x: Value, approximate: "none" | "tanh"): Value {
  const square = mul(x, x);
  if (approximate === "none") {
    const cdf = mul(add(ops.erf(mul(x, Math.SQRT1_2)), 1), 0.5);
    return add(cdf, mul(x, mul(ops.exp(mul(square, -0.5)), 1 / Math.sqrt(2 * Math.PI))));
  }
  const c = Math.sqrt(2 / Math.PI);
  const t = ops.tanh(mul(x, add(mul(square, 0.044715 * c), c)));
  const inner = add(mul(square, 3 * 0.044715 * c), c);
  // 0.5 (1 + t) + 0.5 x (1 - t^2) inner
  return mul(add(add(t, 1), mul(mul(x, sub(1, mul(t, t))), inner)), 0.5);
}

export const vjpRules: { readonly [K in OpName]: VjpRule<K> | typeof noGradient } = {
  input: noGradient,
  parameter: noGradient,
  constant: noGradient,

  add: (_, g) => [g, g],
  sub: (_, g) => [g, neg(g)],
  mul: ({ inputs: [a, b] }, g) => [mul(g, b as Value), mul(g, a as Value)],
  div: ({ inputs: [, b], outputs: [y] }, g) => {
    const da = div(g, b as Value);
    return [da, neg(mul(da, y as Value))];
  },
  pow: ({ inputs: [a, b], outputs: [y] }, g) => {
    const x = a as Value;
    const e = b as Value;
    const constant = e.node.op === "constant" && sizeOf(e.shape) === 1;
    if (!constant)
      return [mul(g, mul(e, ops.pow(x, sub(e, 1)))), mul(g, mul(y as Value, ops.log(x)))];
    const n = Number((e.node.attrs as OpAttrs["constant"]).tensor.data[0]);
    // x^0 is constant even at 0, where 0 * 0^-1 would be NaN.
    if (n === 0) return [mul(g, 0), null];
    return [mul(g, mul(n === 2 ? x : ops.pow(x, n - 1), n)), null];
  },
  neg: (_, g) => [neg(g)],
  exp: ({ outputs: [y] }, g) => [mul(g, y as Value)],
  log: ({ inputs: [x] }, g) => [div(g, x as Value)],
  sqrt: ({ outputs: [y] }, g) => [div(mul(g, 0.5), y as Value)],
  sin: ({ inputs: [x] }, g) => [mul(g, ops.cos(x as Value))],
  cos: ({ inputs: [x] }, g) => [neg(mul(g, ops.sin(x as Value)))],
  erf: ({ inputs: [x] }, g) => {
    const v = x as Value;
    return [mul(g, mul(ops.exp(neg(mul(v, v))), 2 / Math.sqrt(Math.PI)))];
  },
  tanh: ({ outputs: [y] }, g) => [mul(g, sub(1, mul(y as Value, y as Value)))],
  sigmoid: ({ outputs: [y] }, g) => [mul(g, mul(y as Value, sub(1, y as Value)))],
  silu: ({ inputs: [x], outputs: [y] }, g) => [mul(g, siluSlope(x as Value, y as Value))],
  gelu: ({ inputs: [x], attrs }, g) => [mul(g, geluSlope(x as Value, attrs.approximate))],

  equal: noGradient,
  greater: noGradient,
  not: noGradient,
  and: noGradient,
  where: ({ inputs: [c] }, g) => [null, ops.where(c as Value, g, 0), ops.where(c as Value, 0, g)],
  cast: noGradient,

  matmul: matmulRule,
  softmax: ({ outputs: [p], attrs }, g) => {
    const y = p as Value;
    return [mul(y, sub(g, ops.reduceSum(mul(g, y), [attrs.axis], true)))];
  },
  logSoftmax: ({ outputs: [y], attrs }, g) => [
    sub(g, mul(ops.exp(y as Value), ops.reduceSum(g, [attrs.axis], true))),
  ],
  layerNorm: ({ inputs, outputs, attrs }, g) => {
    const [x, weight] = inputs as [Value, Value | undefined];
    const [, mean, inverse] = outputs as [Value, Value, Value];
    const axes = lastAxes(x, attrs.axis);
    const lead = leadingAxes(attrs.axis);
    const normal = mul(sub(x, mean), inverse);
    const gw = weight ? mul(g, weight) : g;
    const dx = mul(
      inverse,
      sub(sub(gw, meanOver(gw, axes)), mul(normal, meanOver(mul(gw, normal), axes))),
    );
    const result = [dx];
    if (weight) result.push(ops.reduceSum(mul(g, normal), lead));
    if (attrs.affine === "both") result.push(ops.reduceSum(g, lead));
    return result;
  },
  rmsNorm: ({ inputs, outputs, attrs }, g) => {
    const [x, weight] = inputs as [Value, Value];
    const inverse = at(outputs, 1);
    const axes = lastAxes(x, attrs.axis);
    const normal = mul(x, inverse);
    const gw = mul(g, weight);
    const dx = mul(inverse, sub(gw, mul(normal, meanOver(mul(gw, normal), axes))));
    return [dx, ops.reduceSum(mul(g, normal), leadingAxes(attrs.axis))];
  },
  attention: ({ inputs, outputs, attrs }, g) => {
    const [q, k, v, mask] = inputs as [Value, Value, Value, Value | undefined];
    const [o, p] = outputs as [Value, Value];
    if (mask && mask.node.op !== "constant" && mask.node.op !== "input" && needsGradient(mask))
      throw new ShapeError(
        "attention: the additive mask has no gradient; build it from inputs or constants",
      );
    const [b, hk, gt] = p.shape as [number, number, number];
    const d = q.shape[3] as number;
    const dv = v.shape[3] as number;
    const fold = (x: Value, width: number) => ops.reshape(x, [b, hk, gt, width]);
    const dO = fold(g, dv);
    const dV = ops.matmul(p, dO, { transA: true });
    const dP = ops.matmul(dO, v, { transB: true });
    // sum_s P dP = sum_d O dO: a pass over [.., Dv] instead of one over [.., S] (Dao et al., FlashAttention-2).
    const delta = ops.reduceSum(mul(dO, fold(o, dv)), [3], true);
    const dS = mul(p, sub(dP, delta));
    const dQ = ops.matmul(dS, k, { alpha: attrs.scale });
    const dK = ops.matmul(dS, fold(q, d), { transA: true, alpha: attrs.scale });
    const result: (Value | null)[] = [ops.reshape(dQ, q.shape), dK, dV];
    if (mask) result.push(null);
    return result;
  },
  rope: ({ inputs: [, cos, sin], attrs }, g) => [
    ops.rope(g, cos as Value, neg(sin as Value), attrs),
    null,
    null,
  ],
  nll: ({ inputs, outputs, attrs }, g) => {
    const [logits, labels] = inputs as [Value, Value];
    const logProbs = at(outputs, 1);
    const [n, classes] = logits.shape as [number, number];
    const column = ops.reshape(labels, [n, 1]);
    const iota = logits.graph.constant(
      tensorInt64(
        Array.from({ length: classes }, (_, i) => i),
        [1, classes],
      ),
    );
    const ignored = logits.graph.constant(tensorInt64([attrs.ignoreIndex], []));
    const counted = ops.cast(ops.not(ops.equal(labels, ignored)), "float32");
    const weight = ops.reshape(mul(g, counted), [n, 1]);
    const p = ops.exp(logProbs);
    return [mul(sub(p, ops.cast(ops.equal(column, iota), "float32")), weight), null];
  },

  reshape: ({ inputs: [x] }, g) => [ops.reshape(g, (x as Value).shape)],
  broadcastTo: (_, g) => [g],
  transpose: ({ attrs }, g) => {
    const inverse: number[] = [];
    attrs.perm.forEach((p, i) => {
      inverse[p] = i;
    });
    return [ops.transpose(g, inverse)];
  },
  concat: ({ inputs, attrs }, g) => {
    let start = 0;
    return inputs.map((x) => {
      const end = start + (x.shape[attrs.axis] as number);
      const part = ops.slice(g, { starts: [start], ends: [end], axes: [attrs.axis] });
      start = end;
      return part;
    });
  },
  slice: ({ inputs: [x], attrs }, g) => [
    ops.pad(
      g,
      attrs.starts,
      attrs.starts.map(
        (s, i) => ((x as Value).shape[i] as number) - s - (attrs.sizes[i] as number),
      ),
    ),
  ],
  pad: ({ inputs: [x], attrs }, g) => {
    const shape = (x as Value).shape;
    return [
      ops.slice(g, {
        starts: attrs.before,
        ends: shape.map((d, i) => d + (attrs.before[i] as number)),
      }),
    ];
  },
  gather: ({ inputs: [x, indices], attrs }, g) => [
    ops.scatterAdd(indices as Value, g, attrs.axis, (x as Value).shape[attrs.axis] as number),
    null,
  ],
  scatterAdd: ({ inputs: [indices], attrs }, g) => [
    null,
    ops.gather(g, indices as Value, attrs.axis),
  ],
  reduceSum: ({ inputs: [x], attrs }, g) => [
    ops.broadcastTo(ops.reshape(g, kept(x as Value, attrs.axes)), (x as Value).shape),
  ],
  reduceMax: ({ inputs: [x], outputs: [y], attrs }, g) => {
    const v = x as Value;
    const shape = kept(v, attrs.axes);
    const gk = ops.reshape(g, shape);
    if (attrs.ties === "first") {
      // The first maximum in row-major order of the reduced axes, which are moved to the end and folded.
      const front = v.shape.map((_, i) => i).filter((i) => !attrs.axes.includes(i));
      const perm = [...front, ...attrs.axes];
      const moved = ops.transpose(v, perm);
      const lead = front.map((i) => v.shape[i] as number);
      const flat = ops.reshape(moved, [...lead, -1]);
      const count = flat.shape[lead.length] as number;
      const iota = v.graph.constant(
        tensorInt64(
          Array.from({ length: count }, (_, i) => i),
          [count],
        ),
      );
      const hot = ops.equal(ops.reshape(ops.argMax(flat, -1), [...lead, 1]), iota);
      const inverse: number[] = [];
      perm.forEach((p, i) => {
        inverse[p] = i;
      });
      const mask = ops.transpose(ops.reshape(ops.cast(hot, "float32"), moved.shape), inverse);
      return [mul(mask, gk)];
    }
    const hits = ops.cast(ops.equal(v, ops.reshape(y as Value, shape)), "float32");
    return [mul(hits, div(gk, ops.reduceSum(hits, attrs.axes, true)))];
  },
  argMax: noGradient,
  stopGradient: noGradient,
};

function needsGradient(value: Value): boolean {
  return value.node.op === "parameter" || value.node.inputs.some(needsGradient);
}

/**
 * d loss / d each of `wrt`, appended to the graph of `loss`.
 *
 * @param loss Scalar, or any shape together with `seed`.
 * @param seed Cotangent of `loss`, same shape; 1 for a scalar loss when left out.
 * @param options.checkpoints Values to keep for the backward pass; what lies between two of them is computed again.
 * @returns One value per entry of `wrt`, of its shape; zeros where the loss does not depend on it.
 */
export function gradients(
  loss: Value,
  wrt: readonly Value[],
  seed?: Value,
  options: { readonly checkpoints?: readonly Value[] } = {},
): Value[] {
  const graph = loss.graph;
  if (!seed && sizeOf(loss.shape) !== 1)
    throw new ShapeError(
      `gradients: loss has shape [${loss.shape.join(", ")}]; pass a seed or reduce it to a scalar`,
    );
  // Only nodes between `wrt` and `loss` need cotangents.
  const wanted = new Set(wrt);
  const active = new Set<Node>();
  for (const node of graph.nodes) {
    if (node.op === "stopGradient") continue;
    if (node.outputs.some((v) => wanted.has(v)) || node.inputs.some((v) => active.has(v.node)))
      active.add(node);
  }
  const cotangents = new Map<Value, Value[]>();
  const push = (value: Value, grad: Value) => {
    const list = cotangents.get(value);
    if (list) list.push(grad);
    else cotangents.set(value, [grad]);
  };
  const total = (value: Value): Value | null => {
    const list = cotangents.get(value);
    if (!list) return null;
    const sum = list.reduce((a, b) => add(a, b));
    cotangents.set(value, [sum]);
    return sum;
  };
  const recomputation = new Recomputation(graph, options.checkpoints ?? []);
  let finished: Value[] = [];
  const takeFinished = () => {
    const taken = finished;
    finished = [];
    return taken;
  };
  push(loss, seed ?? ops.broadcastTo(graph.scalar(1), loss.shape));
  for (let i = loss.node.id; i >= 0; i--) {
    const node = graph.nodes[i] as Node;
    if (!active.has(node) || node.inputs.length === 0) continue;
    const grads = node.outputs.map(total);
    const first = grads.find((g) => g !== null);
    if (!first) continue;
    if (grads.some((g, k) => k > 0 && g !== null))
      throw new ShapeError(
        `gradients: output ${grads.findIndex((g, k) => k > 0 && g !== null)} of ${node.op} is a statistic without a gradient rule`,
      );
    const rule = vjpRules[node.op] as VjpRule<OpName> | typeof noGradient;
    if (rule === noGradient) continue;
    const { inputs, outputs } = recomputation.view(node, total, takeFinished);
    const back = rule({ graph, node, inputs, outputs, attrs: node.attrs }, first, grads);
    node.inputs.forEach((input, k) => {
      const grad = back[k];
      if (!grad || !active.has(input.node)) return;
      const fitting = unbroadcast(grad, input.shape);
      push(input, fitting);
      if (input.node.inputs.length === 0) finished.push(fitting);
    });
  }
  return wrt.map((value) => total(value) ?? ops.broadcastTo(graph.scalar(0), value.shape));
}
