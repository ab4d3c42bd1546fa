/** NumPy `.npy` arrays, versions 1 to 3, C order, little-endian numbers: what driving logs hold. Nothing pickled is read. */
import { FormatError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";

export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

const magic = Buffer.from("\x93NUMPY", "latin1");
const maxFileBytes = 2 ** 30;
const maxHeaderBytes = 64 * 1024;

const readers: Readonly<
  Record<string, { bytes: number; get: (v: DataView, at: number) => number }>
> = {
  "<f8": { bytes: 8, get: (v, at) => v.getFloat64(at, true) },
  "<f4": { bytes: 4, get: (v, at) => v.getFloat32(at, true) },
  "<i8": { bytes: 8, get: (v, at) => Number(v.getBigInt64(at, true)) },
  "<i4": { bytes: 4, get: (v, at) => v.getInt32(at, true) },
  "<u4": { bytes: 4, get: (v, at) => v.getUint32(at, true) },
  "|u1": { bytes: 1, get: (v, at) => v.getUint8(at) },
  "|b1": { bytes: 1, get: (v, at) => v.getUint8(at) },
};

export function parseNpy(bytes: Uint8Array, path: string): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 12 || !magic.equals(bytes.subarray(0, 6))) {
    throw new FormatError(
      "format",
      { path, byteOffset: 0 },
      "not a NumPy array (its first bytes are not \\x93NUMPY). Fetch the file again.",
    );
  }
  const version = bytes[6];
  const headerBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const headerAt = version === 1 ? 10 : 12;
  const dataAt = headerAt + headerBytes;
  if (version < 1 || version > 3 || headerBytes > maxHeaderBytes || dataAt > bytes.byteLength) {
    throw new FormatError(
      "format",
      { path, byteOffset: 6 },
      `NumPy header of version ${version} with ${headerBytes} bytes in a file of ${bytes.byteLength}; expected version 1 … 3. Fetch the file again.`,
    );
  }
  const header = Buffer.from(bytes.subarray(headerAt, dataAt)).toString("latin1");
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const isFortran = /'fortran_order'\s*:\s*True/.test(header);
  const shapeText = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  const reader = descr === undefined ? undefined : readers[descr];
  if (reader === undefined || shapeText === undefined || isFortran) {
    throw new FormatError(
      "unsupported",
      { path, byteOffset: headerAt },
      `NumPy header ${JSON.stringify(header.trim().slice(0, 120))}; expected C order and one of ${Object.keys(readers).join(", ")}.`,
    );
  }
  const shape = shapeText
    .split(",")
    .filter((s) => s.trim() !== "")
    .map(Number);
  const count = shape.reduce((a, b) => a * b, 1);
  const expected = dataAt + count * reader.bytes;
  if (!Number.isSafeInteger(count) || expected !== bytes.byteLength) {
    throw new FormatError(
      bytes.byteLength < expected ? "truncated" : "format",
      { path, byteOffset: Math.min(bytes.byteLength, expected) },
      `an array of shape (${shapeText}) ${descr} needs ${expected} bytes; the file has ${bytes.byteLength}. Fetch the file again.`,
    );
  }
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = reader.get(view, dataAt + i * reader.bytes);
  return { shape, values };
}

/** Reads an array and checks its shape; `null` in `shape` is any length. */
export async function readNpy(path: string, shape: readonly (number | null)[]): Promise<NpyArray> {
  const array = parseNpy(await readWholeFile(path, maxFileBytes), path);
  const fits =
    array.shape.length === shape.length &&
    shape.every((n, i) => n === null || n === array.shape[i]);
  if (!fits) {
    const want = shape.map((n) => n ?? "n").join(", ");
    throw new FormatError(
      "format",
      { path },
      `array of shape (${array.shape.join(", ")}); expected (${want}). Is this the right file?`,
    );
  }
  return array;
}
