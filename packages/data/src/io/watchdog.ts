/** Stops a synchronous parser that a damaged file sends round in circles; nothing in the language itself can. */
import { runInNewContext } from "node:vm";

/** Runs `work`; throws an error with code ERR_SCRIPT_EXECUTION_TIMEOUT when it takes longer. */
export function runWithin<T>(milliseconds: number, work: () => T): T {
  return runInNewContext("work()", { work }, { timeout: milliseconds }) as T;
}

export const isTimeout = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "code" in error &&
  error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
