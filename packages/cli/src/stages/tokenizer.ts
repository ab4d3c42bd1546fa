/**
 * Stage: train the tokenizer on the words of the training samples, in both mirror images. A shipped backbone has its own,
 * which is copied.
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openDataset } from "@causeway/data";
import {
  backboneFolder,
  type BackboneName,
  type Preset,
  presets,
  swapSides,
  Tokenizer,
  type TokenizerJson,
  trainDrivingTokenizer,
} from "@causeway/models";
import { UserError } from "../errors.ts";
import { writeAtomic } from "../pipeline/atomic-file.ts";
import type { Work } from "../pipeline/child-protocol.ts";
import type { WorkInput } from "../pipeline/stage.ts";
import { knownText } from "../suggest.ts";
import type { DataSetting } from "./drives.ts";
import { readSampleRows } from "./labelled-samples.ts";

export interface TokenizerOptions {
  readonly preset: string;
  /** The shipped backbone that the run begins with; null: fresh weights. */
  readonly backbone: BackboneName | null;
}

export function presetOf(name: string): Preset {
  const preset = presets[name];
  if (preset === undefined)
    throw new UserError(
      "PRESET",
      `preset "${name}" not found. ${knownText(name, Object.keys(presets))}`,
    );
  return preset;
}

/** A tokenizer of the words of these samples, in both mirror images. */
export function tokenizerOf(
  preset: Preset,
  rows: readonly { readonly cot: string | null; readonly navText: string | null }[],
): Tokenizer {
  function* corpus(): Iterable<string> {
    for (const { cot, navText } of rows)
      for (const text of [cot, navText]) {
        if (text === null) continue;
        yield text;
        yield swapSides(text);
      }
  }
  return trainDrivingTokenizer(preset, corpus());
}

export const work: Work<WorkInput<TokenizerOptions, DataSetting>, { tokens: number }> = async ({
  runDir,
  options,
  setting,
}) => {
  const path = join(runDir, "tokenizer", "tokenizer.json");
  if (options.backbone !== null) {
    const text = await readFile(join(backboneFolder(options.backbone), "tokenizer.json"), "utf8");
    await writeAtomic(path, text);
    return { tokens: new Tokenizer(JSON.parse(text) as TokenizerJson).size };
  }
  const dataset = await openDataset(resolve(runDir, setting.dataDir));
  const rows = await readSampleRows(dataset, ["train"]);
  const tokenizer = tokenizerOf(presetOf(options.preset), rows);
  await writeAtomic(path, `${JSON.stringify(tokenizer.json, null, 1)}\n`);
  return { tokens: tokenizer.size };
};
