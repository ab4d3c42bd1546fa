import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { FormatError } from "../errors.ts";
import {
  bytesFromFloats,
  elementBytes,
  floatsFromBytes,
  integersFromBytes,
  type SafetensorsDtype,
} from "./dtypes.ts";
import {
  formatHeader,
  headerLength,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from "./header.ts";

/** float32 values with their shape. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * One open safetensors file. Memory: the header only; a tensor is read when asked for, by window if it is large.
 * Not for concurrent writers. Close it.
 */
export class SafetensorsFile {
  readonly path: string;
  readonly header: SafetensorsHeader;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, header: SafetensorsHeader) {
    this.path = path;
    this.#handle = handle;
    this.header = header;
  }

  static async open(path: string): Promise<SafetensorsFile> {
    // Before opening: a pipe or a device would block or never end.
    const { size, isFile } = await stat(path).then((info) => ({
      size: info.size,
      isFile: info.isFile(),
    }));
    if (!isFile) throw new FormatError(`safetensors: not a file. (${path})`);
    const handle = await open(path, "r");
    try {
      const first = new Uint8Array(8);
      if (size >= 8) await readFully(handle, first, 0, path);
      const length = headerLength(first, size, path);
      const bytes = new Uint8Array(length);
      await readFully(handle, bytes, 8, path);
      return new SafetensorsFile(path, handle, parseHeader(bytes, size - 8 - length, path));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get names(): readonly string[] {
    return [...this.header.tensors.keys()];
  }

  has(name: string): boolean {
    return this.header.tensors.has(name);
  }

  entry(name: string): TensorEntry {
    const entry = this.header.tensors.get(name);
    if (entry === undefined) {
      const known = this.names.slice(0, 6).join(", ");
      throw new FormatError(
        `safetensors: no tensor "${name}"; the file has ${this.header.tensors.size} tensors (${known}, …). (${this.path})`,
      );
    }
    return entry;
  }

  /** Raw bytes of elements [first, first + count) in row-major order. */
  async bytes(name: string, first = 0, count?: number): Promise<Uint8Array> {
    const { dtype, begin, end } = this.entry(name);
    const size = elementBytes[dtype];
    const total = (end - begin) / size;
    const wanted = count ?? total - first;
    if (first < 0 || wanted < 0 || first + wanted > total) {
      throw new RangeError(
        `safetensors: window [${first}, ${first + wanted}) is outside tensor "${name}" with ${total} elements. (${this.path})`,
      );
    }
    const out = new Uint8Array(wanted * size);
    await readFully(this.#handle, out, this.header.dataStart + begin + first * size, this.path);
    return out;
  }

  /** A tensor of any dtype as float32. */
  async floats(name: string): Promise<FloatTensor> {
    const { dtype, shape } = this.entry(name);
    return { shape, data: floatsFromBytes(await this.bytes(name), dtype) };
  }

  /** Elements [first, first + count) of a tensor as float32: for tensors too large to hold at once. */
  async floatWindow(name: string, first: number, count: number): Promise<Float32Array> {
    return floatsFromBytes(await this.bytes(name, first, count), this.entry(name).dtype);
  }

  /** An integer or boolean tensor as numbers. */
  async integers(
    name: string,
  ): Promise<{ readonly shape: readonly number[]; readonly data: number[] }> {
    const { dtype, shape } = this.entry(name);
    return { shape, data: integersFromBytes(await this.bytes(name), dtype) };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function readFully(
  handle: FileHandle,
  into: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  let done = 0;
  while (done < into.byteLength) {
    const { bytesRead } = await handle.read(into, done, into.byteLength - done, position + done);
    if (bytesRead === 0) {
      throw new FormatError(
        `safetensors: the file ends ${into.byteLength - done} bytes early; fetch it again. (${path})`,
        position + done,
      );
    }
    done += bytesRead;
  }
}

/** A tensor to write: raw bytes of `dtype`, or float32 values that are converted to it. */
export interface TensorToWrite {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** A function is called when it is the tensor's turn, so that only one is in memory. */
  readonly data: TensorData | (() => Promise<TensorData>);
}

export type TensorData = Float32Array | Uint8Array | BigInt64Array | Int32Array;

/** A float32 tensor to write, optionally rounded to a smaller type. */
export function floatTensorToWrite(
  tensor: FloatTensor,
  dtype: "F32" | "F16" | "BF16" | "F64" = "F32",
): TensorToWrite {
  return { dtype, shape: tensor.shape, data: tensor.data };
}

async function rawBytes(
  name: string,
  { dtype, shape, data: given }: TensorToWrite,
): Promise<Uint8Array> {
  const data = typeof given === "function" ? await given() : given;
  let bytes: Uint8Array;
  if (data instanceof Float32Array) {
    if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16" && dtype !== "F64") {
      throw new TypeError(`safetensors: tensor "${name}" has float32 values but dtype ${dtype}`);
    }
    bytes = bytesFromFloats(data, dtype);
  } else bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const expected = shape.reduce((product, size) => product * size, elementBytes[dtype]);
  if (bytes.byteLength !== expected) {
    throw new RangeError(
      `safetensors: tensor "${name}" (${dtype} [${shape.join(", ")}]) needs ${expected} bytes, got ${bytes.byteLength}`,
    );
  }
  return bytes;
}

/** Writes a file so that a reader sees the old one or the whole new one: temporary name, fsync, rename. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: ReadonlyMap<string, string> = new Map([["format", "pt"]]),
): Promise<void> {
  // Sorted by name, so that equal content gives equal bytes whatever the insertion order.
  const sorted = [...tensors].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const header = formatHeader(
    sorted.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata,
  );
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, "w");
    try {
      await handle.write(header);
      for (const [name, tensor] of sorted) {
        const bytes = await rawBytes(name, tensor);
        let done = 0;
        while (done < bytes.byteLength) {
          done += (await handle.write(bytes, done, bytes.byteLength - done)).bytesWritten;
        }
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
