/** Rows of a JSON Lines file by a key of theirs, read when asked for: only where each row lies is kept in memory. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { parseJson } from "./json.ts";

export interface JsonlGroups {
  readonly keys: ReadonlySet<string>;
  /** Rows of a key in file order; none for a key that is not there. */
  rows(key: string): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

const rowLimits = { maxBytes: 16 * 2 ** 20, maxDepth: 64 };

/** Reads the file once to find the rows. `keyOf` gives null for rows to leave out. */
export async function openJsonlGroups(
  path: string,
  keyOf: (row: unknown) => string | null,
): Promise<JsonlGroups> {
  /** Per key: byte, length and line number, three numbers a row. */
  const places = new Map<string, number[]>();
  let at = 0;
  let line = 0;
  let pending: Uint8Array[] = [];
  const take = (bytes: Uint8Array) => {
    line++;
    if (bytes.byteLength > 0 && Buffer.from(bytes).toString().trim() !== "") {
      const key = keyOf(parseJson(bytes, { path, row: line }, rowLimits));
      if (key !== null) {
        const list = places.get(key) ?? [];
        list.push(at, bytes.byteLength, line);
        places.set(key, list);
      }
    }
    at += bytes.byteLength + 1;
  };
  for await (const chunk of createReadStream(path)) {
    let rest = chunk as Uint8Array;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      take(
        pending.length === 0
          ? rest.subarray(0, end)
          : Buffer.concat([...pending, rest.subarray(0, end)]),
      );
      pending = [];
      rest = rest.subarray(end + 1);
    }
    if (rest.byteLength > 0) pending.push(rest);
  }
  if (pending.length > 0) take(Buffer.concat(pending));
  const handle = await open(path, "r");
  return {
    keys: new Set(places.keys()),
    async rows(key) {
      const list = places.get(key) ?? [];
      const rows: unknown[] = [];
      for (let i = 0; i < list.length; i += 3) {
        const bytes = new Uint8Array(list[i + 1]);
        await handle.read(bytes, 0, bytes.byteLength, list[i]);
        rows.push(parseJson(bytes, { path, row: list[i + 2] }, rowLimits));
      }
      return rows;
    },
    close: () => handle.close(),
  };
}
