/** Reading and writing of artefact files. A file is whole or absent: temp file beside it, fsync, rename. */
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { EvalError } from "./errors.ts";

function writeAtomic(path: string, chunks: Iterable<string>): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.tmp-${process.pid}`;
  const file = openSync(temporary, "w");
  try {
    for (const chunk of chunks) {
      const bytes = Buffer.from(chunk, "utf8");
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    }
    fsyncSync(file);
  } catch (cause) {
    closeSync(file);
    rmSync(temporary, { force: true });
    throw cause;
  }
  closeSync(file);
  renameSync(temporary, path);
}

/** Refuses NaN and infinities, which JSON would silently turn into null. */
function toJson(value: unknown, where: string, indent?: number): string {
  return JSON.stringify(
    value,
    (key, v: unknown) => {
      if (typeof v === "number" && !Number.isFinite(v)) {
        throw new EvalError(
          "format",
          `${where}: field "${key}" is ${v}, which JSON cannot hold. Store null with a reason instead.`,
        );
      }
      return v;
    },
    indent,
  );
}

/** Writes one row per line, atomically. */
export function writeJsonl(path: string, rows: Iterable<unknown>): void {
  const lines = function* () {
    let at = 0;
    for (const row of rows) {
      at += 1;
      yield `${toJson(row, `${path} row ${at}`)}\n`;
    }
  };
  writeAtomic(path, lines());
}

/** Writes one pretty-printed JSON value, atomically. */
export function writeJson(path: string, value: unknown): void {
  writeAtomic(path, [`${toJson(value, path, 2)}\n`]);
}

/** Writes text (the report), atomically. */
export function writeText(path: string, text: string): void {
  writeAtomic(path, [text]);
}

/** Rows of a JSONL file, one at a time. The type is the caller's claim; a line that is not JSON is an error with its number. */
export async function* readJsonl<T>(path: string): AsyncGenerator<T> {
  const lines = createInterface({
    input: createReadStream(path, "utf8"),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === "") continue;
    try {
      yield JSON.parse(line) as T;
    } catch (cause) {
      throw new EvalError(
        "format",
        `line ${number}: not JSON (${(cause as Error).message}); the file is damaged or was cut. Delete it and evaluate again. (${path})`,
      );
    }
  }
}

/** All rows of a JSONL file. */
export async function readAllJsonl<T>(path: string): Promise<T[]> {
  const rows: T[] = [];
  for await (const row of readJsonl<T>(path)) rows.push(row);
  return rows;
}

/** One JSON value. The type is the caller's claim. */
export function readJson<T>(path: string): T {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new EvalError(
        "format",
        `not JSON (${cause.message}); the file is damaged or was cut. (${path})`,
      );
    }
    throw cause;
  }
}
