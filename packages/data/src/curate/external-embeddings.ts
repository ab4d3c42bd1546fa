/**
 * Embeddings of another model for de-duplication: a Parquet file with the columns of Cosmos Curator (`id`, `embedding`), or
 * JSON Lines with the same fields. Held in memory, unlike our own.
 */
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DataConfigError, FormatError } from "../errors.ts";
import { readJsonl } from "../io/json.ts";
import { memoryStore, type VectorStore } from "./vector-store.ts";

const rowsPerRead = 4096;

async function* parquetRows(path: string): AsyncGenerator<unknown> {
  let file: Awaited<ReturnType<typeof asyncBufferFromFile>>;
  try {
    file = await asyncBufferFromFile(path);
  } catch (cause) {
    throw new FormatError("missing", { path }, "cannot be opened; expected a Parquet file.", {
      cause,
    });
  }
  for (let rowStart = 0; ; rowStart += rowsPerRead) {
    let rows: Record<string, unknown>[];
    try {
      rows = await parquetReadObjects({
        file,
        compressors,
        columns: ["id", "embedding"],
        rowStart,
        rowEnd: rowStart + rowsPerRead,
      });
    } catch (cause) {
      throw new FormatError(
        "format",
        { path },
        `cannot be read as Parquet with columns id and embedding: ${(cause as Error).message.split("\n")[0]}.`,
        { cause },
      );
    }
    yield* rows;
    if (rows.length < rowsPerRead) return;
  }
}

export async function readEmbeddings(path: string): Promise<VectorStore> {
  const isParquet = path.toLowerCase().endsWith(".parquet");
  if (!isParquet && !/\.jsonl$/i.test(path)) {
    throw new DataConfigError(
      `embeddings: expected a .parquet or .jsonl file with id and embedding. (${path})`,
    );
  }
  const ids: string[] = [];
  const values: number[][] = [];
  let row = 0;
  for await (const raw of isParquet ? parquetRows(path) : readJsonl(path)) {
    row++;
    const { id, embedding } = raw as { id?: unknown; embedding?: unknown };
    const numbers =
      Array.isArray(embedding) || ArrayBuffer.isView(embedding)
        ? Array.from(embedding as ArrayLike<number>, Number)
        : null;
    const dim = values[0]?.length ?? numbers?.length ?? 0;
    if (
      typeof id !== "string" ||
      numbers === null ||
      numbers.length !== dim ||
      !numbers.every(Number.isFinite)
    ) {
      throw new FormatError(
        "value",
        { path, row },
        `expected an id (text) and an embedding of ${dim || "some"} finite numbers.`,
      );
    }
    ids.push(id);
    values.push(numbers);
  }
  if (ids.length === 0) throw new FormatError("missing", { path }, "no rows; expected embeddings.");
  const dim = values[0].length;
  const flat = new Float32Array(ids.length * dim);
  values.forEach((v, i) => flat.set(v, i * dim));
  return memoryStore(ids, dim, flat);
}
