/** Reads the small safetensors files of golden cases. Models have a strict, windowed reader of their own. */
export type GoldenData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

export interface GoldenTensor {
  /** As in the file: F32, F64, I64, I32, U32, U16, U8, BOOL. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: GoldenData;
}

const constructors: Readonly<Record<string, new (buffer: ArrayBuffer) => GoldenData>> = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  I32: Int32Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

export function readGoldenTensors(bytes: Uint8Array): Map<string, GoldenTensor> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const headerText = new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes));
  const header = JSON.parse(headerText) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const Data = constructors[entry.dtype];
    if (!Data)
      throw new TypeError(`golden tensor "${name}": dtype ${entry.dtype} is not read here`);
    const [start, end] = entry.data_offsets;
    const own = bytes.slice(8 + headerBytes + start, 8 + headerBytes + end);
    tensors.set(name, {
      dtype: entry.dtype,
      shape: entry.shape,
      data: new Data(own.buffer as ArrayBuffer),
    });
  }
  return tensors;
}

/** The tensor, or an error that names the case file's gap. */
export function goldenTensor(
  tensors: ReadonlyMap<string, GoldenTensor>,
  name: string,
): GoldenTensor {
  const found = tensors.get(name);
  if (!found) throw new TypeError(`golden case: tensor "${name}" is missing`);
  return found;
}
