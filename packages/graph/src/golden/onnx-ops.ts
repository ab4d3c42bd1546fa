/**
 * Runs the golden topic "onnx-ops": forward values and input gradients of each op, on any runtime.
 * `ops.json` gives attributes per variant; the table below says how an op of that file is built here.
 */
import { gradients } from "../gradient.ts";
import { Graph, type Value } from "../graph.ts";
import * as ops from "../ops.ts";
import type { Runtime } from "../runtime.ts";
import { type DType, type Tensor, tensor } from "../tensor.ts";
import { type GoldenCheck, type GoldenFolder, ErrorMeter } from "./check.ts";
import { type GoldenTensor, goldenTensor, readGoldenTensors } from "./tensor-file.ts";

interface Variant {
  readonly name: string;
  readonly inputs: Readonly<Record<string, readonly [string, readonly number[]]>>;
  readonly gradients: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly float32_max_abs_error?: Readonly<Record<string, number>>;
  readonly note?: string;
}

interface Context {
  readonly graph: Graph;
  readonly variant: Variant;
  readonly inputs: Readonly<Record<string, Value>>;
  /** An operand that must be there. */
  readonly use: (name: string) => Value;
  /** A tensor beside the inputs (cos and sin tables). */
  readonly table: (name: string) => GoldenTensor;
}

const num = (variant: Variant, key: string): number => Number(variant.attributes[key]);
const nums = (variant: Variant, key: string): number[] => {
  const value = variant.attributes[key];
  return Array.isArray(value) ? value.map(Number) : [];
};
const pair = (x: unknown): number[] => (Array.isArray(x) ? x.map(Number) : [Number(x), Number(x)]);
const firstOperand = ({ inputs }: Context): Value => Object.values(inputs)[0] as Value;
const unary = (op: (x: Value) => Value) => (c: Context) => op(firstOperand(c));
const binary = (op: (a: Value, b: Value) => Value) => (c: Context) => op(c.use("a"), c.use("b"));
const reduce =
  (op: (x: Value, axes: readonly number[], keepdims: boolean) => Value) => (c: Context) =>
    op(c.use("x"), nums(c.variant, "axes"), num(c.variant, "keepdims") === 1);

/** Far below any score, but finite, so that a fully masked row stays finite. */
const blocked = -1e30;

function attention({ graph, variant, inputs, use }: Context): Value {
  const [q, k] = [use("q"), use("k")];
  const [t, s] = [q.shape[2] as number, k.shape[2] as number];
  const { mask: given } = inputs;
  let mask: Value | undefined;
  if (given) {
    const additive = given.dtype === "bool" ? ops.where(given, graph.scalar(0), blocked) : given;
    mask = ops.reshape(additive, [
      ...Array<number>(4 - given.shape.length).fill(1),
      ...given.shape,
    ]);
  }
  if (variant.attributes["causal"] === true) {
    // The last query sees all keys.
    const rows = Float32Array.from({ length: t * s }, (_, i) =>
      i % s <= Math.floor(i / s) + s - t ? 0 : blocked,
    );
    const causal = graph.constant(tensor(rows, [1, 1, t, s]));
    mask = mask ? ops.add(mask, causal) : causal;
  }
  const scale = variant.attributes["scale"];
  return ops.attention(q, k, use("v"), {
    ...(mask ? { mask } : {}),
    ...(typeof scale === "number" ? { scale } : {}),
  });
}

function crossEntropy({ variant, use, inputs }: Context): Value {
  const logits = use("logits");
  const classes = logits.shape.at(-1) as number;
  const reduction = String(variant.attributes["reduction"]);
  const ignore = variant.attributes["ignore_index"];
  return ops.crossEntropy(ops.reshape(logits, [-1, classes]), ops.reshape(use("target"), [-1]), {
    ...(typeof ignore === "number" ? { ignoreIndex: ignore } : {}),
    ...(inputs["w"] ? { weights: inputs["w"] } : {}),
    emptyLoss: Number.NaN,
    labelSmoothing: Number(variant.attributes["label_smoothing"] ?? 0),
    reduction: reduction.startsWith("mean") ? "mean" : (reduction as "sum" | "none"),
  });
}

const builders: Readonly<Record<string, (c: Context) => Value>> = {
  matmul: binary(ops.matmul),
  add: binary(ops.add),
  sub: binary(ops.sub),
  mul: binary(ops.mul),
  div: binary(ops.div),
  softmax: ({ use, variant }) => ops.softmax(use("x"), num(variant, "axis")),
  logsoftmax: ({ use, variant }) => ops.logSoftmax(use("x"), num(variant, "axis")),
  layernorm: ({ use, inputs, variant }) =>
    ops.layerNorm(
      use("x"),
      inputs["w"] ?? null,
      inputs["b"] ?? null,
      num(variant, "epsilon"),
      num(variant, "axis"),
    ),
  rmsnorm: ({ use, variant }) =>
    ops.rmsNorm(use("x"), use("w"), num(variant, "epsilon"), num(variant, "axis")),
  "gelu-tanh": unary((x) => ops.gelu(x, "tanh")),
  "gelu-erf": unary((x) => ops.gelu(x, "none")),
  silu: unary(ops.silu),
  sigmoid: unary(ops.sigmoid),
  tanh: unary(ops.tanh),
  exp: unary(ops.exp),
  log: unary(ops.log),
  sqrt: unary(ops.sqrt),
  pow: ({ use, inputs, variant }) => ops.pow(use("x"), inputs["y"] ?? num(variant, "exponent")),
  gather: ({ use, variant }) => ops.gather(use("x"), use("index"), num(variant, "axis")),
  embedding: ({ use }) => ops.gather(use("weight"), use("ids"), 0),
  concat: ({ inputs, variant }) => ops.concat(Object.values(inputs), num(variant, "axis")),
  slice: ({ use, variant }) =>
    ops.slice(use("x"), {
      starts: nums(variant, "starts"),
      ends: nums(variant, "ends"),
      axes: nums(variant, "axes"),
      steps: nums(variant, "steps"),
    }),
  transpose: ({ use, variant }) => ops.transpose(use("x"), nums(variant, "perm")),
  reshape: ({ use, variant }) => ops.reshape(use("x"), nums(variant, "shape")),
  "reduce-sum": reduce(ops.reduceSum),
  "reduce-mean": reduce(ops.reduceMean),
  "reduce-max": (c) => {
    const ties = c.variant.note?.includes("first maximum") ? "first" : "shared";
    return reduce((x, axes, keep) => ops.reduceMax(x, axes, keep, ties))(c);
  },
  where: ({ use }) => ops.where(use("cond"), use("a"), use("b")),
  conv2d: ({ use, inputs, variant }) =>
    ops.conv2d(use("x"), use("w"), inputs["b"] ?? null, {
      stride: pair(variant.attributes["stride"]),
      pad: pair(variant.attributes["pad"]),
      dilation: pair(variant.attributes["dilation"]),
      groups: num(variant, "groups"),
    }),
  "conv3d-patch": ({ use, inputs }) => ops.conv3dPatch(use("x"), use("w"), inputs["b"] ?? null),
  attention,
  rope: ({ graph, use, table, variant }) => {
    const [cos, sin] = ["cos", "sin"].map((name) => {
      const { shape, data } = table(name);
      const rows = shape.length === 3 ? shape : [1, ...shape.slice(-2)];
      return graph.constant(tensor(data as Float32Array, rows));
    }) as [Value, Value];
    return ops.rope(use("x"), cos, sin, {
      interleaved: variant.attributes["interleaved"] === true,
    });
  },
  "cross-entropy": crossEntropy,
  mse: ({ use, inputs, variant }) => {
    const [a, b, mask] = [use("a"), use("b"), inputs["mask"]];
    const reduction = String(variant.attributes["reduction"]);
    const difference = ops.sub(a, b);
    const square = ops.mul(difference, difference);
    if (mask) return ops.div(ops.reduceSum(ops.mul(square, mask)), ops.reduceSum(mask));
    if (reduction === "mean") return ops.mse(a, b);
    return reduction === "sum" ? ops.reduceSum(square) : square;
  },
};

const dtypes: Readonly<Record<string, DType>> = { F32: "float32", I64: "int64", BOOL: "bool" };

/** Runs one variant and adds its errors to the meter. */
async function checkVariant(
  op: string,
  variant: Variant,
  tensors: ReadonlyMap<string, GoldenTensor>,
  runtime: Runtime,
  precision: 32 | 64,
  meter: ErrorMeter,
): Promise<void> {
  const build = builders[op];
  if (!build) throw new TypeError(`op "${op}" is not implemented`);
  const graph = new Graph();
  const inputs: Record<string, Value> = {};
  const feeds = new Map<string, Tensor>();
  const read = (name: string) => goldenTensor(tensors, `${variant.name}.${name}`);
  const asTensor = (t: GoldenTensor): Tensor => {
    const dtype = dtypes[t.dtype];
    if (!dtype) throw new TypeError(`golden tensor of ${t.dtype} has no place in a graph`);
    return { dtype, shape: t.shape, data: t.data as Float32Array };
  };
  for (const name of Object.keys(variant.inputs)) {
    const value = asTensor(read(`in.${name}`));
    inputs[name] = graph.input(name, value.shape, value.dtype);
    feeds.set(name, value);
  }
  const use = (name: string): Value => {
    const value = inputs[name];
    if (!value) throw new TypeError(`${op}/${variant.name}: no input "${name}"`);
    return value;
  };
  const out = build({ graph, variant, inputs, use, table: read });
  const seedTensor = asTensor(read("grad_out"));
  const seed = ops.reshape(graph.input("grad_out", seedTensor.shape), out.shape);
  feeds.set("grad_out", seedTensor);
  const results = new Map<string, Value>([["out", out]]);
  gradients(out, variant.gradients.map(use), seed).forEach((grad, i) =>
    results.set(`grad.${variant.gradients[i]}`, grad),
  );
  // A patch convolution is also one matrix product over patches in the order (batch, t, h, w).
  const tokens = tensors.get(`${variant.name}.as_tokens`);
  if (tokens && out.shape.length === 5)
    results.set(
      "as_tokens",
      ops.reshape(ops.transpose(out, [0, 2, 3, 4, 1]), [-1, out.shape[1] as number]),
    );
  const executable = await runtime.compile(graph, { outputs: results });
  try {
    const actual = await executable.run(feeds);
    for (const name of results.keys()) {
      const expected = read(name).data;
      let largest = 1;
      for (const e of expected) largest = Math.max(largest, Math.abs(Number(e)));
      const measured = name === "as_tokens" ? "out" : name.replace(/^grad\./, "");
      const drift = variant.float32_max_abs_error?.[measured] ?? 0;
      const allowed =
        precision === 32
          ? () => 8 * drift + 1e-6 * largest
          : (e: number) => 1e-7 + 1e-7 * Math.abs(e);
      const values = (actual.get(name) as Tensor).data;
      meter.addAll(`${variant.name} ${name}`, values, expected, allowed);
    }
  } finally {
    await executable.dispose();
  }
}

/** All cases of a `case.json` with topic "onnx-ops", one result per op. */
export async function checkOnnxOps(
  caseJson: unknown,
  folder: GoldenFolder,
  runtime: Runtime,
  precision: 32 | 64 = 32,
): Promise<GoldenCheck[]> {
  const { cases } = caseJson as {
    cases: readonly { id: string; files: readonly string[]; variants?: readonly string[] }[];
  };
  const tolerance =
    precision === 32
      ? "8 x float32 error of the variant + 1e-6 x max(1, largest magnitude)"
      : "abs 1e-7 + rel 1e-7";
  const parsed = new Map<string, Record<string, { file: string; variants: readonly Variant[] }>>();
  const results: GoldenCheck[] = [];
  for (const entry of cases) {
    const meter = new ErrorMeter();
    try {
      const json = entry.files.find((f) => f.endsWith(".json")) ?? "ops.json";
      let index = parsed.get(json);
      if (!index) {
        index = JSON.parse(await folder.text(json)) as NonNullable<typeof index>;
        parsed.set(json, index);
      }
      const op = index[entry.id];
      if (!op) throw new TypeError(`${json} has no op "${entry.id}"`);
      const tensors = readGoldenTensors(await folder.bytes(op.file));
      for (const variant of op.variants) {
        if (entry.variants && !entry.variants.includes(variant.name)) continue;
        await checkVariant(entry.id, variant, tensors, runtime, precision, meter);
      }
      results.push(meter.result(entry.id, tolerance));
    } catch (error) {
      const note = error instanceof Error ? error.message : String(error);
      results.push({ case: entry.id, passed: false, worst: null, tolerance, note });
    }
  }
  return results;
}
