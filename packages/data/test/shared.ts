/** The folder of shared reference data, which most checkouts lack; tests that need it say that they were skipped. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const shared = process.env.CAUSEWAY_SHARED ?? resolve(import.meta.dirname, "../../../../shared");

/** Path below the shared folder, or null when it is not there. */
export function sharedPath(...parts: string[]): string | null {
  const path = join(shared, ...parts);
  return existsSync(path) ? path : null;
}
