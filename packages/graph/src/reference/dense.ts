import { sizeOf } from "../tensor.ts";

/** Dense row-major float64 arrays: every element type of the graph fits (integers exactly up to 2^53, bool as 0 and 1). */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const zeros = (shape: readonly number[]): Dense => ({
  shape,
  data: new Float64Array(sizeOf(shape)),
});

/** Elements to step per axis; 0 where the axis is broadcast. */
export function strides(shape: readonly number[]): number[] {
  const out = shape.map(() => 0);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = shape[i] === 1 ? 0 : step;
    step *= shape[i] as number;
  }
  return out;
}

/** Calls `visit` with every index of a shape in row-major order. The array is reused. */
export function forEachIndex(
  shape: readonly number[],
  visit: (index: readonly number[], flat: number) => void,
): void {
  const index = shape.map(() => 0);
  const total = sizeOf(shape);
  for (let flat = 0; flat < total; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
}

/** Offset of an index of a larger (broadcast) shape in an array of `shape`: extra leading axes are dropped. */
export function offsetIn(shape: readonly number[], index: readonly number[]): number {
  const steps = strides(shape);
  const extra = index.length - shape.length;
  let at = 0;
  for (let i = 0; i < shape.length; i++) at += (steps[i] as number) * (index[i + extra] as number);
  return at;
}

/** Elementwise with numpy broadcasting into `shape`. */
export function mapBroadcast(
  shape: readonly number[],
  operands: readonly Dense[],
  f: (...values: number[]) => number,
): Dense {
  const out = zeros(shape);
  forEachIndex(shape, (index, flat) => {
    out.data[flat] = f(...operands.map((x) => x.data[offsetIn(x.shape, index)] as number));
  });
  return out;
}

export const map = (x: Dense, f: (value: number) => number): Dense => ({
  shape: x.shape,
  data: x.data.map(f),
});

/** Splits a shape at an axis: elements before, along and after it. */
export function around(shape: readonly number[], axis: number, rank = 1) {
  return {
    before: sizeOf(shape.slice(0, axis)),
    along: sizeOf(shape.slice(axis, axis + rank)),
    after: sizeOf(shape.slice(axis + rank)),
  };
}
