/** Embeddings by row, in memory or in a file, so that a step that works on parts of them holds only those parts. */
import { open } from "node:fs/promises";
import { DataConfigError, FormatError } from "../errors.ts";
import { type AtomicOptions, atomicWrite } from "../io/atomic.ts";

export interface VectorStore {
  /** One per row. */
  readonly ids: readonly string[];
  readonly dim: number;
  /** Rows one after another, in the order asked for. */
  gather(rows: readonly number[]): Promise<Float32Array>;
}

/** @param values ids.length x dim */
export function memoryStore(
  ids: readonly string[],
  dim: number,
  values: Float32Array,
): VectorStore {
  if (values.length !== ids.length * dim) {
    throw new DataConfigError(
      `embeddings: ${values.length} numbers for ${ids.length} rows of ${dim}; expected ${ids.length * dim}.`,
    );
  }
  return {
    ids,
    dim,
    async gather(rows) {
      const out = new Float32Array(rows.length * dim);
      rows.forEach((row, i) => out.set(values.subarray(row * dim, (row + 1) * dim), i * dim));
      return out;
    },
  };
}

/** Writes rows of little-endian float32, `dim` each. Returns their number. */
export async function writeVectors(
  path: string,
  dim: number,
  rows: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  options: AtomicOptions = {},
): Promise<number> {
  let count = 0;
  await atomicWrite(
    path,
    async (sink) => {
      for await (const row of rows) {
        if (row.length !== dim) {
          throw new DataConfigError(
            `embeddings: row ${count + 1} has ${row.length} numbers; expected ${dim} as the others.`,
          );
        }
        const bytes = Buffer.alloc(4 * dim);
        row.forEach((v, j) => bytes.writeFloatLE(v, 4 * j));
        await sink.write(bytes);
        count++;
      }
    },
    options,
  );
  return count;
}

/** Opens a file of `writeVectors`; reads only the rows asked for, neighbours in one go. */
export async function openVectors(
  path: string,
  ids: readonly string[],
  dim: number,
): Promise<VectorStore & { close(): Promise<void> }> {
  const file = await open(path, "r");
  const { size } = await file.stat();
  if (size !== 4 * dim * ids.length) {
    await file.close();
    throw new FormatError(
      "format",
      { path },
      `${size} bytes; expected ${4 * dim * ids.length} (${ids.length} rows of ${dim} float32). Delete it and run curate again.`,
    );
  }
  return {
    ids,
    dim,
    async gather(rows) {
      const out = Buffer.alloc(4 * dim * rows.length);
      for (let i = 0; i < rows.length; ) {
        let end = i + 1;
        while (end < rows.length && rows[end] === rows[end - 1] + 1) end++;
        const length = 4 * dim * (end - i);
        await file.read(out, 4 * dim * i, length, 4 * dim * rows[i]);
        i = end;
      }
      const values = new Float32Array(rows.length * dim);
      for (let i = 0; i < values.length; i++) values[i] = out.readFloatLE(4 * i);
      return values;
    },
    close: () => file.close(),
  };
}
