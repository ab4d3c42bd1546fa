import { readFile } from "node:fs/promises";
import { UserError } from "./errors.ts";

/** A JSON file of our own, or null when it is not there. Its shape is the caller's claim. */
export async function readJsonFile<T>(path: string): Promise<T | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new UserError(
      "FORMAT",
      `not valid JSON: ${(cause as Error).message}. The file is damaged; delete it and run again (${path})`,
      { cause },
    );
  }
}
