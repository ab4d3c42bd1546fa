/** A driver where there is no file system: from the files of a model folder, however they were fetched. */
import type { Runtime, Tensor } from "@causeway/graph";
import { FormatError } from "../errors.ts";
import { SafetensorsBytes } from "../safetensors/bytes.ts";
import type { TokenizerJson } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { DrivingCodec } from "./codec.ts";
import { parseAlpamayoConfig } from "./config.ts";
import { Driver } from "./driver.ts";
import { parseManifest } from "./manifest.ts";
import { checkWeights, isSpareAlpamayoTensor } from "./weights.ts";

/** The bytes of one file of a model folder; null when there is none. */
export type ModelFileReader = (name: string) => Promise<Uint8Array | null>;

/** The files that are asked for, in this order. */
export const driverFiles = [
  "config.json",
  "manifest.json",
  "tokenizer.json",
  "model.safetensors",
] as const;

/**
 * Reads what `AlpamayoModel.save` wrote: one weights file, any float dtype. Weights are float32 in memory, twice for a
 * moment, so this is for models of a few hundred megabytes.
 */
export async function driverFromFiles(
  read: ModelFileReader,
  runtime: Runtime,
): Promise<{ readonly driver: Driver; readonly codec: DrivingCodec }> {
  const bytesOf = async (name: (typeof driverFiles)[number]): Promise<Uint8Array> => {
    const bytes = await read(name);
    if (bytes === null)
      throw new FormatError(
        `model folder: there is no ${name}; expected ${driverFiles.join(", ")}. Save the model as one folder first`,
      );
    return bytes;
  };
  const jsonOf = async (name: (typeof driverFiles)[number]): Promise<unknown> => {
    const bytes = await bytesOf(name);
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
    } catch (cause) {
      throw new FormatError(`${name} is not valid JSON`, null, { cause });
    }
  };
  const config = parseAlpamayoConfig(await jsonOf("config.json"));
  const manifest = parseManifest(await jsonOf("manifest.json"));
  const tokenizer = new Tokenizer((await jsonOf("tokenizer.json")) as TokenizerJson);
  const codec = new DrivingCodec(config, manifest, tokenizer);
  const file = new SafetensorsBytes(await bytesOf("model.safetensors"), "model.safetensors");
  checkWeights(config, file.shapes(), "model.safetensors");
  const weights = new Map<string, Tensor>();
  for (const name of file.names)
    if (!isSpareAlpamayoTensor(config, name))
      weights.set(name, { dtype: "float32", ...file.weight(name) });
  return { driver: new Driver(runtime, codec, weights), codec };
}
