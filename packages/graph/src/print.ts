/** A stable text form of a graph, one node a line, for reviewing in a diff. */
import type { Graph, Node, OpAttrs, Value } from "./graph.ts";

const name = (value: Value): string =>
  `%${value.node.id}${value.node.outputs.length > 1 ? `.${value.index}` : ""}`;
const type = (value: Value): string => `${value.dtype}[${value.shape.join(",")}]`;

function attributes(node: Node): string {
  if (node.op === "constant") {
    const { tensor } = node.attrs as OpAttrs["constant"];
    const head = Array.from(tensor.data.subarray(0, 4), String).join(", ");
    return ` {${head}${tensor.data.length > 4 ? ", …" : ""}}`;
  }
  const text = JSON.stringify(node.attrs);
  return text === "{}" ? "" : ` ${text}`;
}

/** `%3 = matmul(%1, %2) {"transB":true,…} : float32[2,4]` per node, then the declared outputs. */
export function printGraph(graph: Graph): string {
  const lines = graph.nodes.map(
    (node) =>
      `${node.outputs.map(name).join(", ")} = ${node.op}(${node.inputs.map(name).join(", ")})${attributes(node)} : ${node.outputs.map(type).join(", ")}`,
  );
  for (const [key, value] of graph.outputs) lines.push(`output ${key} = ${name(value)}`);
  return `${lines.join("\n")}\n`;
}
