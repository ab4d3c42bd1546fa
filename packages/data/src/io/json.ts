/** JSON and JSON Lines at the edge: size and depth are limited before the parser sees a byte. */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { FormatError, type InputPlace } from "../errors.ts";
import { type AtomicOptions, atomicWrite } from "./atomic.ts";

export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}
export const jsonLimits: JsonLimits = { maxBytes: 256 * 2 ** 20, maxDepth: 64 };

/** Parses JSON bytes; nesting deeper or data longer than the limits is a `FormatError`. */
export function parseJson(
  bytes: Uint8Array,
  place: InputPlace,
  limits: JsonLimits = jsonLimits,
): unknown {
  if (bytes.byteLength > limits.maxBytes) {
    throw new FormatError(
      "limit",
      place,
      `JSON of ${bytes.byteLength} bytes; expected at most ${limits.maxBytes}.`,
    );
  }
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i];
    if (isInString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) isInString = false;
    } else if (c === 0x22) isInString = true;
    else if (c === 0x7b || c === 0x5b) {
      depth++;
      if (depth > limits.maxDepth) {
        throw new FormatError(
          "limit",
          { ...place, byteOffset: (place.byteOffset ?? 0) + i },
          `JSON is nested deeper than ${limits.maxDepth} levels. The file is damaged or hostile.`,
        );
      }
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return parseText(bytes, place);
}

/** JSON whose size and depth are known to be within limits. */
export function parseText(bytes: Uint8Array, place: InputPlace): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (cause) {
    throw new FormatError(
      "format",
      place,
      `not valid JSON: ${(cause as Error).message}. Fetch or write the file again.`,
      { cause },
    );
  }
}

/** Opens a file to read; a missing one is a `FormatError`. */
export async function openInput(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw new FormatError(
      "missing",
      { path },
      `cannot be opened (${(cause as NodeJS.ErrnoException).code ?? String(cause)}); expected a readable file.`,
      { cause },
    );
  }
}

/** Reads a whole file, at most `maxBytes` of it allowed; a missing file is a `FormatError`. */
export async function readWholeFile(path: string, maxBytes: number): Promise<Uint8Array> {
  const handle = await openInput(path);
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) {
      throw new FormatError(
        "limit",
        { path },
        `file of ${size} bytes; this reader accepts at most ${maxBytes}.`,
      );
    }
    // An own ArrayBuffer: parsers that look at `.buffer` must not see a shared pool.
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const { bytesRead } = await handle.read(bytes, done, size - done, done);
      if (bytesRead === 0) {
        throw new FormatError("truncated", { path, byteOffset: done }, "the file became shorter.");
      }
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Rows of a JSON Lines file, one at a time; an error names the line. Empty lines are skipped. */
export async function* readJsonl(path: string): AsyncGenerator<unknown, void, void> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let row = 0;
  for await (const line of lines) {
    row++;
    if (line.trim() === "") continue;
    yield parseJson(Buffer.from(line), { path, row }, { maxBytes: 16 * 2 ** 20, maxDepth: 64 });
  }
}

/** Takes one row of a file that is being written. */
export type PutRow = (row: unknown) => Promise<void>;

/**
 * Writes one whole JSON Lines file from rows that `fill` puts in. Returns the number of rows. Calls may be nested, so that
 * one pass over the input fills several files; the outermost file appears last.
 */
export async function writeRows(
  path: string,
  fill: (put: PutRow) => Promise<void>,
  options: AtomicOptions = {},
): Promise<number> {
  let count = 0;
  await atomicWrite(
    path,
    async (sink) => {
      let part = "";
      await fill(async (row) => {
        part += `${JSON.stringify(row)}\n`;
        count++;
        if (part.length > 1 << 18) {
          const bytes = Buffer.from(part);
          part = "";
          await sink.write(bytes);
        }
      });
      if (part !== "") await sink.write(Buffer.from(part));
    },
    options,
  );
  return count;
}

/** Writes rows as one whole JSON Lines file. Returns the number of rows. */
export const writeJsonl = (
  path: string,
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  options: AtomicOptions = {},
): Promise<number> =>
  writeRows(
    path,
    async (put) => {
      for await (const row of rows) await put(row);
    },
    options,
  );
