/** Arrow IPC ("feather") tables with LZ4 buffers as columns of numbers, big integers and strings. */
import type * as Arrow from "apache-arrow";
import { FormatError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";
import { isTimeout, runWithin } from "../io/watchdog.ts";

const maxFileBytes = 2 ** 30;
const maxRows = 50_000_000;

export interface FeatherTable {
  readonly path: string;
  readonly numRows: number;
  has(column: string): boolean;
  numbers(column: string): Float64Array;
  bigints(column: string): BigInt64Array;
  strings(column: string): readonly string[];
}

let loading: Promise<typeof Arrow> | null = null;

/** apache-arrow knows the compression but has no codec for it: register one. */
function loadArrow(): Promise<typeof Arrow> {
  loading ??= Promise.all([import("apache-arrow"), import("lz4js")]).then(([arrow, lz4]) => {
    const codec = "default" in lz4 ? (lz4.default as typeof lz4) : lz4;
    arrow.compressionRegistry.set(arrow.CompressionType.LZ4_FRAME, {
      decode(bytes: Uint8Array) {
        // LZ4 cannot shrink data more than 255 times: a frame that claims more is damaged.
        const claimed = codec.decompressBound(bytes);
        const bound = Math.min(claimed, bytes.byteLength * 255 + 65536);
        return codec.decompress(bytes, bound);
      },
    });
    return arrow;
  });
  return loading;
}

/** Far more than any log needs; the Arrow reader loops for hours over some damaged files. */
const defaultMaxMs = 30_000;

export async function readFeather(path: string, maxMs = defaultMaxMs): Promise<FeatherTable> {
  const bytes = await readWholeFile(path, maxFileBytes);
  const arrow = await loadArrow();
  const damaged = (cause: unknown) =>
    new FormatError(
      "format",
      { path },
      `cannot be read as an Arrow table: ${cause instanceof Error ? cause.message : String(cause)}. The file is damaged or cut (${bytes.byteLength} bytes); fetch it again.`,
      { cause },
    );
  /** Damaged buffers show only when they are read, so reading goes through here too. */
  const guarded = <T>(read: () => T): T => {
    try {
      return runWithin(maxMs, read);
    } catch (cause) {
      if (cause instanceof FormatError) throw cause;
      throw damaged(isTimeout(cause) ? `it takes longer than ${maxMs / 1000} s` : cause);
    }
  };
  const table = guarded(() => arrow.tableFromIPC(bytes));
  if (table.numCols === 0 || table.numRows > maxRows) {
    throw damaged(`${table.numCols} columns and ${table.numRows} rows`);
  }
  const column = (name: string): Arrow.Vector => {
    const vector = table.getChild(name);
    if (vector === null) {
      throw new FormatError(
        "missing",
        { path },
        `no column "${name}"; it has ${table.schema.fields.map((f) => f.name).join(", ")}. Is this the right file?`,
      );
    }
    return vector;
  };
  /** The column, which must have a value in every row. */
  const filled = (name: string): Arrow.Vector => {
    const vector = column(name);
    if (vector.nullCount > 0) {
      const row = Array.from({ length: vector.length }, (_, i) => i).find(
        (i) => !vector.isValid(i),
      );
      throw new FormatError(
        "value",
        { path, row: (row ?? 0) + 1 },
        `column "${name}" is empty; expected a value. Leave the log out, or repair the row.`,
      );
    }
    return vector;
  };
  return {
    path,
    numRows: table.numRows,
    has: (name) => table.getChild(name) !== null,
    numbers: (name) =>
      guarded(() => {
        const values = filled(name).toArray() as ArrayLike<number> | ArrayLike<bigint>;
        return Float64Array.from(values as ArrayLike<number>, Number);
      }),
    bigints: (name) =>
      guarded(() => {
        const values: unknown = filled(name).toArray();
        if (!(values instanceof BigInt64Array)) {
          throw new FormatError(
            "format",
            { path },
            `column "${name}" has type ${column(name).type}; expected Int64.`,
          );
        }
        return values;
      }),
    strings: (name) => guarded(() => Array.from(filled(name), String)),
  };
}

/** Throws at the first NaN or infinity of the columns. */
export function requireFiniteColumns(
  table: FeatherTable,
  columns: Readonly<Record<string, Float64Array>>,
): void {
  for (const [name, values] of Object.entries(columns)) {
    const bad = values.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) {
      throw new FormatError(
        "value",
        { path: table.path, row: bad + 1 },
        `column "${name}" is ${values[bad]}; expected a finite number. Leave the log out, or repair the row.`,
      );
    }
  }
}
