/**
 * Tables that are JSON arrays of rows with a token. Small ones are held; of a large one only the places of its rows are
 * kept, and rows are read from the file when they are asked for.
 */
import type { z } from "zod";
import { FormatError } from "../errors.ts";
import {
  type ElementPlace,
  readJsonArray,
  readJsonElements,
  type ReadWatch,
} from "../io/json-array.ts";
import { createTokenIndex, type TokenIndex } from "./token-index.ts";

interface WithToken {
  readonly token: string;
}

function rowParser<T>(path: string, schema: z.ZodType<T>): (value: unknown, row: number) => T {
  return (value, row) => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new FormatError(
      "format",
      { path, row },
      `${issue.path.join(".") || "row"}: ${issue.message}. Expected a row of the nuScenes schema; fetch the tables again.`,
    );
  };
}

/** Gives all rows, checked, in their order, and keeps their tokens. */
async function scanRows<T extends WithToken>(
  path: string,
  schema: z.ZodType<T>,
  take: (row: T, place: ElementPlace) => void,
  watch?: ReadWatch,
): Promise<TokenIndex> {
  const tokens = createTokenIndex();
  const parse = rowParser(path, schema);
  await readJsonArray(
    path,
    (value, place) => {
      const row = parse(value, place.row);
      if (!tokens.add(row.token)) {
        throw new FormatError(
          "format",
          { path, row: place.row },
          `token ${row.token} is that of row ${tokens.find(row.token) + 1} too; expected one row per token. Fetch the tables again.`,
        );
      }
      take(row, place);
    },
    watch,
  );
  return tokens;
}

export async function readTable<T extends WithToken>(
  path: string,
  schema: z.ZodType<T>,
): Promise<T[]> {
  const rows: T[] = [];
  await scanRows(path, schema, (row) => rows.push(row));
  return rows;
}

const numbersPerPage = 2 ** 16;

/** Numbers by position; grows without being copied. */
class NumberList {
  length = 0;
  #pages: Float64Array[] = [];
  push(value: number): void {
    if (this.length % numbersPerPage === 0) this.#pages.push(new Float64Array(numbersPerPage));
    this.#pages[this.#pages.length - 1][this.length++ % numbersPerPage] = value;
  }
  at(i: number): number {
    return this.#pages[Math.floor(i / numbersPerPage)][i % numbersPerPage];
  }
}

export interface RowIndex<T> {
  /** Rows whose group is this one, as they stand in the table. */
  inGroup(group: number): Promise<T[]>;
  /** Undefined for a token that the table does not have; in the order of the tokens. */
  withTokens(tokens: readonly string[]): Promise<(T | undefined)[]>;
}

/** Reads a table of any size once and checks every row. About 50 bytes a row stay in memory. */
export async function indexTable<T extends WithToken>(
  path: string,
  schema: z.ZodType<T>,
  groupOf: (row: T) => number,
  watch?: ReadWatch,
): Promise<RowIndex<T>> {
  const starts = new NumberList();
  const ends = new NumberList();
  const groups = new NumberList();
  const tokens = await scanRows(
    path,
    schema,
    (row, { from, to }) => {
      starts.push(from);
      ends.push(to);
      groups.push(groupOf(row));
    },
    watch,
  );
  const parse = rowParser(path, schema);
  const rowsAt = async (numbers: readonly number[]): Promise<T[]> => {
    const places = numbers.map((n) => ({ row: n + 1, from: starts.at(n), to: ends.at(n) }));
    const values = await readJsonElements(path, places);
    return values.map((value, i) => parse(value, places[i].row));
  };
  return {
    async inGroup(group) {
      const numbers: number[] = [];
      for (let n = 0; n < groups.length; n++) if (groups.at(n) === group) numbers.push(n);
      return rowsAt(numbers);
    },
    async withTokens(wanted) {
      const numbers = wanted.map((token) => tokens.find(token));
      const rows = await rowsAt(numbers.filter((n) => n >= 0));
      let next = 0;
      return numbers.map((n) => (n < 0 ? undefined : rows[next++]));
    },
  };
}
