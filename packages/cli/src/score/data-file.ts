/** Entries of a data file of a benchmark: a JSON list (or an object with one list), JSON Lines, or CSV. */
import { readFile, stat } from "node:fs/promises";
import { UserError } from "../errors.ts";

const maxBytes = 512 * 2 ** 20;

export async function readTextFile(path: string): Promise<string> {
  const info = await stat(path);
  if (info.size > maxBytes)
    throw new UserError(
      "INPUT",
      `the file has ${info.size} bytes; at most ${maxBytes} are read (${path})`,
    );
  return readFile(path, "utf8");
}

export interface Entries {
  readonly entries: readonly unknown[];
  /** Lines that are no JSON. */
  readonly problems: readonly { readonly where: string; readonly problem: string }[];
}

export async function readEntries(path: string): Promise<Entries> {
  const text = await readTextFile(path);
  if (/\.csv$/i.test(path)) return { entries: parseCsv(text, path), problems: [] };
  if (/\.(jsonl|ndjson)$/i.test(path)) {
    const entries: unknown[] = [];
    const problems: { where: string; problem: string }[] = [];
    text.split("\n").forEach((line, i) => {
      if (line.trim() === "") return;
      try {
        entries.push(JSON.parse(line));
      } catch (error) {
        problems.push({ where: `line ${i + 1}`, problem: (error as Error).message });
      }
    });
    return { entries, problems };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(
      "FORMAT",
      `not valid JSON: ${(cause as Error).message}. Expected a JSON list, JSON Lines (.jsonl) or CSV (.csv) (${path})`,
      { cause },
    );
  }
  if (Array.isArray(value)) return { entries: value, problems: [] };
  const lists = Object.values(value as object).filter((v) => Array.isArray(v));
  if (lists.length !== 1)
    throw new UserError(
      "FORMAT",
      `the JSON is no list and holds ${lists.length} lists; expected one list of entries (${path})`,
    );
  return { entries: lists[0] as unknown[], problems: [] };
}

/** Rows by column name, by RFC 4180: quotes, doubled quotes, line breaks within quotes. */
export function parseCsv(text: string, path: string): Record<string, string>[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let value = "";
  let isQuoted = false;
  const source = text.replace(/^\uFEFF/, "");
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    if (isQuoted) {
      if (c !== '"') value += c;
      else if (source[i + 1] === '"') {
        value += '"';
        i++;
      } else isQuoted = false;
    } else if (c === '"' && value === "") isQuoted = true;
    else if (c === ",") {
      row.push(value);
      value = "";
    } else if (c === "\n" || c === "\r") {
      if (c === "\r" && source[i + 1] === "\n") i++;
      rows.push([...row, value]);
      row = [];
      value = "";
    } else value += c;
  }
  if (isQuoted)
    throw new UserError("FORMAT", `a quoted value is never closed; expected a closing " (${path})`);
  if (value !== "" || row.length > 0) rows.push([...row, value]);
  const [header, ...body] = rows.filter((r) => r.length > 1 || r[0] !== "");
  if (header === undefined)
    throw new UserError("FORMAT", `the file is empty; expected a line of column names (${path})`);
  return body.map((values, i) => {
    if (values.length !== header.length)
      throw new UserError(
        "FORMAT",
        `row ${i + 2} has ${values.length} values; expected ${header.length} (${header.join(", ")}) (${path})`,
      );
    return Object.fromEntries(header.map((name, k) => [name.trim(), values[k]]));
  });
}

/** Replies by id from JSON Lines of {"id", "reply"}. */
export async function readReplies(path: string): Promise<ReadonlyMap<string, string>> {
  const { entries, problems } = await readEntries(path);
  const replies = new Map<string, string>();
  for (const [i, entry] of entries.entries()) {
    const { id, reply, raw } = entry as { id?: unknown; reply?: unknown; raw?: unknown };
    const text = reply ?? raw;
    if ((typeof id !== "string" && typeof id !== "number") || typeof text !== "string")
      throw new UserError("FORMAT", `entry ${i + 1} has no "id" and no "reply" as text (${path})`);
    replies.set(String(id), text);
  }
  if (problems.length > 0)
    throw new UserError("FORMAT", `${problems[0]?.where}: ${problems[0]?.problem} (${path})`);
  return replies;
}
