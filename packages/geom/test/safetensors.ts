/** A reader for the golden files, for tests only: header length, JSON header, raw little-endian tensors. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function readTensors(path: string): Map<string, Tensor> {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const raw = bytes.subarray(8 + headerLength + from, 8 + headerLength + to);
    const buffer = new Uint8Array(raw).buffer;
    const typed = {
      F64: () => new Float64Array(buffer),
      F32: () => new Float32Array(buffer),
      U8: () => new Uint8Array(buffer),
      I64: () => Float64Array.from(new BigInt64Array(buffer), Number),
    }[entry.dtype as "F64"];
    if (typed === undefined) throw new Error(`${path}: ${name} has dtype ${entry.dtype}`);
    tensors.set(name, { shape: entry.shape, data: Float64Array.from(typed()) });
  }
  return tensors;
}

/** Rows of one example of a [B, ...] tensor. */
export function example(tensors: Map<string, Tensor>, name: string, i: number): Float64Array {
  const t = tensors.get(name);
  if (t === undefined) throw new Error(`no tensor ${name}`);
  const size = t.data.length / t.shape[0];
  return t.data.subarray(i * size, (i + 1) * size);
}

/** Folder of the shared golden cases, or null when this checkout has none. */
export function goldenFolder(name: string): string | null {
  const root =
    process.env["CAUSEWAY_SHARED"] ?? fileURLToPath(new URL("../../../../shared", import.meta.url));
  const path = `${root}/golden/${name}`;
  return existsSync(path) ? path : null;
}
