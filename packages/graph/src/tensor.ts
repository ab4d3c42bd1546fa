/** Element types the engine computes with. `float16` and narrower are storage only. */
export type DType = "float32" | "int64" | "int32" | "bool" | "uint8" | "float16";

export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;

/** Dense row-major array. `data` is borrowed, never copied, by feeds and preallocated outputs. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Thrown when sizes do not fit; the message holds both shapes. */
export class ShapeError extends Error {
  readonly code = "ERR_SHAPE";
  override readonly name = "ShapeError";
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

export const bytesPerElement: Readonly<Record<DType, number>> = {
  float32: 4,
  int64: 8,
  int32: 4,
  bool: 1,
  uint8: 1,
  float16: 2,
};

/** A float32 tensor over the given values (copied unless already a Float32Array). */
export function tensor(values: ArrayLike<number>, shape: readonly number[]): Tensor {
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  if (data.length !== sizeOf(shape))
    throw new ShapeError(`tensor: ${data.length} values do not fill shape [${shape.join(", ")}]`);
  return { dtype: "float32", shape, data };
}

/** An int64 tensor from JS integers. */
export function tensorInt64(values: ArrayLike<number>, shape: readonly number[]): Tensor {
  const data = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) data[i] = BigInt(values[i] as number);
  if (data.length !== sizeOf(shape))
    throw new ShapeError(`tensor: ${data.length} values do not fill shape [${shape.join(", ")}]`);
  return { dtype: "int64", shape, data };
}

/** A bool tensor; non-zero is true. */
export function tensorBool(values: ArrayLike<number | boolean>, shape: readonly number[]): Tensor {
  return { dtype: "bool", shape, data: Uint8Array.from(values, (v) => (v ? 1 : 0)) };
}
