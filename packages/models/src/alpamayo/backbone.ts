/**
 * Backbones that ship with a preset: the language model (vision tower, merger, decoder, embeddings) with its tokenizer and
 * prompt, trained before by the recipe that `backbone.json` names. Released drivers begin in the same way, from a reasoning
 * model; the expert is never part of it. A folder holds what `AlpamayoModel.save` writes, without the expert, in bf16.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Rng } from "@causeway/geom";
import type { Tensor } from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import { Checkpoint } from "../safetensors/checkpoint.ts";
import { floatTensorToWrite, writeSafetensors } from "../safetensors/file.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { DrivingCodec } from "./codec.ts";
import { parseAlpamayoConfig } from "./config.ts";
import type { ModelManifest } from "./manifest.ts";
import { AlpamayoModel } from "./model.ts";
import { initialWeights, moduleOf } from "./weights.ts";

/** Backbones by the name of their preset. */
export const backboneNames = ["nano"] as const;
export type BackboneName = (typeof backboneNames)[number];

/** Where a backbone comes from: `backbone.json`. */
export interface BackboneFacts {
  readonly schema: 1;
  /** Preset. */
  readonly name: string;
  /** Run recipe that made it, and the seed of that run, which no run that starts from it may share. */
  readonly recipe: string;
  readonly runSeed: number;
  readonly trainDrives: number;
  readonly steps: number;
  readonly samplesSeen: number;
  readonly minutes: number;
  readonly machine: string;
  readonly madeOn: string;
  /** SHA-256 of model.safetensors, so that what depends on the weights can be told by this file alone. */
  readonly weights: string;
}

export const backboneFolder = (name: BackboneName): string =>
  fileURLToPath(new URL(`../../assets/${name}-backbone/`, import.meta.url));

const isBackbone = (weight: string): boolean => ["vision", "text"].includes(moduleOf(weight));

export function backboneFacts(name: BackboneName): BackboneFacts {
  return JSON.parse(
    readFileSync(join(backboneFolder(name), "backbone.json"), "utf8"),
  ) as BackboneFacts;
}

/** Whether a folder holds a backbone alone, as `shipBackbone` writes it. */
export async function isBackboneFolder(folder: string): Promise<boolean> {
  return (await stat(join(folder, "backbone.json")).catch(() => null)) !== null;
}

/** The backbone with a fresh expert. @param folder One that `shipBackbone` wrote. */
export async function loadBackbone(folder: string, rng: Rng): Promise<AlpamayoModel> {
  const json = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(join(folder, file), "utf8"));
  const config = parseAlpamayoConfig(await json("config.json"));
  const tokenizer = new Tokenizer(
    (await json("tokenizer.json")) as ConstructorParameters<typeof Tokenizer>[0],
  );
  const manifest = (await json("manifest.json")) as ModelManifest;
  const codec = new DrivingCodec(config, manifest, tokenizer);
  const weights = initialWeights(config, rng, manifest.vocabulary);
  const checkpoint = await Checkpoint.open(folder);
  try {
    const missing = [...weights.keys()].filter((w) => isBackbone(w) && !checkpoint.has(w));
    if (missing.length > 0)
      throw new ConfigError(
        `backbone: tensor "${missing[0]}" is missing (${missing.length} in all); ship it again. (${folder})`,
      );
    for (const name of checkpoint.names) {
      const { shape, data } = await checkpoint.floats(name);
      weights.set(name, { dtype: "float32", shape, data } satisfies Tensor);
    }
  } finally {
    await checkpoint.close();
  }
  return new AlpamayoModel(codec, weights, folder);
}

/** Writes the backbone of a training checkpoint with its lineage. */
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
      [...model.weights]
        .filter(([name]) => isBackbone(name))
        .map(([name, { shape, data }]) => [
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
