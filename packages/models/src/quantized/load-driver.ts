import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ortNode, type QuantizedWeight, type StoredTensor, type Tensor } from "@causeway/graph";
import { DrivingCodec } from "../alpamayo/codec.ts";
import { parseAlpamayoConfig } from "../alpamayo/config.ts";
import { Driver } from "../alpamayo/driver.ts";
import type { ModelManifest } from "../alpamayo/manifest.ts";
import { weightShapes } from "../alpamayo/weights.ts";
import { ConfigError, FormatError } from "../errors.ts";
import type { SafetensorsFile } from "../safetensors/file.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { QuantizedFolder } from "./folder.ts";

/** Quantised weights read into memory. */
export async function readQuantized(
  folder: QuantizedFolder,
): Promise<ReadonlyMap<string, QuantizedWeight>> {
  const whole = async (name: string, at: QuantizedWeight["codes"]): Promise<Tensor> => {
    const bytes = await folder.file.bytes(name);
    const data = at.dtype === "float32" ? new Float32Array(bytes.buffer) : bytes;
    return { dtype: at.dtype, shape: at.shape, data };
  };
  const out = new Map<string, QuantizedWeight>();
  for (const [name, weight] of folder.quantized)
    out.set(name, {
      ...weight,
      codes: await whole(`${name}.codes`, weight.codes),
      scales: await whole(`${name}.scales`, weight.scales),
      zeroPoints:
        weight.zeroPoints === null ? null : await whole(`${name}.zero_points`, weight.zeroPoints),
    });
  return out;
}

/** A driver from a quantised folder of a driving model: same answers interface, weights as codes. */
export async function loadQuantizedDriver(path: string): Promise<Driver> {
  const json = async (name: string): Promise<unknown> => {
    try {
      return JSON.parse(await readFile(join(path, name), "utf8")) as unknown;
    } catch (cause) {
      throw new FormatError(
        `quantised folder: cannot read ${name}; expected config.json, manifest.json and tokenizer.json beside the weights. (${path})`,
        null,
        { cause },
      );
    }
  };
  const config = parseAlpamayoConfig(await json("config.json"));
  const tokenizer = new Tokenizer(
    (await json("tokenizer.json")) as ConstructorParameters<typeof Tokenizer>[0],
  );
  const manifest = (await json("manifest.json")) as ModelManifest;
  const codec = new DrivingCodec(config, manifest, tokenizer);
  const folder = await QuantizedFolder.open(path);
  try {
    const weights = new Map<string, Tensor>();
    const quantized = await readQuantized(folder);
    for (const [name, shape] of weightShapes(config)) {
      const found = quantized.get(name);
      const size = found === undefined ? null : `${found.n},${found.k}`;
      const plain = folder.stored.get(name);
      if (plain !== undefined) weights.set(name, await wholeTensor(folder.file, name, plain));
      const actual = size ?? plain?.shape.join();
      if (actual !== shape.join())
        throw new ConfigError(
          `quantised folder: tensor "${name}" is ${actual === undefined ? "missing" : `[${actual}]`}; this configuration needs [${shape.join(", ")}]. (${path})`,
        );
    }
    return new Driver(ortNode, codec, weights, quantized);
  } finally {
    await folder.close();
  }
}

async function wholeTensor(
  file: SafetensorsFile,
  name: string,
  { shape }: StoredTensor,
): Promise<Tensor> {
  return { dtype: "float32", shape, data: (await file.floats(name)).data };
}
