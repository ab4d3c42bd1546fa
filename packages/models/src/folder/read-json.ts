import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../errors.ts";

/** Largest accepted JSON file: a released tokenizer.json has about 11 MB. */
export const maxJsonBytes = 64 * 2 ** 20;

/**
 * One JSON file of a model folder; null when it is absent and `isOptional`. Anything but a regular file of an honest
 * size is refused before it is read, so a pipe or a 10 GB "config.json" neither hangs nor fills the memory.
 */
export async function readFolderJson(
  folder: string,
  name: string,
  options: { readonly isOptional?: boolean; readonly expected?: string } = {},
): Promise<unknown> {
  const text = await readFolderText(folder, name, options);
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    // A RangeError is the parser's stack: nesting that no honest file has.
    throw new FormatError(`${name} is not valid JSON. (${join(folder, name)})`, null, { cause });
  }
}

/** One text file of a model folder, with the same limits. */
export async function readFolderText(
  folder: string,
  name: string,
  options: { readonly isOptional?: boolean; readonly expected?: string } = {},
): Promise<string | null> {
  const path = join(folder, name);
  const info = await stat(path).catch(() => null);
  if (info === null) {
    if (options.isOptional === true) return null;
    throw new FormatError(
      `model folder: there is no ${name}${options.expected === undefined ? "" : `; expected ${options.expected}`}. (${folder})`,
    );
  }
  if (!info.isFile()) throw new FormatError(`${name} is not a file. (${path})`);
  if (info.size > maxJsonBytes) {
    throw new FormatError(
      `${name} has ${info.size} bytes; at most ${maxJsonBytes} are accepted. (${path})`,
    );
  }
  const file = await open(path, "r");
  try {
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
