/**
 * Weights that ship with a preset: language model (vision tower, merger, decoder, embeddings) and action expert with tokenizer
 * and prompt, trained before by the recipes that `backbone.json` names. A folder holds what `AlpamayoModel.save` writes, in
 * bf16, and `AlpamayoModel.load` reads it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { floatTensorToWrite, writeSafetensors } from "../safetensors/file.ts";
import { AlpamayoModel } from "./model.ts";

/** Backbones by the name of their preset. */
export const backboneNames = ["nano"] as const;
export type BackboneName = (typeof backboneNames)[number];

/** Where a backbone comes from: `backbone.json`. */
export interface BackboneFacts {
  readonly schema: 1;
  /** Preset. */
  readonly name: string;
  /** Runs that made it, one after the other. No run that starts from it may share a seed with them. */
  readonly runs: readonly {
    readonly recipe: string;
    readonly seed: number;
    readonly trainDrives: number;
    /** Training steps of stage 1 and stage 2. */
    readonly steps: readonly [number, number];
    /** Of training, both stages. */
    readonly minutes: number;
  }[];
  readonly machine: string;
  readonly madeOn: string;
  /** SHA-256 of model.safetensors, so that what depends on the weights can be told by this file alone. */
  readonly weights: string;
}

export const backboneFolder = (name: BackboneName): string =>
  fileURLToPath(new URL(`../../assets/${name}-backbone/`, import.meta.url));

export function backboneFacts(name: BackboneName): BackboneFacts {
  return JSON.parse(
    readFileSync(join(backboneFolder(name), "backbone.json"), "utf8"),
  ) as BackboneFacts;
}

/** Writes the weights of a training checkpoint with its lineage. */
export async function shipBackbone(
  checkpointFolder: string,
  folder: string,
  facts: Omit<BackboneFacts, "weights">,
): Promise<void> {
  const model = await AlpamayoModel.load(checkpointFolder);
  await mkdir(folder, { recursive: true });
  for (const file of ["config.json", "manifest.json", "tokenizer.json", "lineage.json"])
    await copyFile(join(checkpointFolder, file), join(folder, file));
  const path = join(folder, "model.safetensors");
  await writeSafetensors(
    path,
    new Map(
      [...model.weights].map(([name, { shape, data }]) => [
        name,
        floatTensorToWrite({ shape, data: data as Float32Array }, "BF16"),
      ]),
    ),
  );
  const weights = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  await writeFile(
    join(folder, "backbone.json"),
    `${JSON.stringify({ ...facts, weights } satisfies BackboneFacts, null, 2)}\n`,
  );
}
