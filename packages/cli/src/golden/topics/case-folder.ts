import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

/** Reads the files that a case names; only inside its own folder. */
export function caseFolder(dir: string): {
  text(name: string): Promise<string>;
  bytes(name: string): Promise<Uint8Array>;
} {
  const path = (name: string): string => {
    if (name !== basename(name))
      throw new Error(`case file "${name}" lies outside its case folder`);
    return join(dir, name);
  };
  return {
    text: (name) => readFile(path(name), "utf8"),
    bytes: async (name) => new Uint8Array(await readFile(path(name))),
  };
}
