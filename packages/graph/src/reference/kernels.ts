/**
 * One plain loop per op in float64: the oracle that the fast runtimes are tested against. Written from the definitions
 * in graph.ts, not from any runtime; speed is no concern.
 */
import type { OpAttrs, OpName } from "../graph.ts";
import { around, type Dense, forEachIndex, map, mapBroadcast, offsetIn, zeros } from "./dense.ts";
import { erf } from "./erf.ts";

/** Shapes of the results are given: the graph has computed them. */
export interface KernelContext<K extends OpName> {
  readonly attrs: OpAttrs[K];
  readonly inputs: readonly Dense[];
  readonly shapes: readonly (readonly number[])[];
}
type Kernel<K extends OpName> = (context: KernelContext<K>) => readonly Dense[];
type Leaf = "input" | "parameter" | "constant";

type Any = KernelContext<OpName>;
const x0 = ({ inputs }: Any): Dense => inputs[0] as Dense;
const shape0 = ({ shapes }: Any): readonly number[] => shapes[0] as readonly number[];
const binary = (f: (a: number, b: number) => number) => (c: Any) => [
  mapBroadcast(shape0(c), c.inputs, f as (...values: number[]) => number),
];
const unary = (f: (x: number) => number) => (c: Any) => [map(x0(c), f)];
const sigmoid = (x: number): number =>
  x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
const gelu = {
  none: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  tanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** Log of the sum of exponentials of elements start, start + step, …; safe for large and -Infinity entries. */
function logSumExp(data: Float64Array, start: number, step: number, count: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) max = Math.max(max, data[start + k * step] as number);
  if (!Number.isFinite(max)) return max;
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp((data[start + k * step] as number) - max);
  return max + Math.log(sum);
}

function logSoftmax(x: Dense, axis: number): Dense {
  const out = zeros(x.shape);
  const { before, along, after } = around(x.shape, axis);
  for (let b = 0; b < before; b++)
    for (let a = 0; a < after; a++) {
      const start = b * along * after + a;
      const total = logSumExp(x.data, start, after, along);
      for (let k = 0; k < along; k++) {
        const at = start + k * after;
        out.data[at] = (x.data[at] as number) - total;
      }
    }
  return out;
}

function matmul({ attrs, inputs, shapes }: KernelContext<"matmul">): Dense[] {
  const [a, b] = inputs as [Dense, Dense];
  const shape = shapes[0] as readonly number[];
  const out = zeros(shape);
  const { transA, transB, alpha } = attrs;
  const inner = a.shape.at(transA ? -2 : -1) as number;
  forEachIndex(shape, (index, flat) => {
    const batch = index.slice(0, -2);
    const [i, j] = index.slice(-2) as [number, number];
    const baseA = offsetIn([...a.shape.slice(0, -2), 1, 1], [...batch, 0, 0]);
    const baseB = offsetIn([...b.shape.slice(0, -2), 1, 1], [...batch, 0, 0]);
    const sizeA = (a.shape.at(-2) as number) * (a.shape.at(-1) as number);
    const sizeB = (b.shape.at(-2) as number) * (b.shape.at(-1) as number);
    const colsA = a.shape.at(-1) as number;
    const colsB = b.shape.at(-1) as number;
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const va = a.data[baseA * sizeA + (transA ? k * colsA + i : i * colsA + k)] as number;
      const vb = b.data[baseB * sizeB + (transB ? j * colsB + k : k * colsB + j)] as number;
      sum += va * vb;
    }
    out.data[flat] = alpha * sum;
  });
  return [out];
}

/** Mean and mean square deviation (or mean square) over the axes from `axis` on. */
function normalise(
  x: Dense,
  axis: number,
  epsilon: number,
  isCentred: boolean,
  weight: Dense | undefined,
  bias: Dense | undefined,
  statShape: readonly number[],
): { y: Dense; mean: Dense; inverse: Dense } {
  const rows = x.shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const width = x.data.length / rows;
  const y = zeros(x.shape);
  const mean = zeros(statShape);
  const inverse = zeros(statShape);
  for (let r = 0; r < rows; r++) {
    const row = x.data.subarray(r * width, (r + 1) * width);
    const m = isCentred ? row.reduce((a, b) => a + b, 0) / width : 0;
    const variance = row.reduce((a, b) => a + (b - m) ** 2, 0) / width;
    const inv = 1 / Math.sqrt(variance + epsilon);
    mean.data[r] = m;
    inverse.data[r] = inv;
    for (let i = 0; i < width; i++)
      y.data[r * width + i] =
        ((row[i] as number) - m) * inv * (weight?.data[i] ?? 1) + (bias?.data[i] ?? 0);
  }
  return { y, mean, inverse };
}

function attention({ attrs, inputs, shapes }: KernelContext<"attention">): Dense[] {
  const [q, k, v, mask] = inputs as [Dense, Dense, Dense, Dense | undefined];
  const [b, h, t, d] = q.shape as [number, number, number, number];
  const [, hk, s] = k.shape as [number, number, number, number];
  const dv = v.shape[3] as number;
  const group = h / hk;
  const out = zeros(shapes[0] as readonly number[]);
  const probabilities = zeros(shapes[1] as readonly number[]);
  const scores = new Float64Array(s);
  for (let bi = 0; bi < b; bi++)
    for (let hi = 0; hi < h; hi++) {
      const keyHead = bi * hk + Math.floor(hi / group);
      for (let ti = 0; ti < t; ti++) {
        const queryRow = (bi * h + hi) * t + ti;
        for (let si = 0; si < s; si++) {
          let dot = 0;
          for (let c = 0; c < d; c++)
            dot +=
              (q.data[queryRow * d + c] as number) * (k.data[(keyHead * s + si) * d + c] as number);
          const extra = mask ? (mask.data[offsetIn(mask.shape, [bi, 0, ti, si])] as number) : 0;
          scores[si] = attrs.scale * dot + extra;
        }
        const total = logSumExp(scores, 0, 1, s);
        // Query heads of one key head are stacked along the rows.
        const pRow = (keyHead * group + (hi % group)) * t + ti;
        for (let si = 0; si < s; si++) {
          const p = Math.exp((scores[si] as number) - total);
          probabilities.data[pRow * s + si] = p;
          for (let c = 0; c < dv; c++) {
            const at = queryRow * dv + c;
            out.data[at] =
              (out.data[at] as number) + p * (v.data[(keyHead * s + si) * dv + c] as number);
          }
        }
      }
    }
  return [out, probabilities];
}

function rope({ attrs, inputs }: KernelContext<"rope">): Dense[] {
  const [x, cos, sin] = inputs as [Dense, Dense, Dense];
  const [b, h, t, d] = x.shape as [number, number, number, number];
  const half = cos.shape[2] as number;
  const out: Dense = { shape: x.shape, data: x.data.slice() };
  for (let row = 0; row < b * h * t; row++) {
    const [bi, ti] = [Math.floor(row / (h * t)), row % t];
    for (let i = 0; i < half; i++) {
      const angle = offsetIn(cos.shape, [bi, ti, i]);
      const [c, s] = [cos.data[angle] as number, sin.data[angle] as number];
      const first = row * d + (attrs.interleaved ? 2 * i : i);
      const second = row * d + (attrs.interleaved ? 2 * i + 1 : i + half);
      const [x1, x2] = [x.data[first] as number, x.data[second] as number];
      out.data[first] = x1 * c - x2 * s;
      out.data[second] = x1 * s + x2 * c;
    }
  }
  return [out];
}

function gather({ attrs, inputs, shapes }: KernelContext<"gather">): Dense[] {
  const [x, indices] = inputs as [Dense, Dense];
  const out = zeros(shapes[0] as readonly number[]);
  const { before, along, after } = around(x.shape, attrs.axis);
  const count = indices.data.length;
  for (let b = 0; b < before; b++)
    for (let k = 0; k < count; k++) {
      const raw = indices.data[k] as number;
      const row = raw < 0 ? raw + along : raw;
      if (!(row >= 0 && row < along))
        throw new RangeError(`gather: index ${raw} is outside an axis of ${along}`);
      for (let a = 0; a < after; a++)
        out.data[(b * count + k) * after + a] = x.data[(b * along + row) * after + a] as number;
    }
  return [out];
}

function scatterAdd({ attrs, inputs, shapes }: KernelContext<"scatterAdd">): Dense[] {
  const [indices, updates] = inputs as [Dense, Dense];
  const out = zeros(shapes[0] as readonly number[]);
  const { before, along, after } = around(updates.shape, attrs.axis, indices.shape.length);
  for (let b = 0; b < before; b++)
    for (let k = 0; k < along; k++) {
      const raw = indices.data[k] as number;
      const row = raw < 0 ? raw + attrs.size : raw;
      for (let a = 0; a < after; a++) {
        const at = (b * attrs.size + row) * after + a;
        out.data[at] =
          (out.data[at] as number) + (updates.data[(b * along + k) * after + a] as number);
      }
    }
  return [out];
}

function reduce(
  x: Dense,
  axes: readonly number[],
  shape: readonly number[],
  start: number,
  f: (total: number, value: number) => number,
): Dense {
  const out = zeros(shape);
  out.data.fill(start);
  const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  forEachIndex(x.shape, (index, flat) => {
    const at = offsetIn(kept, index);
    out.data[at] = f(out.data[at] as number, x.data[flat] as number);
  });
  return out;
}

const casts: Readonly<Record<string, (x: number) => number>> = {
  bool: (x) => (x === 0 ? 0 : 1),
  int64: Math.trunc,
  int32: Math.trunc,
  uint8: Math.trunc,
};

export const kernels: { readonly [K in Exclude<OpName, Leaf>]: Kernel<K> } = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  pow: binary((a, b) => a ** b),
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  erf: unary(erf),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  silu: unary((x) => x * sigmoid(x)),
  gelu: (c) => [map(x0(c), gelu[c.attrs.approximate])],
  equal: binary((a, b) => (a === b ? 1 : 0)),
  greater: binary((a, b) => (a > b ? 1 : 0)),
  not: unary((x) => (x === 0 ? 1 : 0)),
  and: binary((a, b) => (a !== 0 && b !== 0 ? 1 : 0)),
  where: (c) => [
    mapBroadcast(shape0(c), c.inputs, (condition, a, b) =>
      condition === 0 ? (b as number) : (a as number),
    ),
  ],
  cast: (c) => [map(x0(c), casts[c.attrs.to] ?? ((x) => x))],
  matmul,
  softmax: (c) => [map(logSoftmax(x0(c), c.attrs.axis), Math.exp)],
  logSoftmax: (c) => [logSoftmax(x0(c), c.attrs.axis)],
  layerNorm: ({ attrs, inputs: [x, weight, bias], shapes }) => {
    const stat = shapes[1] as readonly number[];
    const n = normalise(x as Dense, attrs.axis, attrs.epsilon, true, weight, bias, stat);
    return [n.y, n.mean, n.inverse];
  },
  rmsNorm: ({ attrs, inputs: [x, weight], shapes }) => {
    const stat = shapes[1] as readonly number[];
    const n = normalise(x as Dense, attrs.axis, attrs.epsilon, false, weight, undefined, stat);
    return [n.y, n.inverse];
  },
  attention,
  rope,
  nll: ({ attrs, inputs }) => {
    const [logits, labels] = inputs as [Dense, Dense];
    const classes = logits.shape[1] as number;
    const logProbs = logSoftmax(logits, 1);
    const loss = map(labels, (x) => x);
    labels.data.forEach((label, row) => {
      loss.data[row] =
        label === attrs.ignoreIndex ? 0 : -(logProbs.data[row * classes + label] as number);
    });
    return [loss, logProbs];
  },
  reshape: (c) => [{ shape: shape0(c), data: x0(c).data }],
  broadcastTo: (c) => [mapBroadcast(shape0(c), c.inputs, (x) => x as number)],
  transpose: (c) => {
    const x = x0(c);
    const out = zeros(shape0(c));
    const source = x.shape.map(() => 0);
    forEachIndex(out.shape, (index, flat) => {
      c.attrs.perm.forEach((axis, i) => {
        source[axis] = index[i] as number;
      });
      out.data[flat] = x.data[offsetIn(x.shape, source)] as number;
    });
    return [out];
  },
  concat: (c) => {
    const out = zeros(shape0(c));
    const total = around(out.shape, c.attrs.axis);
    let done = 0;
    for (const x of c.inputs) {
      const { before, along, after } = around(x.shape, c.attrs.axis);
      for (let b = 0; b < before; b++)
        out.data.set(
          x.data.subarray(b * along * after, (b + 1) * along * after),
          (b * total.along + done) * total.after,
        );
      done += along;
    }
    return [out];
  },
  slice: (c) => {
    const x = x0(c);
    const out = zeros(shape0(c));
    forEachIndex(out.shape, (index, flat) => {
      const source = index.map((i, axis) => i + (c.attrs.starts[axis] as number));
      out.data[flat] = x.data[offsetIn(x.shape, source)] as number;
    });
    return [out];
  },
  pad: (c) => {
    const x = x0(c);
    const out = zeros(shape0(c));
    forEachIndex(x.shape, (index, flat) => {
      const target = index.map((i, axis) => i + (c.attrs.before[axis] as number));
      out.data[offsetIn(out.shape, target)] = x.data[flat] as number;
    });
    return [out];
  },
  gather,
  scatterAdd,
  reduceSum: (c) => [reduce(x0(c), c.attrs.axes, shape0(c), 0, (a, b) => a + b)],
  reduceMax: (c) => [
    reduce(x0(c), c.attrs.axes, shape0(c), Number.NEGATIVE_INFINITY, (a, b) => Math.max(a, b)),
  ],
  argMax: (c) => {
    const x = x0(c);
    const out = zeros(shape0(c));
    const { before, along, after } = around(x.shape, c.attrs.axis);
    for (let b = 0; b < before; b++)
      for (let a = 0; a < after; a++) {
        const value = (k: number) => x.data[(b * along + k) * after + a] as number;
        let best = 0;
        for (let k = 1; k < along; k++) if (value(k) > value(best)) best = k;
        out.data[b * after + a] = best;
      }
    return [out];
  },
  stopGradient: (c) => [x0(c)],
};
