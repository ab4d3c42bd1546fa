/** `run.json` of a run folder, and what commands that work on an existing run need of it. */
import { basename, join, resolve } from "node:path";
import type { Provenance } from "@causeway/train";
import { UserError } from "./errors.ts";
import { hashFile, hashText } from "./pipeline/content-hash.ts";
import { writeJsonAtomic } from "./pipeline/atomic-file.ts";
import { finishedDigest } from "./pipeline/run-stages.ts";
import { readJsonFile } from "./read-json.ts";
import { parseRunRecipe, type RunRecipe } from "./recipe/run-recipe.ts";
import { ownData } from "./stages/build-stages.ts";

export interface RunRecord extends Omit<Provenance, "datasetFingerprint"> {
  readonly schema: 1;
  readonly recipe: RunRecipe;
  readonly seed: number;
  /** Dataset folder: relative to the run folder when it is the run's own, else as it was given. */
  readonly dataDir: string;
}

/** Writes `run.json` unless it says the same already: a run that goes on keeps its first record. */
export async function recordRun(
  runDir: string,
  record: Omit<RunRecord, "schema" | "seed">,
): Promise<void> {
  const path = join(runDir, "run.json");
  const before = await readJsonFile<RunRecord>(path);
  const isSame =
    before !== null &&
    before.dataDir === record.dataDir &&
    JSON.stringify(before.recipe) === JSON.stringify(record.recipe);
  if (!isSame) await writeJsonAtomic(path, { schema: 1, seed: record.recipe.seed, ...record });
}

export interface OpenRun {
  readonly runDir: string;
  readonly runId: string;
  readonly record: RunRecord;
}

export async function openRun(path: string): Promise<OpenRun> {
  const runDir = resolve(path);
  const record = await readJsonFile<RunRecord>(join(runDir, "run.json"));
  if (record === null)
    throw new UserError(
      "RUN",
      `this is no run folder: it has no run.json. Make one with \`causeway run\` or \`causeway train\` (${runDir})`,
    );
  const recipe = parseRunRecipe(record.recipe, `${join(path, "run.json")}: recipe`);
  return {
    runDir,
    runId: basename(runDir),
    record: { ...record, recipe, dataDir: record.dataDir ?? ownData },
  };
}

/** Digests that stand for a dataset that is no stage of this run: its drives and its labels. */
export async function datasetDigests(dataDir: string): Promise<Map<string, string>> {
  const dataset = await readJsonFile<{ fingerprint: string }>(join(dataDir, "dataset.json"));
  if (dataset === null)
    throw new UserError(
      "DATA",
      `this is no dataset folder: it has no dataset.json. Make one with \`causeway sim\` or \`causeway import\` (${dataDir})`,
    );
  const labels = await hashFile(join(dataDir, "labels", "samples.jsonl")).catch(() => null);
  if (labels === null)
    throw new UserError(
      "LABELS",
      `this dataset has no labels yet. Run \`causeway label ${dataDir}\` first`,
    );
  return new Map([
    ["drives", dataset.fingerprint],
    ["labels", labels],
  ]);
}

/** Digests of what earlier stages left in the run folder; the data of another folder by its content. */
export async function earlierDigests(
  { runDir, record }: OpenRun,
  names: readonly string[],
): Promise<Map<string, string>> {
  const given = new Map<string, string>();
  const isOwn = record.dataDir === ownData;
  if (!isOwn)
    for (const [name, digest] of await datasetDigests(resolve(runDir, record.dataDir)))
      given.set(name, digest);
  for (const name of names) {
    if (given.has(name)) continue;
    const digest = await finishedDigest(runDir, name);
    if (digest === null)
      throw new UserError(
        "RUN",
        `stage "${name}" of this run has not finished. Run \`causeway run\` or \`causeway train\` again first (${runDir})`,
      );
    given.set(name, digest);
  }
  return given;
}

/** Content of a checkpoint folder as a digest. */
export async function checkpointDigest(dir: string): Promise<string> {
  const parts: string[] = [];
  for (const file of ["config.json", "manifest.json", "tokenizer.json", "model.safetensors"]) {
    const hash = await hashFile(join(dir, file)).catch(() => null);
    if (hash === null)
      throw new UserError(
        "CHECKPOINT",
        `this is no checkpoint folder: ${file} is missing. Expected config.json, manifest.json, tokenizer.json and model.safetensors (${dir})`,
      );
    parts.push(hash);
  }
  return hashText(parts.join(" "));
}
