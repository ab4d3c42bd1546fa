import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Tensor } from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import { elementBytes } from "../safetensors/dtypes.ts";
import { floatTensorToWrite, type TensorToWrite, writeSafetensors } from "../safetensors/file.ts";
import { writeJsonFile } from "./write-file.ts";

export interface WriteWeightsOptions {
  /** Float32 when left out. */
  readonly dtype?: "F32" | "F16" | "BF16";
  /** Largest data of one file, bytes; 5 GB when left out, as the original libraries write. */
  readonly maxShardBytes?: number;
  readonly metadata?: ReadonlyMap<string, string>;
}

export const singleFile = "model.safetensors";
export const shardIndex = "model.safetensors.index.json";

/** Names into files, in order, each under the limit; a tensor above it gets a file of its own. */
export function planShards(
  sizes: Iterable<readonly [string, number]>,
  maxShardBytes: number,
): readonly (readonly string[])[] {
  const shards: string[][] = [];
  let bytes = Infinity;
  for (const [name, size] of sizes) {
    if (bytes + size > maxShardBytes) {
      shards.push([]);
      bytes = 0;
    }
    (shards.at(-1) as string[]).push(name);
    bytes += size;
  }
  return shards;
}

export function shardFile(index: number, count: number): string {
  if (count === 1) return singleFile;
  const five = (n: number) => String(n).padStart(5, "0");
  return `model-${five(index + 1)}-of-${five(count)}.safetensors`;
}

/** One file, or shards with an index written after them: a folder with an index is complete. */
export async function writeWeights(
  folder: string,
  weights: ReadonlyMap<string, Tensor>,
  { dtype = "F32", maxShardBytes = 5e9, metadata }: WriteWeightsOptions = {},
): Promise<void> {
  const names = [...weights.keys()].sort();
  const sizeOf = (name: string) => (weights.get(name) as Tensor).data.length * elementBytes[dtype];
  const shards = planShards(
    names.map((name) => [name, sizeOf(name)] as const),
    maxShardBytes,
  );
  const all = new Map([["format", "pt"], ...(metadata ?? [])]);
  for (const [i, shard] of shards.entries()) {
    const tensors = new Map<string, TensorToWrite>();
    for (const name of shard) {
      const { shape, data } = weights.get(name) as Tensor;
      if (!(data instanceof Float32Array))
        throw new ConfigError(`save: weight "${name}" is not float32`);
      tensors.set(name, floatTensorToWrite({ shape, data }, dtype));
    }
    await writeSafetensors(join(folder, shardFile(i, shards.length)), tensors, all);
  }
  const index = join(folder, shardIndex);
  // What another layout left behind would be read first.
  if (shards.length === 1) {
    await rm(index, { force: true });
    return;
  }
  await writeJsonFile(index, {
    metadata: { total_size: names.reduce((sum, name) => sum + sizeOf(name), 0) },
    weight_map: Object.fromEntries(
      shards.flatMap((shard, i) => shard.map((name) => [name, shardFile(i, shards.length)])),
    ),
  });
  await rm(join(folder, singleFile), { force: true });
}
