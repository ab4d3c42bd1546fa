/** `run.json`: what a run is, written once before it starts and checked whenever it goes on. */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { RecipeError } from "../errors.ts";
import { recipeDifferences } from "../recipe/parse.ts";
import type { TrainRecipe } from "../recipe/schema.ts";

/** Where data and code came from; the caller knows. */
export interface Provenance {
  /** Package and runtime versions by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Commit of the code, or null when it is not a checkout. */
  readonly commit: string | null;
  readonly datasetFingerprint: string;
}

export interface RunRecord extends Provenance {
  readonly schema: 1;
  readonly name: string;
  readonly stage: string;
  readonly seed: number;
  readonly recipe: TrainRecipe;
  readonly recipeHash: string;
  readonly numSamples: number;
  readonly numParameters: number;
  readonly numTrained: number;
  readonly createdAt: string;
}

/** sha256 of a value's JSON with sorted keys. */
export function hashJson(value: unknown): string {
  const sorted = JSON.stringify(value, (_, v: unknown) =>
    typeof v === "object" && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
  return createHash("sha256").update(sorted).digest("hex");
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

/**
 * Creates the run folder, or checks that an existing one is of the same recipe and data. Resuming with other code
 * versions is allowed (a fix should not throw a run away) and recorded as an event by the caller.
 */
export async function openRunFolder(folder: string, record: RunRecord): Promise<RunRecord> {
  await mkdir(join(folder, "checkpoints"), { recursive: true });
  const path = join(folder, "run.json");
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) {
    await writeWhole(path, `${JSON.stringify(record, null, 2)}\n`);
    return record;
  }
  const before = JSON.parse(text) as RunRecord;
  const advice = "Use another run name, or remove the folder to start over.";
  if (before.recipeHash !== record.recipeHash)
    throw new RecipeError(
      `${folder}: this run was started with another recipe. Before and now differ in\n  ${recipeDifferences(before.recipe, record.recipe).join("\n  ")}\n${advice}`,
    );
  if (before.datasetFingerprint !== record.datasetFingerprint)
    throw new RecipeError(
      `${folder}: this run was started on dataset ${before.datasetFingerprint}; now it is ${record.datasetFingerprint}. ${advice}`,
    );
  return before;
}
