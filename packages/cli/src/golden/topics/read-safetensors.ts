/** Reads the small safetensors files of golden cases: float32, float64, int32 and uint8 as float64. Shared by topics. */
export interface ReadTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function readSafetensors(bytes: Uint8Array): Map<string, ReadTensor> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  const start = 8 + headerLength;
  if (start > bytes.byteLength) throw new Error("safetensors: the header is longer than the file");
  const header = JSON.parse(Buffer.from(bytes.subarray(8, start)).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const out = new Map<string, ReadTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    // A copy begins at offset 0 of its buffer, as typed arrays of wide elements need.
    const { buffer } = Uint8Array.from(bytes.subarray(start + from, start + to));
    const values =
      entry.dtype === "F32"
        ? new Float32Array(buffer)
        : entry.dtype === "F64"
          ? new Float64Array(buffer)
          : entry.dtype === "I32"
            ? new Int32Array(buffer)
            : entry.dtype === "U8"
              ? new Uint8Array(buffer)
              : null;
    if (values === null) throw new Error(`safetensors: ${name} is ${entry.dtype}; not read here`);
    out.set(name, { shape: entry.shape, data: Float64Array.from(values) });
  }
  return out;
}
