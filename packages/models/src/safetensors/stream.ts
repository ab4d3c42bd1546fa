import { open, rename, rm } from "node:fs/promises";
import { elementBytes, type SafetensorsDtype } from "./dtypes.ts";
import { formatHeader } from "./header.ts";

/** A tensor whose bytes are made when it is its turn to be written. */
export interface TensorSource {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Little-endian bytes in row-major order, in pieces of any size. */
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Writes tensors one after the other in the given order, so that a file may be larger than memory. Like
 * `writeSafetensors`, a reader sees the old file or the whole new one.
 */
export async function streamSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  options: {
    readonly metadata?: ReadonlyMap<string, string>;
    readonly signal?: AbortSignal;
    readonly onTensor?: (done: number, total: number) => void;
  } = {},
): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, "w");
    const writeAll = async (bytes: Uint8Array): Promise<void> => {
      for (let done = 0; done < bytes.byteLength; )
        done += (await file.write(bytes, done, bytes.byteLength - done)).bytesWritten;
    };
    try {
      await writeAll(formatHeader(tensors, options.metadata ?? new Map([["format", "pt"]])));
      for (const [i, tensor] of tensors.entries()) {
        options.signal?.throwIfAborted();
        const expected = tensor.shape.reduce((n, d) => n * d, elementBytes[tensor.dtype]);
        let written = 0;
        for await (const piece of tensor.bytes()) {
          await writeAll(piece);
          written += piece.byteLength;
        }
        if (written !== expected)
          throw new RangeError(
            `safetensors: tensor "${tensor.name}" (${tensor.dtype} [${tensor.shape.join(", ")}]) needs ${expected} bytes, got ${written}`,
          );
        options.onTensor?.(i + 1, tensors.length);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
