import { type Tensor, tensor } from "@causeway/graph";
import { type FloatTensor, SafetensorsFile } from "../safetensors/file.ts";

/** Opens a tensor file for the time of `use`. */
export async function withTensors<T>(
  path: string,
  use: (file: SafetensorsFile) => Promise<T>,
): Promise<T> {
  const file = await SafetensorsFile.open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** A [rows, columns] integer tensor as rows. */
export async function integerRows(file: SafetensorsFile, name: string): Promise<number[][]> {
  const { shape, data } = await file.integers(name);
  const width = shape.at(-1) ?? 1;
  return Array.from({ length: data.length / width }, (_, i) =>
    data.slice(i * width, (i + 1) * width),
  );
}

export async function feed(
  file: SafetensorsFile,
  name: string,
  shape?: readonly number[],
): Promise<Tensor> {
  const { data, shape: own } = await file.floats(name);
  return tensor(data, shape ?? own);
}

/** Rows [first, first + count) of a tensor's first axis. */
export function rowsOf({ shape, data }: FloatTensor, first: number, count: number): Float32Array {
  const width = shape.slice(1).reduce((a, b) => a * b, 1);
  return data.subarray(first * width, (first + count) * width);
}
