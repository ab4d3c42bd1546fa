/** Parquet tables at the edge: rows as plain objects, 64-bit integers as numbers, errors that name the file. */
import { FormatError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";

const maxFileBytes = 2 ** 30;

export type ParquetRow = Readonly<Record<string, unknown>>;

/** Reads all rows of `columns` (default: every column). `bytes` is the file's content where it lies in an archive. */
export async function readParquet(
  path: string,
  options: { readonly columns?: readonly string[]; readonly bytes?: Uint8Array } = {},
): Promise<ParquetRow[]> {
  const content = options.bytes ?? (await readWholeFile(path, maxFileBytes));
  const [{ parquetMetadata, parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const file =
    content.byteLength === content.buffer.byteLength
      ? (content.buffer as ArrayBuffer)
      : (content.slice().buffer as ArrayBuffer);
  let rows: Record<string, unknown>[];
  try {
    const { schema } = parquetMetadata(file);
    const there = schema.slice(1).map((s) => s.name);
    const missing = (options.columns ?? []).filter((c) => !there.includes(c));
    if (missing.length > 0) {
      throw new FormatError(
        "missing",
        { path },
        `has no column ${missing.join(", ")}; it has ${there.join(", ")}. Check that this is the right file.`,
      );
    }
    rows = await parquetReadObjects({
      file,
      compressors,
      ...(options.columns === undefined ? {} : { columns: [...options.columns] }),
    });
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      "format",
      { path },
      `cannot be read as Parquet: ${(cause as Error).message.split("\n")[0]}. The file is cut or damaged; fetch it again.`,
      { cause },
    );
  }
  for (const row of rows) {
    for (const key of Object.keys(row)) {
      const value = row[key];
      if (typeof value === "bigint") row[key] = Number(value);
    }
  }
  return rows;
}

/** A column of finite numbers; an error names file, row and value. */
export function numbersOf(path: string, rows: readonly ParquetRow[], name: string): Float64Array {
  return Float64Array.from(rows, (row, i) => {
    const value = row[name];
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new FormatError(
        "value",
        { path, row: i + 1 },
        `${name} is ${String(value)}; expected a finite number. Repair the row or leave the recording out.`,
      );
    }
    return value;
  });
}
