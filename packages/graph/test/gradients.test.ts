/** Every gradient rule against central differences of the float64 reference: no runtime rounding in the way. */
import * as ops from "@causeway/graph";
import {
  type Dense,
  evaluate,
  Graph,
  gradients,
  tensor,
  tensorInt64,
  type Value,
} from "@causeway/graph";
import { expect, test } from "vitest";

const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

/** Values in [low, high) from a small generator. */
function values(
  shape: readonly number[],
  seed: number,
  [low, high]: readonly [number, number],
): Dense {
  let state = seed * 7919 + 1;
  const data = Float64Array.from({ length: size(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return low + ((state >>> 0) / 2 ** 32) * (high - low);
  });
  return { shape, data };
}

interface OpCase {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly build: (inputs: readonly Value[], graph: Graph) => Value;
  /** Range of the inputs. */
  readonly range?: readonly [number, number];
}

/** Compares gradients of sum(op(x) * fixed weights) with differences, for every element of every input. */
function checkOp({ shapes, build, range = [-1, 1] }: OpCase): void {
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const out = build(inputs, graph);
  const weight = tensor(Float32Array.from(values(out.shape, 99, [-1, 1]).data), out.shape);
  const loss = ops.reduceSum(ops.mul(out, graph.constant(weight)));
  const grads = gradients(loss, inputs);
  const feeds = new Map(shapes.map((shape, i) => [`x${i}`, values(shape, i + 1, range)]));
  const lossAt = () => (evaluate(graph, feeds, [loss])[0] as Dense).data[0] as number;
  const actual = evaluate(graph, feeds, grads);
  const h = 1e-5;
  inputs.forEach((_, i) => {
    const x = (feeds.get(`x${i}`) as Dense).data;
    const expected = x.map((_value, j) => {
      const before = x[j] as number;
      x[j] = before + h;
      const up = lossAt();
      x[j] = before - h;
      const down = lossAt();
      x[j] = before;
      return (up - down) / (2 * h);
    });
    const scale = Math.max(1, ...expected.map(Math.abs));
    expected.forEach((e, j) => {
      const error = Math.abs(((actual[i] as Dense).data[j] as number) - e);
      expect(
        error / scale,
        `input ${i}[${j}]: ${(actual[i] as Dense).data[j]}, differences ${e}`,
      ).toBeLessThan(1e-7);
    });
  });
}

const unary = (
  name: string,
  build: (x: Value) => Value,
  range?: readonly [number, number],
): OpCase => ({
  name,
  shapes: [[2, 3]],
  build: ([x]) => build(x as Value),
  ...(range ? { range } : {}),
});
const two = (
  name: string,
  shapes: readonly (readonly number[])[],
  build: (a: Value, b: Value) => Value,
  range?: readonly [number, number],
): OpCase => ({
  name,
  shapes,
  build: ([a, b]) => build(a as Value, b as Value),
  ...(range ? { range } : {}),
});
const ids = (g: Graph, rows: readonly number[], shape: readonly number[]) =>
  g.constant(tensorInt64(rows, shape));

const cases: OpCase[] = [
  two(
    "add",
    [
      [2, 3],
      [1, 3],
    ],
    ops.add,
  ),
  two("sub", [[3], [2, 3]], ops.sub),
  two(
    "mul",
    [
      [2, 1, 3],
      [4, 1],
    ],
    ops.mul,
  ),
  two("div", [[2, 3], [3]], ops.div, [0.5, 2]),
  two("pow", [[2, 3], [3]], ops.pow, [0.5, 2]),
  unary("pow 3", (x) => ops.pow(x, 3)),
  unary("neg", ops.neg),
  unary("exp", ops.exp),
  unary("log", ops.log, [0.3, 2]),
  unary("sqrt", ops.sqrt, [0.3, 2]),
  unary("sin", ops.sin),
  unary("cos", ops.cos),
  unary("erf", ops.erf),
  unary("tanh", ops.tanh),
  unary("sigmoid", ops.sigmoid, [-4, 4]),
  unary("silu", ops.silu, [-4, 4]),
  unary("gelu", (x) => ops.gelu(x, "none"), [-3, 3]),
  unary("gelu tanh", (x) => ops.gelu(x, "tanh"), [-3, 3]),
  {
    name: "where",
    shapes: [[2, 3], [3]],
    build: ([a, b], g) => ops.where(ops.greater(a as Value, g.scalar(0)), a as Value, b as Value),
  },
  two(
    "matmul",
    [
      [2, 3, 4],
      [2, 4, 2],
    ],
    ops.matmul,
  ),
  two(
    "matmul transposed",
    [
      [2, 4, 3],
      [1, 2, 4],
    ],
    (a, b) => ops.matmul(a, b, { transA: true, transB: true, alpha: 0.7 }),
  ),
  two(
    "matmul shared weight",
    [
      [2, 3, 4],
      [5, 4],
    ],
    (a, b) => ops.matmul(a, b, { transB: true }),
  ),
  two("matmul of vectors", [[4], [4, 3]], ops.matmul),
  unary("softmax", (x) => ops.softmax(x, 0), [-3, 3]),
  unary("logSoftmax", (x) => ops.logSoftmax(x, 1), [-3, 3]),
  {
    name: "layerNorm",
    shapes: [
      [2, 2, 3],
      [2, 3],
      [2, 3],
    ],
    build: ([x, w, b]) => ops.layerNorm(x as Value, w as Value, b as Value, 1e-3, 1),
  },
  two("rmsNorm", [[3, 4], [4]], (x, w) => ops.rmsNorm(x, w, 1e-3)),
  {
    name: "attention with groups and mask",
    shapes: [
      [2, 4, 3, 5],
      [2, 2, 4, 5],
      [2, 2, 4, 3],
    ],
    build: ([q, k, v], g) => {
      const mask = tensor(Float32Array.from(values([2, 1, 3, 4], 5, [-2, 0]).data), [2, 1, 3, 4]);
      return ops.attention(q as Value, k as Value, v as Value, { mask: g.constant(mask) });
    },
  },
  ...[false, true].map(
    (interleaved): OpCase => ({
      name: `rope${interleaved ? " interleaved" : ""}`,
      shapes: [[2, 2, 3, 6]],
      build: ([x], g) => {
        const table = (seed: number) =>
          g.constant(tensor(Float32Array.from(values([1, 3, 2], seed, [-1, 1]).data), [1, 3, 2]));
        return ops.rope(x as Value, table(3), table(4), { interleaved });
      },
    }),
  ),
  {
    name: "nll",
    shapes: [[4, 5]],
    build: ([x], g) => ops.nll(x as Value, ids(g, [2, -100, 0, 4], [4])),
    range: [-3, 3],
  },
  {
    name: "crossEntropy smoothed and weighted",
    shapes: [[4, 5]],
    build: ([x], g) =>
      ops.crossEntropy(x as Value, ids(g, [2, -100, 0, 4], [4]), {
        labelSmoothing: 0.1,
        weights: g.constant(tensor([1, 2, 0.5, 1, 3], [5])),
      }),
  },
  unary("reshape", (x) => ops.reshape(x, [3, -1])),
  unary("broadcastTo", (x) => ops.broadcastTo(x, [4, 2, 3])),
  unary("transpose", (x) => ops.transpose(x, [1, 0])),
  two(
    "concat",
    [
      [2, 3],
      [2, 1],
    ],
    (a, b) => ops.concat([a, b], 1),
  ),
  unary("slice", (x) => ops.slice(x, { starts: [1, 0], ends: [2, 2] })),
  unary("slice with steps", (x) =>
    ops.slice(x, { starts: [-1], ends: [-9], axes: [1], steps: [-2] }),
  ),
  unary("pad", (x) => ops.pad(x, [1, 0], [0, 2])),
  {
    name: "gather",
    shapes: [[4, 2]],
    build: ([x], g) => ops.gather(x as Value, ids(g, [1, 1, -1, 0], [2, 2]), 0),
  },
  {
    name: "gather axis 1",
    shapes: [[2, 4]],
    build: ([x], g) => ops.gather(x as Value, ids(g, [3, 0, 3], [3]), 1),
  },
  {
    name: "scatterAdd",
    shapes: [[4, 2]],
    build: ([x], g) => ops.scatterAdd(ids(g, [1, 2, 1, 0], [4]), x as Value, 0, 5),
  },
  unary("reduceSum", (x) => ops.reduceSum(x, [0])),
  unary("reduceMean", (x) => ops.reduceMean(x, [1], true)),
  unary("reduceMax", (x) => ops.reduceMax(x, [1])),
  unary("reduceMax first", (x) => ops.reduceMax(x, [0, 1], true, "first")),
  two(
    "mse",
    [
      [2, 3],
      [2, 3],
    ],
    ops.mse,
  ),
  {
    name: "conv2d",
    shapes: [[1, 4, 5, 4], [4, 2, 3, 2], [4]],
    build: ([x, w, b]) =>
      ops.conv2d(x as Value, w as Value, b as Value, { stride: [2, 1], pad: [1, 1], groups: 2 }),
  },
  {
    name: "conv3dPatch",
    shapes: [[1, 2, 2, 4, 4], [3, 2, 2, 2, 2], [3]],
    build: ([x, w, b]) => ops.conv3dPatch(x as Value, w as Value, b as Value),
  },
];

test.each(cases)("$name: gradients equal central differences", checkOp);

test("every op with a gradient occurs in a case", () => {
  const covered = new Set<string>();
  for (const { shapes, build } of cases) {
    const graph = new Graph();
    build(
      shapes.map((shape, i) => graph.input(`x${i}`, shape)),
      graph,
    );
    for (const node of graph.nodes) covered.add(node.op);
  }
  const differentiable = Object.entries(ops.vjpRules).flatMap(([name, rule]) =>
    typeof rule === "function" ? [name] : [],
  );
  expect(differentiable.filter((name) => !covered.has(name) && name !== "stopGradient")).toEqual(
    [],
  );
});

test("stopGradient is the identity without a gradient", () => {
  const graph = new Graph();
  const x = graph.input("x", [2]);
  const loss = ops.reduceSum(ops.mul(ops.stopGradient(x), x));
  const [grad] = gradients(loss, [x]) as [Value];
  const feeds = new Map([["x", { shape: [2], data: Float64Array.of(3, 4) }]]);
  expect([...(evaluate(graph, feeds, [grad])[0] as Dense).data]).toEqual([3, 4]);
});
