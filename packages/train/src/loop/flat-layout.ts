/**
 * All trainable weights end to end in one buffer: the optimiser walks it once, and each weight is a view of it that
 * the engine reads (and whose gradient the engine writes) in place.
 */
import { sizeOf, type Tensor } from "@causeway/graph";

export interface FlatEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** First element in the flat buffer. */
  readonly start: number;
  readonly length: number;
}

export interface FlatLayout {
  /** Sorted by name, so that the layout does not depend on the order in which a graph was built. */
  readonly entries: readonly FlatEntry[];
  /** Elements of the flat buffer; gaps between entries are zero in every buffer and stay zero. */
  readonly length: number;
  /** Elements without gaps. */
  readonly numParameters: number;
}

/** 16 floats: every view starts on a cache line. */
const alignment = 16;

export function flatLayout(shapes: ReadonlyMap<string, readonly number[]>): FlatLayout {
  let start = 0;
  let numParameters = 0;
  const entries = [...shapes]
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, shape]): FlatEntry => {
      const length = sizeOf(shape);
      const entry = { name, shape, start, length };
      start += Math.ceil(length / alignment) * alignment;
      numParameters += length;
      return entry;
    });
  return { entries, length: start, numParameters };
}

/** The weights of a flat buffer as tensors that share its memory. */
export function tensorViews(layout: FlatLayout, buffer: Float32Array): Map<string, Tensor> {
  return new Map(
    layout.entries.map(({ name, shape, start, length }) => [
      name,
      { dtype: "float32", shape, data: buffer.subarray(start, start + length) } as const,
    ]),
  );
}

/** Copies weights into a flat buffer; the caller has checked that all are there. */
export function fillFlat(
  layout: FlatLayout,
  buffer: Float32Array,
  weights: ReadonlyMap<string, Tensor>,
): void {
  for (const { name, shape, start } of layout.entries) {
    const tensor = weights.get(name);
    if (!tensor || tensor.shape.join() !== shape.join())
      throw new Error(
        `train: weight "${name}" is ${tensor ? `[${tensor.shape.join(", ")}]` : "missing"}, expected [${shape.join(", ")}]`,
      );
    buffer.set(tensor.data as Float32Array, start);
  }
}
