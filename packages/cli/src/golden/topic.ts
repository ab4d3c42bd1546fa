/**
 * The contract between the golden runner and the parts of the product that it checks.
 *
 * A topic is one file in `topics/` that exports `topic: GoldenTopic`; the runner finds it by its place, so adding
 * one touches nothing else. Import the code under test inside `run` (`await import("@causeway/models")`): a run
 * over one folder then loads only what that folder needs.
 *
 * A topic recognises a case by the shape of its `case.json` (a `topic`, a `schema`, the keys that it needs), never
 * by the name of a known case, so that other folders of the same form run too.
 */
export interface GoldenTopic {
  /** Short id, e.g. "onnx-ops". */
  readonly name: string;
  /** Cheap and total: must not throw on any JSON value. `dir` is the folder that holds `case.json`. */
  matches(caseJson: unknown, dir: string): boolean;
  /** One result per case in the folder (a `case.json` may hold many). Throwing fails the whole folder, not the run. */
  run(dir: string, caseJson: unknown): Promise<GoldenResult[]>;
}

export interface GoldenResult {
  readonly topic: string;
  /** Unique within the topic, e.g. "matmul/batched". */
  readonly case: string;
  readonly passed: boolean;
  /** Largest error in the unit of `tolerance`; null where the comparison is exact (text, ids) or did not run. */
  readonly worst: number | null;
  /** In words, with the numbers: "abs 1e-6 + rel 1e-5", "exact". */
  readonly tolerance: string;
  /** Why it failed, or what was left out; empty when there is nothing to say. */
  readonly note: string;
}

/** Reads a string field of an unknown JSON value. */
export function stringField(value: unknown, key: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  const field = (value as Record<string, unknown>)[key];
  return typeof field === "string" ? field : null;
}
