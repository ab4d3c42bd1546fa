/** The reference runtime: walks the graph node by node in float64 and rounds to the element types at the border. */
import type { Graph, OpAttrs, Value } from "../graph.ts";
import {
  type CompileOptions,
  type Executable,
  feedEntries,
  type Feeds,
  outputsOf,
  type Runtime,
} from "../runtime.ts";
import { type DType, ShapeError, type Tensor, type TensorData } from "../tensor.ts";
import { dequantizeBlocks } from "../numerics/block-quant.ts";
import type { Dense } from "./dense.ts";
import { type KernelContext, kernels } from "./kernels.ts";

const toDense = ({ shape, data }: Tensor): Dense => ({
  shape,
  data: Float64Array.from(data as ArrayLike<number>, Number),
});

function makeData(dtype: DType, values: Float64Array): TensorData {
  switch (dtype) {
    case "float32":
      return Float32Array.from(values);
    case "int64":
      return BigInt64Array.from(values, BigInt);
    case "int32":
      return Int32Array.from(values);
    case "bool":
    case "uint8":
      return Uint8Array.from(values);
    case "float16":
      throw new ShapeError("reference: float16 is a storage type; cast to float32 first");
  }
}

/**
 * Values of a graph in float64, without any rounding. Feeds give inputs and parameters by name.
 * Only what the wanted values need is computed.
 */
export function evaluate(
  graph: Graph,
  feeds: ReadonlyMap<string, Dense>,
  wanted: readonly Value[],
): Dense[] {
  const needed = new Set(wanted.map((v) => v.node));
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (node && needed.has(node)) for (const input of node.inputs) needed.add(input.node);
  }
  const known = new Map<Value, Dense>();
  for (const node of graph.nodes) {
    if (!needed.has(node)) continue;
    let results: readonly Dense[];
    if (node.op === "input" || node.op === "parameter") {
      const { name } = node.attrs as OpAttrs["input"];
      const fed = feeds.get(name);
      if (!fed) throw new ShapeError(`run: no feed for "${name}"`);
      results = [fed];
    } else if (node.op === "constant")
      results = [toDense((node.attrs as OpAttrs["constant"]).tensor)];
    else {
      const kernel = kernels[node.op] as (c: KernelContext<typeof node.op>) => readonly Dense[];
      results = kernel({
        attrs: node.attrs as never,
        inputs: node.inputs.map((v) => known.get(v) as Dense),
        shapes: node.outputs.map((v) => v.shape),
      });
    }
    node.outputs.forEach((value, i) => known.set(value, results[i] as Dense));
  }
  return wanted.map((value) => known.get(value) as Dense);
}

/** What quantised weights stand for. */
function plainWeights(quantized: CompileOptions["quantized"]): [string, Tensor][] {
  return [...(quantized ?? [])].map(([name, q]) => {
    const { codes, scales, zeroPoints, bits, blockSize, k, n } = q;
    if ("file" in codes || "file" in scales || (zeroPoints && "file" in zeroPoints))
      throw new ShapeError(`reference runtime: quantised weight "${name}" is in a file; load it`);
    const data = dequantizeBlocks(
      {
        bits,
        blockSize,
        symmetric: zeroPoints === null,
        k,
        n,
        codes: codes.data as Uint8Array<ArrayBuffer>,
        scales: scales.data as Float32Array<ArrayBuffer>,
        zeroPoints: zeroPoints === null ? null : (zeroPoints.data as Uint8Array<ArrayBuffer>),
      },
      "nk",
    );
    return [name, { dtype: "float32", shape: [n, k], data }];
  });
}

export const reference: Runtime = {
  name: "reference",
  async compile(graph: Graph, options: CompileOptions = {}): Promise<Executable> {
    const outputs = [...outputsOf(graph, options)];
    if (options.stored?.size || options.freeSizes?.size)
      throw new ShapeError(
        "reference runtime: weights in files and open sizes are not supported; bake the weights and use static shapes",
      );
    const baked = new Map([...(options.baked ?? []), ...plainWeights(options.quantized)]);
    const leaves = new Map([...graph.inputs, ...graph.parameters]);
    const needed = new Set(outputs.map(([, v]) => v.node));
    for (const node of graph.nodes.toReversed())
      if (needed.has(node)) for (const input of node.inputs) needed.add(input.node);
    const inputNames = [...leaves].flatMap(([name, value]) =>
      needed.has(value.node) && !baked.has(name) ? [name] : [],
    );
    return {
      inputNames,
      outputNames: outputs.map(([name]) => name),
      async run(feeds: Feeds, into: Feeds = {}) {
        const given = new Map<string, Dense>([...baked].map(([name, t]) => [name, toDense(t)]));
        for (const [name, tensor] of feedEntries(feeds)) {
          const leaf = leaves.get(name);
          if (!leaf) continue;
          if (leaf.dtype !== tensor.dtype || leaf.shape.join() !== tensor.shape.join())
            throw new ShapeError(
              `feed "${name}" is ${tensor.dtype} [${tensor.shape.join(", ")}], expected ${leaf.dtype} [${leaf.shape.join(", ")}]`,
            );
          given.set(name, toDense(tensor));
        }
        const missing = inputNames.filter((name) => !given.has(name));
        if (missing.length > 0)
          throw new ShapeError(`run: no feed for ${missing.map((n) => `"${n}"`).join(", ")}`);
        const results = evaluate(
          graph,
          given,
          outputs.map(([, value]) => value),
        );
        const targets = new Map(feedEntries(into));
        return new Map(
          outputs.map(([name, { dtype, shape }], i): [string, Tensor] => {
            const data = makeData(dtype, (results[i] as Dense).data);
            const target = targets.get(name);
            if (!target) return [name, { dtype, shape, data }];
            (target.data as Float32Array).set(data as Float32Array);
            return [name, target];
          }),
        );
      },
      async dispose() {},
    };
  },
};
