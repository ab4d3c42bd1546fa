/** A small Parquet table from columns. */
import { parquetWriteBuffer } from "hyparquet-writer";

export type ParquetColumn =
  | { readonly name: string; readonly type: "DOUBLE"; readonly data: ArrayLike<number | null> }
  | { readonly name: string; readonly type: "INT64"; readonly data: ArrayLike<number | null> }
  | { readonly name: string; readonly type: "BOOLEAN"; readonly data: readonly boolean[] }
  | { readonly name: string; readonly type: "STRING"; readonly data: readonly (string | null)[] };

/** The file's bytes; whole numbers go in as 64-bit integers. */
export function parquetBytes(columns: readonly ParquetColumn[]): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: columns.map(({ name, type, data }) => ({
        name,
        type,
        nullable: true,
        data:
          type === "INT64"
            ? Array.from(data, (v) => (v === null ? null : BigInt(v)))
            : Array.from<number | string | boolean | null>(data),
      })),
    }),
  );
}
