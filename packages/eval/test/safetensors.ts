/** Reads small safetensors files for tests: f32, f64, i64 and u8 as numbers. */
import { readFileSync } from "node:fs";

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function readTensors(path: string): Map<string, Tensor> {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const out = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets.map((o) => o + 8 + headerLength);
    const buffer = Uint8Array.from(bytes.subarray(from, to)).buffer;
    const raw =
      entry.dtype === "F32"
        ? new Float32Array(buffer)
        : entry.dtype === "F64"
          ? new Float64Array(buffer)
          : entry.dtype === "I64"
            ? Array.from(new BigInt64Array(buffer), Number)
            : entry.dtype === "U8"
              ? new Uint8Array(buffer)
              : null;
    if (raw === null) throw new Error(`${name}: dtype ${entry.dtype} is not read here`);
    out.set(name, { shape: entry.shape, data: Float64Array.from(raw) });
  }
  return out;
}
