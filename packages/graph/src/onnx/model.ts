/** Builds an ONNX ModelProto (IR version 10, opset 21 plus com.microsoft 1). Field numbers: onnx/onnx.proto. */
import type { StoredTensor } from "../runtime.ts";
import { bytesPerElement, type DType, sizeOf, type Tensor } from "../tensor.ts";
import { ProtoWriter } from "./protobuf.ts";

export const onnxTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string }
  | { readonly tensor: Tensor };

export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output; a string names a dimension that is left open. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly {
    readonly name: string;
    readonly tensor: Tensor | StoredTensor;
  }[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

function writeTensor(out: ProtoWriter, name: string, tensor: Tensor | StoredTensor): void {
  for (const d of tensor.shape) out.int(1, d);
  out.int(2, onnxTypes[tensor.dtype]);
  if (name) out.string(8, name);
  if ("file" in tensor) {
    // The runtime finds the file by its name in the folder that the session is given.
    const length = sizeOf(tensor.shape) * bytesPerElement[tensor.dtype];
    for (const [key, value] of [
      ["location", tensor.file.replace(/^.*[\\/]/, "")],
      ["offset", String(tensor.offset)],
      ["length", String(length)],
    ] as const)
      out.message(13, (entry) => entry.string(1, key).string(2, value));
    out.int(14, 1);
    return;
  }
  const { data } = tensor;
  out.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeAttribute(out: ProtoWriter, name: string, value: OnnxAttribute): void {
  out.string(1, name);
  if ("float" in value) out.float(2, value.float).int(20, 1);
  else if ("int" in value) out.int(3, value.int).int(20, 2);
  else if ("string" in value) out.string(4, value.string).int(20, 3);
  else if ("tensor" in value) out.message(5, (t) => writeTensor(t, "", value.tensor)).int(20, 4);
  else {
    for (const i of value.ints) out.int(8, i);
    out.int(20, 7);
  }
}

function writeValueInfo(out: ProtoWriter, value: OnnxValue): void {
  out.string(1, value.name);
  out.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.int(1, onnxTypes[value.dtype]);
      tensor.message(2, (shape) => {
        for (const d of value.shape)
          shape.message(1, (dim) => (typeof d === "string" ? dim.string(2, d) : dim.int(1, d)));
      });
    }),
  );
}

/** The serialised model. */
export function writeOnnxModel(graph: OnnxGraph): Uint8Array {
  const model = new ProtoWriter().int(1, 10).string(2, "causeway");
  model.message(7, (g) => {
    for (const node of graph.nodes)
      g.message(1, (n) => {
        for (const name of node.inputs) n.string(1, name);
        for (const name of node.outputs) n.string(2, name);
        n.string(4, node.op);
        for (const [name, value] of Object.entries(node.attributes))
          n.message(5, (a) => writeAttribute(a, name, value));
        if (node.domain) n.string(7, node.domain);
      });
    g.string(2, "causeway");
    for (const { name, tensor } of graph.initializers)
      g.message(5, (t) => writeTensor(t, name, tensor));
    for (const value of graph.inputs) g.message(11, (v) => writeValueInfo(v, value));
    for (const value of graph.outputs) g.message(12, (v) => writeValueInfo(v, value));
  });
  model.message(8, (o) => o.string(1, "").int(2, 21));
  model.message(8, (o) => o.string(1, "com.microsoft").int(2, 1));
  return model.finish();
}
