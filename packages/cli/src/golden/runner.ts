import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Registry } from "./registry.ts";
import { type GoldenResult, stringField } from "./topic.ts";

/** A line of output: a result, or a case that nothing here can check (`passed` is null, never true). */
export type GoldenLine = Omit<GoldenResult, "passed"> & { readonly passed: boolean | null };

export interface GoldenTotals {
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
}

const skippedDirs = new Set(["node_modules", ".git"]);

/** Every folder at or below `root` that holds a `case.json`, sorted. Throws when `root` cannot be read. */
export async function findCaseDirs(root: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (dir: string): Promise<void> => {
    const entries = await readdir(dir, { withFileTypes: true });
    if (entries.some((e) => e.name === "case.json" && !e.isDirectory())) found.push(dir);
    for (const entry of entries) {
      if (entry.isDirectory() && !skippedDirs.has(entry.name)) await visit(join(dir, entry.name));
    }
  };
  await visit(root);
  return found.sort();
}

/** The name that an unknown case goes by: its own `topic`, its schema, else the folder that groups it. */
function guessTopic(caseJson: unknown, dir: string): string {
  const schema = stringField(caseJson, "schema")?.replace(/(-reference)?\/\d+$/, "");
  return stringField(caseJson, "topic") ?? schema ?? basename(dirname(dir));
}

const guessCase = (caseJson: unknown, dir: string): string =>
  stringField(caseJson, "id") ?? stringField(caseJson, "case") ?? basename(dir);

const messageOf = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).replace(/\s+/g, " ");

/** Runs all case folders below `roots` through the topics that recognise them; `emit` gets one line per case. */
export async function runGoldens(
  roots: readonly string[],
  registry: Registry,
  emit: (line: GoldenLine) => void,
): Promise<GoldenTotals> {
  const totals = { passed: 0, failed: 0, notRun: 0 };
  const report = (line: GoldenLine): void => {
    if (line.passed === null) totals.notRun++;
    else if (line.passed) totals.passed++;
    else totals.failed++;
    emit(line);
  };
  const fail = (topic: string, name: string, note: string): void =>
    report({ topic, case: name, passed: false, worst: null, tolerance: "", note });
  const skip = (topic: string, name: string, note: string): void =>
    report({ topic, case: name, passed: null, worst: null, tolerance: "", note });

  for (const { file, message } of registry.broken) fail(file, "(load)", message);

  const dirs = new Set<string>();
  for (const root of roots) for (const dir of await findCaseDirs(root)) dirs.add(dir);
  for (const dir of dirs) {
    let caseJson: unknown;
    try {
      caseJson = JSON.parse(await readFile(join(dir, "case.json"), "utf8"));
    } catch (error) {
      fail(basename(dirname(dir)), basename(dir), `case.json: ${messageOf(error)}`);
      continue;
    }
    const topics = registry.topics.filter((t) => t.matches(caseJson, dir));
    if (topics.length === 0) {
      const known = registry.topics.map((t) => t.name).join(", ") || "none";
      const note = `not run: no topic recognises this case. Known topics: ${known}`;
      skip(guessTopic(caseJson, dir), guessCase(caseJson, dir), note);
    }
    for (const topic of topics) {
      try {
        const results = await topic.run(dir, caseJson);
        if (results.length === 0)
          skip(topic.name, guessCase(caseJson, dir), "not run: the topic found nothing to check");
        for (const result of results) report(result);
      } catch (error) {
        fail(topic.name, guessCase(caseJson, dir), messageOf(error));
      }
    }
  }
  return totals;
}
