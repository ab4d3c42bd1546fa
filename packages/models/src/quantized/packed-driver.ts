/** Weights of a quantised driving model in memory. */
import type { QuantizedWeight, StoredTensor, Tensor } from "@causeway/graph";
import type { AlpamayoConfig } from "../alpamayo/config.ts";
import { isSpareAlpamayoTensor, weightShapes } from "../alpamayo/weights.ts";
import { compareTensors, requireTensors } from "../folder/tensor-check.ts";
import type { SafetensorsFile } from "../safetensors/file.ts";
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

/** Weights of a driving model from a quantised folder: those that are codes, and the others. */
export async function readPackedDriver(
  path: string,
  config: AlpamayoConfig,
): Promise<{
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly quantized: ReadonlyMap<string, QuantizedWeight>;
}> {
  const folder = await QuantizedFolder.open(path);
  try {
    const sizes = new Map<string, readonly number[]>(
      [...folder.stored].map(([name, { shape }]) => [name, shape]),
    );
    for (const [name, { n, k }] of folder.quantized) sizes.set(name, [n, k]);
    requireTensors(
      compareTensors(weightShapes(config), sizes, (name) => isSpareAlpamayoTensor(config, name)),
      path,
    );
    const weights = new Map<string, Tensor>();
    for (const [name, stored] of folder.stored)
      if (!isSpareAlpamayoTensor(config, name))
        weights.set(name, await wholeTensor(folder.file, name, stored));
    return { weights, quantized: await readQuantized(folder) };
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
