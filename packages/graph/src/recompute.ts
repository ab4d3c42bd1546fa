/**
 * Gradient checkpointing (Chen et al., arXiv 1604.06174): between two checkpoints the forward values are not kept for the
 * backward pass but computed again from the earlier checkpoint when it gets there. One more forward pass buys memory
 * that no longer grows with depth.
 *
 * The copy must not be merged with the original, neither by the graph nor by the runtime, and must not run before its
 * turn. So it starts from `where(g > 0, x, x)`: the checkpoint x, tied to a number g of the arriving cotangent and of every
 * weight gradient of the segment before. Without the latter the runtime, which orders nodes by depth, leaves those gradients
 * for the end and keeps all copies that they read until then: nothing is saved.
 */
import type { Graph, Node, Value } from "./graph.ts";
import * as ops from "./ops.ts";

export class Recomputation {
  readonly #graph: Graph;
  /** In order of computation. */
  readonly #checkpoints: readonly Value[];
  readonly #copies = new Map<Value, Value>();
  /** Segments (by the checkpoint that ends them) that were entered, with the start that copies use. */
  readonly #starts = new Map<number, Value | null>();

  constructor(graph: Graph, checkpoints: readonly Value[]) {
    this.#graph = graph;
    this.#checkpoints = [...new Set(checkpoints.map(stored))].sort((a, b) => a.node.id - b.node.id);
  }

  /** Index of the checkpoint that ends the segment of a node; 0 and what is behind the last are not recomputed. */
  #segment(node: Node): number {
    return this.#checkpoints.findIndex((c) => node.id <= c.node.id);
  }

  /**
   * Inputs and outputs of a node as its gradient rule should see them.
   *
   * @param cotangent  Of a checkpoint; null when nothing depends on it.
   * @param takeFinished  Gradients of leaves since it was called last.
   */
  view(
    node: Node,
    cotangent: (value: Value) => Value | null,
    takeFinished: () => readonly Value[],
  ): { readonly inputs: readonly Value[]; readonly outputs: readonly Value[] } {
    const segment = this.#segment(node);
    if (segment <= 0) return node;
    let start = this.#starts.get(segment);
    if (start === undefined) {
      const end = this.#checkpoints[segment] as Value;
      const arriving = cotangent(end);
      const before = this.#checkpoints[segment - 1] as Value;
      start = arriving === null ? null : tied(before, [arriving, ...takeFinished()]);
      this.#starts.set(segment, start);
    }
    if (start === null) return node;
    const inputs = node.inputs.map((value) => this.#copy(value, segment, start));
    const outputs = node.outputs.map((value) => this.#copy(value, segment, start));
    return { inputs, outputs };
  }

  #copy(value: Value, segment: number, start: Value): Value {
    const before = this.#checkpoints[segment - 1] as Value;
    if (value === before) return start;
    const { node } = value;
    // Leaves and values of earlier segments stay as they are; those of this one are made again.
    if (node.inputs.length === 0 || node.id <= before.node.id) return value;
    const known = this.#copies.get(value);
    if (known) return known;
    const inputs = node.inputs.map((input) => this.#copy(input, segment, start));
    const types = node.outputs.map(({ shape, dtype }) => ({ shape, dtype }));
    const outputs = this.#graph.emit(node.op, inputs, node.attrs, types);
    node.outputs.forEach((output, i) => this.#copies.set(output, outputs[i] as Value));
    return this.#copies.get(value) as Value;
  }
}

/** The value behind reshapes: later nodes may read it under another shape than the one that was named. */
const stored = (value: Value): Value =>
  value.node.op === "reshape" ? stored(value.node.inputs[0] as Value) : value;

/** `x`, but not before all of `others` are there. */
function tied(x: Value, others: readonly Value[]): Value {
  const firsts = others.map((other) => {
    const corner = other.shape.map(() => 1);
    return ops.reshape(ops.slice(other, { starts: corner.map(() => 0), ends: corner }), [1]);
  });
  const one = ops.reduceSum(ops.concat(firsts, 0), [0], true);
  return ops.where(ops.greater(one, x.graph.scalar(0)), x, x);
}
