/** Most bytes of intermediate values that are alive at once when nodes run in the order in which they were built. */
import type { Node, OpName, Value } from "./graph.ts";
import { bytesPerElement, sizeOf } from "./tensor.ts";

/** Ops whose result is their input's storage under another shape. */
const views: ReadonlySet<OpName> = new Set(["reshape", "stopGradient"]);
const leaves: ReadonlySet<OpName> = new Set(["input", "parameter", "constant"]);

/**
 * An estimate for memory plans: inputs, weights, constants and the kernels' scratch are not counted, results are (they
 * stay until the end). Runtimes may reuse storage in place, or order nodes otherwise.
 *
 * @param elsewhere  Results that go straight into somebody else's buffers, which are not counted here.
 */
export function peakLiveBytes(outputs: Iterable<Value>, elsewhere: Iterable<Value> = []): number {
  const given = [...elsewhere];
  const results = new Set<Value>([...outputs, ...given]);
  const needed = new Set<Node>();
  const stack = [...results].map((value) => value.node);
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) stack.push(input.node);
  }
  const order = [...needed].sort((a, b) => a.id - b.id);
  const storageOf = (value: Value): Value =>
    views.has(value.node.op) ? storageOf(value.node.inputs[0] as Value) : value;
  const lastUse = new Map<Value, number>();
  order.forEach((node, i) => {
    for (const input of node.inputs) lastUse.set(storageOf(input), i);
  });
  for (const value of results) lastUse.set(storageOf(value), order.length);
  const notCounted = new Set(given.map(storageOf));
  const bytesOf = (value: Value) => sizeOf(value.shape) * bytesPerElement[value.dtype];
  const freedAt = new Map<number, number>();
  let live = 0;
  let peak = 0;
  order.forEach((node, i) => {
    if (!leaves.has(node.op) && !views.has(node.op))
      for (const value of node.outputs) {
        const end = lastUse.get(value);
        // A second output that nobody reads (statistics of a norm) is not asked for.
        if (end === undefined || notCounted.has(value)) continue;
        live += bytesOf(value);
        freedAt.set(end, (freedAt.get(end) ?? 0) + bytesOf(value));
      }
    peak = Math.max(peak, live);
    live -= freedAt.get(i) ?? 0;
  });
  return peak;
}
