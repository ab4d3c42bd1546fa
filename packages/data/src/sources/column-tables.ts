/** Tables of named numbers, as people write them: CSV with a header, a JSON list of rows, or a JSON object of columns. */
import { FormatError } from "../errors.ts";
import { parseJson, readWholeFile } from "../io/json.ts";
import { parseCsv } from "./csv.ts";

const maxTableBytes = 512 * 2 ** 20;

export interface ColumnTable {
  readonly path: string;
  readonly names: readonly string[];
  readonly numRows: number;
  /** Row of the file, from 1, for row i. */
  rowOf(i: number): number;
  /** Finite numbers, or a `FormatError` that names the row. */
  numbers(name: string): Float64Array;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

export async function readColumns(path: string): Promise<ColumnTable> {
  const bytes = await readWholeFile(path, maxTableBytes);
  if (path.toLowerCase().endsWith(".json")) return jsonTable(path, parseJson(bytes, { path }));
  const [head, ...rows] = parseCsv(
    Buffer.from(bytes)
      .toString()
      .replace(/^\uFEFF/, ""),
  );
  if (head === undefined) {
    throw new FormatError("truncated", { path }, "is empty; expected a header line and rows.");
  }
  const names = head.map((name) => name.trim());
  if (names.some((name) => name !== "" && !Number.isNaN(Number(name)))) {
    throw new FormatError(
      "format",
      { path, row: 1 },
      `begins with numbers (${names.slice(0, 4).join(", ")}); expected a header line with the column names.`,
    );
  }
  const short = rows.findIndex((row) => row.length !== names.length);
  if (short >= 0) {
    throw new FormatError(
      "format",
      { path, row: short + 2 },
      `${rows[short].length} columns; expected ${names.length} as in the header. The row is cut or has a comma too many.`,
    );
  }
  return table(path, names, rows.length, 2, (name) => {
    const at = names.indexOf(name);
    return rows.map((row) => (row[at].trim() === "" ? Number.NaN : Number(row[at])));
  });
}

function jsonTable(path: string, value: unknown): ColumnTable {
  if (Array.isArray(value)) {
    const bad = value.findIndex((row) => !isRecord(row));
    if (bad >= 0) {
      throw new FormatError(
        "format",
        { path, row: bad + 1 },
        "is no object; expected a list of rows like { t: 0, x: 0, y: 0 }.",
      );
    }
    const rows = value as Record<string, unknown>[];
    const names = Object.keys(rows[0] ?? {});
    return table(path, names, rows.length, 1, (name) => rows.map((row) => row[name]));
  }
  if (isRecord(value) && Object.values(value).every(Array.isArray)) {
    const columns = value as Record<string, unknown[]>;
    const names = Object.keys(columns);
    const lengths = new Set(names.map((name) => columns[name].length));
    if (lengths.size > 1) {
      throw new FormatError(
        "format",
        { path },
        `columns have ${names.map((n) => `${n} ${columns[n].length}`).join(", ")} rows; expected as many in each.`,
      );
    }
    return table(path, names, [...lengths][0] ?? 0, 1, (name) => columns[name]);
  }
  throw new FormatError(
    "format",
    { path },
    "holds neither a list of rows nor an object of columns; expected [{ t, x, y, … }, …] or { t: […], x: […], … }.",
  );
}

function table(
  path: string,
  names: readonly string[],
  numRows: number,
  firstRow: number,
  column: (name: string) => readonly unknown[],
): ColumnTable {
  return {
    path,
    names,
    numRows,
    rowOf: (i) => i + firstRow,
    numbers(name) {
      return Float64Array.from(column(name), (value, i) => {
        if (typeof value === "number" && Number.isFinite(value)) return value;
        const shown =
          value === undefined || Number.isNaN(value) ? "no number" : JSON.stringify(value);
        throw new FormatError(
          "value",
          { path, row: i + firstRow },
          `${name} is ${shown}; expected a finite number. Repair the row or cut the recording there.`,
        );
      });
    },
  };
}

/** Microseconds per unit of a time column, by the end of its name; null where the name does not say. */
export function unitOfName(name: string): number | null {
  const unit = /(?:^|_)(s|sec|secs|seconds|ms|us|ns)$/.exec(name.toLowerCase())?.[1] ?? "";
  return unit === "ms" ? 1e3 : unit === "us" ? 1 : unit === "ns" ? 1e-3 : unit === "" ? null : 1e6;
}

/** The time column of a table and its times in microseconds (not yet counted from anything). */
export function timesUsOf(
  columns: ColumnTable,
  asked: { readonly column?: string; readonly unitUs?: number },
): Float64Array {
  const { path, names } = columns;
  const isTime = (name: string) =>
    /^(t|time|times|timestamp|timestamps|stamp)(_(s|sec|secs|seconds|ms|us|ns))?$/i.test(name);
  const name = asked.column ?? (names.length === 1 ? names[0] : names.find(isTime));
  if (name === undefined || !names.includes(name)) {
    throw new FormatError(
      "missing",
      { path },
      `no column ${asked.column ?? 't (or time, timestamp; with "_ms", "_us" or "_ns" where it is not seconds)'}; it has ${names.join(", ")}.`,
    );
  }
  const unit = asked.unitUs ?? unitOfName(name) ?? 1e6;
  const times = columns.numbers(name).map((v) => Math.round(v * unit));
  for (let i = 1; i < times.length; i++) {
    if (!(times[i] > times[i - 1])) {
      throw new FormatError(
        "value",
        { path, row: columns.rowOf(i) },
        `${name} is ${times[i]} us after ${times[i - 1]} us; expected increasing times. Sort the rows, or say the unit of the times.`,
      );
    }
  }
  return times;
}
