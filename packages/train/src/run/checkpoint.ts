/**
 * Checkpoint folders: `checkpoints/step_N/` with model.safetensors, optimizer.safetensors, trainer.json, lineage.json
 * and the files of the task (config.json, tokenizer.json). Written under a temporary name, synced, then renamed, so
 * that a folder called step_N is always whole. The same state gives the same bytes: no clocks, no paths inside.
 */
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SafetensorsFile, writeSafetensors } from "@causeway/models";
import type { Tensor } from "@causeway/graph";
import { CheckpointError } from "../errors.ts";
import { type Lineage, parseLineage } from "./lineage.ts";
import { storageFailure } from "./storage-failure.ts";

/** Everything besides weights that the loop needs to go on exactly. */
export interface TrainerState {
  readonly schema: 1;
  /** Optimiser steps done. */
  readonly step: number;
  /** Updates applied: steps without those skipped for a gradient that was not finite. */
  readonly optimizerSteps: number;
  /** Skipped steps in a row, at the end. */
  readonly skippedInARow: number;
  readonly numSamplesSeen: number;
  readonly numTokensSeen: number;
  /** Data order and every random draw are functions of this seed and the step. */
  readonly seed: number;
  readonly stage: string;
  /** sha256 of the resolved recipe. */
  readonly recipeHash: string;
  readonly datasetFingerprint: string;
}

export interface CheckpointContent {
  readonly weights: ReadonlyMap<string, Tensor>;
  /** Of the weights in their file; optimiser arrays are always float32. */
  readonly storage: "float32" | "bfloat16";
  /** Optimiser arrays per weight: "exp_avg.<weight>", …, and "master.<weight>" where weights are stored rounded. */
  readonly optimizer: ReadonlyMap<string, Tensor>;
  readonly state: TrainerState;
  readonly lineage: Lineage;
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Writes more into the folder. */
  readonly write?: (folder: string) => Promise<void>;
}

/** The writes of a checkpoint; tests pass one that fails. */
export interface CheckpointFs {
  makeFolder(path: string): Promise<void>;
  writeFile(path: string, data: string | Uint8Array): Promise<void>;
  writeTensors(
    path: string,
    tensors: ReadonlyMap<string, Tensor>,
    storage: "float32" | "bfloat16",
  ): Promise<void>;
  syncFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

export const nodeCheckpointFs: CheckpointFs = {
  makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
  writeFile: (path, data) => writeFile(path, data, { flush: true }),
  writeTensors: (path, tensors, storage) =>
    writeSafetensors(
      path,
      new Map(
        [...tensors].map(([name, { shape, data }]) => [
          name,
          {
            dtype: storage === "bfloat16" ? "BF16" : "F32",
            shape,
            data: data as Float32Array,
          },
        ]),
      ),
    ),
  async syncFolder(path) {
    // Windows cannot open folders; there the rename itself is what we get.
    if (process.platform === "win32") return;
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
};

const stepFolder = /^step_(\d+)$/;
const leftover = /^\.(partial|deleted)-/;

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Steps that have a checkpoint, ascending. An absent folder has none. */
export async function listCheckpoints(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names
    .flatMap((n) => (stepFolder.test(n) ? [Number(stepFolder.exec(n)?.[1])] : []))
    .sort((a, b) => a - b);
}

export const checkpointPath = (folder: string, step: number): string =>
  join(folder, `step_${step}`);

/** Removes what killed writers left behind. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names)
    if (leftover.test(name)) await rm(join(folder, name), { recursive: true, force: true });
}

/**
 * Writes `folder/step_N` and removes all but the newest `keepLast` checkpoints. On failure nothing of the new one
 * remains and the older ones are untouched.
 */
export async function writeCheckpoint(
  folder: string,
  content: CheckpointContent,
  keepLast: number,
  fs: CheckpointFs = nodeCheckpointFs,
): Promise<string> {
  const { step } = content.state;
  const target = checkpointPath(folder, step);
  const partial = join(folder, `.partial-step_${step}`);
  try {
    await fs.makeFolder(folder);
    await fs.remove(partial);
    await fs.makeFolder(partial);
    await fs.writeTensors(join(partial, "model.safetensors"), content.weights, content.storage);
    await fs.writeTensors(join(partial, "optimizer.safetensors"), content.optimizer, "float32");
    for (const [name, data] of content.files) await fs.writeFile(join(partial, name), data);
    await content.write?.(partial);
    await fs.writeFile(join(partial, "lineage.json"), json(content.lineage));
    await fs.writeFile(join(partial, "trainer.json"), json(content.state));
    await fs.syncFolder(partial);
    await fs.rename(partial, target);
    await fs.syncFolder(folder);
  } catch (error) {
    await fs.remove(partial).catch(() => undefined);
    throw storageFailure(target, error, (await listCheckpoints(folder)).at(-1) ?? null);
  }
  for (const old of (await listCheckpoints(folder))
    .filter((s) => s < step)
    .slice(0, -(keepLast - 1) || undefined)) {
    // Renamed first: a half-removed folder must not look like a checkpoint.
    const doomed = join(folder, `.deleted-step_${old}`);
    await fs.rename(checkpointPath(folder, old), doomed);
    await fs.remove(doomed);
  }
  return target;
}

/** A checkpoint read back. Tensors are copied from the file. */
export interface LoadedCheckpoint {
  readonly path: string;
  readonly state: TrainerState;
  readonly lineage: Lineage;
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly optimizer: ReadonlyMap<string, Tensor>;
}

async function readTensors(path: string): Promise<Map<string, Tensor>> {
  const file = await SafetensorsFile.open(path);
  try {
    const out = new Map<string, Tensor>();
    for (const name of file.names) {
      const { shape, data } = await file.floats(name);
      out.set(name, { dtype: "float32", shape, data });
    }
    return out;
  } finally {
    await file.close();
  }
}

export async function readCheckpoint(path: string): Promise<LoadedCheckpoint> {
  try {
    const parse = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(join(path, name), "utf8"));
    const state = (await parse("trainer.json")) as TrainerState;
    const lineage = parseLineage(await parse("lineage.json"));
    const weights = await readTensors(join(path, "model.safetensors"));
    const optimizer = await readTensors(join(path, "optimizer.safetensors"));
    return { path, state, lineage, weights, optimizer };
  } catch (cause) {
    throw new CheckpointError(
      "ERR_CHECKPOINT_DAMAGED",
      `${path}: cannot be read: ${(cause as Error).message} Remove this folder to go on from the checkpoint before it.`,
      { cause },
    );
  }
}

/**
 * Compares the weights of a checkpoint with those that a model needs; throws one error that lists all kinds of
 * differences.
 */
export function checkSameArchitecture(
  where: string,
  needed: ReadonlyMap<string, readonly number[]>,
  given: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): void {
  const missing = [...needed.keys()].filter((n) => !given.has(n));
  const unknown = [...given.keys()].filter((n) => !needed.has(n));
  const misshapen = [...needed].flatMap(([name, shape]) => {
    const tensor = given.get(name);
    return tensor && tensor.shape.join() !== shape.join()
      ? [`${name} is [${tensor.shape.join(", ")}], needed [${shape.join(", ")}]`]
      : [];
  });
  const list = (title: string, items: readonly string[]): string[] =>
    items.length === 0
      ? []
      : [
          `${items.length} ${title}: ${items.slice(0, 6).join("; ")}${items.length > 6 ? "; …" : ""}`,
        ];
  const problems = [
    ...list("missing", missing),
    ...list("of another shape", misshapen),
    ...list("unknown", unknown),
  ];
  if (problems.length > 0)
    throw new CheckpointError(
      "ERR_CHECKPOINT_MISMATCH",
      `${where}: this is a checkpoint of another architecture. Weights\n  ${problems.join("\n  ")}\nUse the preset or checkpoint that it was made with.`,
    );
}
