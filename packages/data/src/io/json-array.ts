/**
 * Files that are one JSON array, of any size: elements are found by their quotes and brackets while the bytes come, and
 * each is given to JSON.parse on its own. What is kept of them is the caller's choice; they can be read again by place.
 *
 * Streaming parsers from npm build each value from tokens (2.5 to 8 times the CPU time, bench/reports), do not say where an
 * element is, and have no limit on its size or depth.
 */
import { isUtf8 } from "node:buffer";
import { FormatError, type InputPlace } from "../errors.ts";
import { type JsonLimits, openInput, parseText } from "./json.ts";

/** Per element. */
const elementLimits: JsonLimits = { maxBytes: 2 ** 20, maxDepth: 16 };
const chunkBytes = 2 ** 20;
/** What lies between two elements is read rather than jumped over, up to this. */
const gapBytes = 2 ** 16;
const spanBytes = 2 ** 22;

export interface ElementPlace {
  /** Counted from 1. */
  readonly row: number;
  /** First byte in the file, and the byte after the last; white space around the element is part of it. */
  readonly from: number;
  readonly to: number;
}

export interface ArraySplitter {
  /** Takes the next bytes; the caller may overwrite them afterwards. */
  push(chunk: Uint8Array): void;
  /** The file ends here. */
  end(): void;
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const isSpace = (c: number) => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;

/** Calls `take` with each element of the array; its bytes are valid during the call only. */
export function createArraySplitter(
  path: string,
  take: (bytes: Uint8Array, place: ElementPlace) => void,
  limits: JsonLimits = elementLimits,
): ArraySplitter {
  let part: "before" | "inside" | "after" = "before";
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  let row = 1;
  /** Bytes of earlier chunks: all of them, and those of the element that goes on. */
  let passed = 0;
  let begun: Uint8Array[] = [];
  let begunBytes = 0;

  const requireShort = (bytes: number): void => {
    if (bytes <= limits.maxBytes) return;
    throw new FormatError(
      "limit",
      { path, row },
      `is longer than ${limits.maxBytes} bytes; a quote or a bracket of it is not closed. Fetch or write the file again.`,
    );
  };
  const finish = (chunk: Uint8Array, from: number, to: number, isLast: boolean): void => {
    requireShort(begunBytes + to - from);
    const here = chunk.subarray(from, to);
    const bytes = begunBytes === 0 ? here : Buffer.concat([...begun, here]);
    const place = { row, from: passed + from - begunBytes, to: passed + to };
    begun = [];
    begunBytes = 0;
    if (bytes.every(isSpace)) {
      if (isLast && row === 1) return;
      throw new FormatError(
        "format",
        { path, row, byteOffset: place.from },
        "is empty; expected a value between two commas. Fetch or write the file again.",
      );
    }
    take(bytes, place);
    row++;
  };
  /** Returns where the array ends in the chunk, or the chunk's length. */
  const scan = (chunk: Uint8Array, start: number): number => {
    let from = start;
    // Copies: variables of the closure are slow, and this loop sees every byte.
    let [level, inString, escaped] = [depth, isInString, isEscaped];
    for (let i = start; i < chunk.length; i++) {
      const c = chunk[i];
      if (inString) {
        if (escaped) escaped = false;
        else if (c === backslash) escaped = true;
        else if (c === quote) inString = false;
      } else if (c === quote) inString = true;
      else if (c === openObject || c === openList) {
        if (++level <= limits.maxDepth) continue;
        throw new FormatError(
          "limit",
          { path, row, byteOffset: passed + i },
          `is nested deeper than ${limits.maxDepth} levels. The file is damaged or hostile.`,
        );
      } else if (c === closeList && level === 0) {
        finish(chunk, from, i, true);
        part = "after";
        return i + 1;
      } else if (c === closeObject || c === closeList) {
        // One too many is for JSON.parse to name.
        if (level > 0) level--;
      } else if (c === comma && level === 0) {
        finish(chunk, from, i, false);
        from = i + 1;
      }
    }
    [depth, isInString, isEscaped] = [level, inString, escaped];
    requireShort(begunBytes + chunk.length - from);
    begun.push(chunk.slice(from));
    begunBytes += chunk.length - from;
    return chunk.length;
  };
  const skipSpace = (chunk: Uint8Array, start: number): number => {
    let i = start;
    while (i < chunk.length && isSpace(chunk[i])) i++;
    return i;
  };
  return {
    push(chunk) {
      let i = 0;
      if (part === "before") {
        i = skipSpace(chunk, i);
        if (i < chunk.length && chunk[i] !== openList) {
          throw new FormatError(
            "format",
            { path, byteOffset: passed + i },
            "holds no list; expected a JSON file of one list. Check that it is the right file.",
          );
        }
        if (i < chunk.length) {
          part = "inside";
          i++;
        }
      }
      if (part === "inside") i = scan(chunk, i);
      if (part === "after") {
        i = skipSpace(chunk, i);
        if (i < chunk.length) {
          throw new FormatError(
            "format",
            { path, byteOffset: passed + i },
            `goes on after its list of ${row - 1} rows; expected the end of the file. Fetch or write it again.`,
          );
        }
      }
      passed += chunk.length;
    },
    end() {
      if (part === "after") return;
      const where =
        part === "before" ? { path, byteOffset: passed } : { path, row, byteOffset: passed };
      throw new FormatError(
        "truncated",
        where,
        part === "before"
          ? "the file is empty; expected a JSON list. Fetch or write it again."
          : `the file ends inside its list, after ${row - 1} whole rows. Fetch or write it again.`,
      );
    },
  };
}

function parseElement(bytes: Uint8Array, place: InputPlace): unknown {
  if (isUtf8(bytes)) return parseText(bytes, place);
  throw new FormatError(
    "format",
    place,
    "has bytes that are not UTF-8; expected JSON text. The file is damaged: fetch or write it again.",
  );
}

/** For work that takes long enough to be watched or stopped. */
export interface ReadWatch {
  onBytes?(done: number): void;
  readonly signal?: AbortSignal;
}

/** Calls `take` with each value of the array. An error names the file, the row, or the byte. */
export async function readJsonArray(
  path: string,
  take: (value: unknown, place: ElementPlace) => void,
  { onBytes, signal }: ReadWatch = {},
): Promise<void> {
  const handle = await openInput(path);
  try {
    const splitter = createArraySplitter(path, (bytes, place) =>
      take(parseElement(bytes, { path, row: place.row }), place),
    );
    const chunk = new Uint8Array(chunkBytes);
    for (let done = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, done);
      if (bytesRead === 0) break;
      splitter.push(chunk.subarray(0, bytesRead));
      done += bytesRead;
      onBytes?.(done);
    }
    splitter.end();
  } finally {
    await handle.close();
  }
}

/** The values at places that `readJsonArray` gave, in the order that they are asked for. */
export async function readJsonElements(
  path: string,
  places: readonly ElementPlace[],
): Promise<unknown[]> {
  const values = Array.from<unknown>({ length: places.length });
  const order = places
    .map((place, i) => ({ place, i }))
    .sort((a, b) => a.place.from - b.place.from);
  const handle = await openInput(path);
  try {
    for (let first = 0, next = 0; first < order.length; first = next) {
      const { from } = order[first].place;
      let { to } = order[first].place;
      for (next = first + 1; next < order.length; next++) {
        const { place } = order[next];
        if (place.from > to + gapBytes || place.to > from + spanBytes) break;
        to = Math.max(to, place.to);
      }
      const bytes = new Uint8Array(to - from);
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, from + done);
        if (bytesRead === 0) {
          throw new FormatError(
            "truncated",
            { path, byteOffset: from + done },
            "the file became shorter while it was in use. Import again.",
          );
        }
        done += bytesRead;
      }
      for (const { place, i } of order.slice(first, next)) {
        const own = bytes.subarray(place.from - from, place.to - from);
        values[i] = parseElement(own, { path, row: place.row });
      }
    }
    return values;
  } finally {
    await handle.close();
  }
}
