/** x @ weight^T with a block-quantised weight as one MatMulNBits node of com.microsoft. */
import type { Node, OpAttrs, Value } from "../graph.ts";
import type { QuantizedWeight } from "../runtime.ts";
import { ShapeError } from "../tensor.ts";
import type { Lowering } from "./lower.ts";

export function lowerQuantizedMatmul(
  to: Lowering,
  node: Node,
  parameter: Value,
  weight: QuantizedWeight,
  names: {
    readonly data: string;
    readonly out: string;
    readonly quantizedCompute: "float32" | "int8";
  },
): void {
  const { name } = parameter.node.attrs as OpAttrs["parameter"];
  const attrs = node.attrs as OpAttrs["matmul"];
  // Anything but a linear layer (a slice of the weight, an embedding lookup) needs the values themselves.
  if (
    node.op !== "matmul" ||
    node.inputs[1] !== parameter ||
    !attrs.transB ||
    attrs.transA ||
    attrs.alpha !== 1
  )
    throw new ShapeError(
      `quantised weight "${name}" is read by ${node.op}; only linear layers (x @ weight^T) can be quantised. Exclude it`,
    );
  const [n, k] = parameter.shape as [number, number];
  if (n !== weight.n || k !== weight.k)
    throw new ShapeError(
      `quantised weight "${name}" is [${weight.n}, ${weight.k}]; the graph needs [${n}, ${k}]`,
    );
  const inputs = [names.data, to.initializer(weight.codes), to.initializer(weight.scales)];
  if (weight.zeroPoints) inputs.push(to.initializer(weight.zeroPoints));
  to.node(
    "MatMulNBits",
    inputs,
    {
      K: { int: k },
      N: { int: n },
      bits: { int: weight.bits },
      block_size: { int: weight.blockSize },
      accuracy_level: { int: names.quantizedCompute === "int8" ? 4 : 1 },
    },
    { domain: "com.microsoft", outputs: [names.out] },
  );
}
