/**
 * What a legal graph is, in code: every pass and every importer must leave a graph that `verifyGraph` accepts.
 * Shape rules live in ops.ts; here are the laws that hold for any op.
 */
import { type Graph, type Node, type OpName, type Value } from "./graph.ts";
import { ShapeError, sizeOf } from "./tensor.ts";

/** Number of operands and results per op. */
const arity: {
  readonly [K in OpName]: { readonly in: readonly [number, number]; readonly out: number };
} = {
  input: { in: [0, 0], out: 1 },
  parameter: { in: [0, 0], out: 1 },
  constant: { in: [0, 0], out: 1 },
  add: { in: [2, 2], out: 1 },
  sub: { in: [2, 2], out: 1 },
  mul: { in: [2, 2], out: 1 },
  div: { in: [2, 2], out: 1 },
  pow: { in: [2, 2], out: 1 },
  neg: { in: [1, 1], out: 1 },
  exp: { in: [1, 1], out: 1 },
  log: { in: [1, 1], out: 1 },
  sqrt: { in: [1, 1], out: 1 },
  sin: { in: [1, 1], out: 1 },
  cos: { in: [1, 1], out: 1 },
  erf: { in: [1, 1], out: 1 },
  tanh: { in: [1, 1], out: 1 },
  sigmoid: { in: [1, 1], out: 1 },
  silu: { in: [1, 1], out: 1 },
  gelu: { in: [1, 1], out: 1 },
  equal: { in: [2, 2], out: 1 },
  greater: { in: [2, 2], out: 1 },
  not: { in: [1, 1], out: 1 },
  and: { in: [2, 2], out: 1 },
  where: { in: [3, 3], out: 1 },
  cast: { in: [1, 1], out: 1 },
  matmul: { in: [2, 2], out: 1 },
  softmax: { in: [1, 1], out: 1 },
  logSoftmax: { in: [1, 1], out: 1 },
  layerNorm: { in: [1, 3], out: 3 },
  rmsNorm: { in: [2, 2], out: 2 },
  attention: { in: [3, 4], out: 2 },
  rope: { in: [3, 3], out: 1 },
  nll: { in: [2, 2], out: 2 },
  reshape: { in: [1, 1], out: 1 },
  broadcastTo: { in: [1, 1], out: 1 },
  transpose: { in: [1, 1], out: 1 },
  concat: { in: [1, Number.POSITIVE_INFINITY], out: 1 },
  slice: { in: [1, 1], out: 1 },
  pad: { in: [1, 1], out: 1 },
  gather: { in: [2, 2], out: 1 },
  scatterAdd: { in: [2, 2], out: 1 },
  reduceSum: { in: [1, 1], out: 1 },
  reduceMax: { in: [1, 1], out: 1 },
  argMax: { in: [1, 1], out: 1 },
  stopGradient: { in: [1, 1], out: 1 },
};

const sizePreserving = new Set<OpName>([
  "reshape",
  "transpose",
  "neg",
  "exp",
  "silu",
  "rope",
  "softmax",
  "stopGradient",
]);

/** Throws `ShapeError` naming the first node that breaks a law. */
export function verifyGraph(graph: Graph): void {
  const fail = (node: Node, what: string): never => {
    throw new ShapeError(`graph: node ${node.id} (${node.op}): ${what}`);
  };
  graph.nodes.forEach((node, position) => {
    if (node.id !== position)
      fail(node, `stands at position ${position}; nodes are numbered in order`);
    const {
      in: [low, high],
      out,
    } = arity[node.op];
    if (node.inputs.length < low || node.inputs.length > high)
      fail(
        node,
        `has ${node.inputs.length} operands, expected ${low === high ? low : `${low} to ${high}`}`,
      );
    if (node.outputs.length !== out)
      fail(node, `has ${node.outputs.length} results, expected ${out}`);
    for (const input of node.inputs)
      if (
        input.graph !== graph ||
        input.node.id >= node.id ||
        graph.nodes[input.node.id] !== input.node
      )
        fail(node, `reads node ${input.node.id}, which is not an earlier node of this graph`);
    for (const value of node.outputs)
      if (value.shape.some((d) => !Number.isInteger(d) || d < 0))
        fail(node, `has shape [${value.shape.join(", ")}]`);
    if (
      sizePreserving.has(node.op) &&
      sizeOf((node.inputs[0] as Value).shape) !== sizeOf((node.outputs[0] as Value).shape)
    )
      fail(node, "changes the number of elements");
  });
  for (const [name, value] of graph.outputs)
    if (value.graph !== graph)
      throw new ShapeError(`graph: output "${name}" belongs to another graph`);
}
