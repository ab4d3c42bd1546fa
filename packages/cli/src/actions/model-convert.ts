/** `causeway model convert`: weights from one folder to another, one at a time, and the files beside them. */
import { copyFile, mkdir, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  Checkpoint,
  compareTensors,
  elementBytes,
  formatQwen3VLConfig,
  mergeLora,
  parseQwen3VLConfig,
  planShards,
  readFolderJson,
  readLora,
  requireTensors,
  type SafetensorsDtype,
  shardFile,
  shardIndex,
  type TensorToWrite,
  writeJsonFile,
  writeSafetensors,
} from "@causeway/models";
import type { CommandContext, Outcome } from "../command.ts";
import { modelFolder } from "../engine/model-folder.ts";
import type { ConvertOptions } from "../commands/model/convert.ts";
import { StoppedError, UserError } from "../errors.ts";
import { architectureOf } from "./model-architecture.ts";

type FloatType = "F32" | "F16" | "BF16";
const floatTypes: ReadonlySet<string> = new Set(["F32", "F16", "BF16"]);
const typeNames: Readonly<Record<FloatType, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

const targetType = (dtype: SafetensorsDtype, wanted: FloatType | undefined): FloatType =>
  wanted ?? (floatTypes.has(dtype) ? (dtype as FloatType) : "BF16");

/** Files beside the weights that belong to the model: small and plain. */
const carried = /\.(json|jinja|txt|md)$|^(LICENSE|NOTICE)/;
const maxCarriedBytes = 64 * 2 ** 20;
const vlmPrefix = "vlm.";

async function requireEmpty(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  if (names.length > 0)
    throw new UserError(
      "OUT",
      `the folder is not empty (it has ${names[0]}); choose another with --out (${out})`,
    );
}

export async function convertModel(
  path: string,
  options: ConvertOptions,
  { isDryRun, progress, signal }: CommandContext,
): Promise<Outcome> {
  const folder = await modelFolder(path);
  const out = resolve(options.out);
  const architecture = await architectureOf(folder);
  const checkpoint = await Checkpoint.open(folder);
  try {
    requireTensors(
      compareTensors(architecture.expected, checkpoint.shapes(), architecture.isSpare),
      folder,
    );
    const isPart = options.part === "vlm";
    if (isPart && architecture.alpamayo === null)
      throw new UserError("PART", `this folder is a language model already (${folder})`);
    const adapter = options.mergeLora === undefined ? null : await readLora(options.mergeLora);
    const adapterPrefix = architecture.alpamayo === null ? "" : vlmPrefix;
    // Buffers that follow from the configuration and folded scales are left out.
    const sources = [...architecture.expected.keys()]
      .filter((name) => !isPart || name.startsWith(vlmPrefix))
      .toSorted();
    const nameOf = (source: string) => (isPart ? source.slice(vlmPrefix.length) : source);
    const sizeOf = (source: string) =>
      checkpoint.shape(source).reduce((a, b) => a * b, 1) *
      elementBytes[targetType(checkpoint.dtype(source), options.dtype)];
    const shards = planShards(
      sources.map((source) => [source, sizeOf(source)] as const),
      options.shardGb * 1e9,
    );
    const bytes = sources.reduce((sum, source) => sum + sizeOf(source), 0);
    const types = [
      ...new Set(sources.map((source) => targetType(checkpoint.dtype(source), options.dtype))),
    ];
    if (adapter !== null)
      requireTensors(
        {
          missing: [...adapter.factors.keys()].filter(
            (name) => !architecture.expected.has(adapterPrefix + name),
          ),
          unknown: [],
          misshapen: [],
        },
        options.mergeLora as string,
      );
    const plan = {
      from: folder,
      out,
      tensors: sources.length,
      bytes,
      files: shards.length,
      types,
      mergedAdapter: options.mergeLora ?? null,
    };
    const text = `${sources.length} tensors, ${(bytes / 1e6).toFixed(1)} MB as ${types.join(" + ")} in ${shards.length} file${shards.length === 1 ? "" : "s"}${adapter === null ? "" : `, adapter merged into ${adapter.factors.size}`}`;
    if (isDryRun) return { data: plan, text: `would write ${text}: ${out}` };
    await requireEmpty(out);
    await mkdir(out, { recursive: true });
    await copyCarried(folder, out, isPart);
    await writeConfig(folder, out, isPart, types.length === 1 ? (types[0] as FloatType) : null);
    let done = 0;
    for (const [i, shard] of shards.entries()) {
      const tensors = new Map<string, TensorToWrite>();
      for (const source of shard) {
        const shape = checkpoint.shape(source);
        tensors.set(nameOf(source), {
          dtype: targetType(checkpoint.dtype(source), options.dtype),
          shape,
          data: async () => {
            if (signal.aborted) throw new StoppedError();
            const { data } = await checkpoint.weight(source);
            progress.update("convert", { done: ++done, total: sources.length });
            const factors = adapter?.factors.get(source.slice(adapterPrefix.length));
            if (adapter === null || factors === undefined) return data;
            const one = new Map([[source, { dtype: "float32" as const, shape, data }]]);
            mergeLora(
              one,
              { ...adapter, factors: new Map([[source.slice(adapterPrefix.length), factors]]) },
              adapterPrefix,
            );
            return one.get(source)?.data as Float32Array;
          },
        });
      }
      await writeSafetensors(join(out, shardFile(i, shards.length)), tensors);
    }
    if (shards.length > 1)
      await writeJsonFile(join(out, shardIndex), {
        metadata: { total_size: bytes },
        weight_map: Object.fromEntries(
          shards.flatMap((shard, i) =>
            shard.map((source) => [nameOf(source), shardFile(i, shards.length)]),
          ),
        ),
      });
    progress.finish("convert", text);
    return { data: plan, text: `wrote ${text}: ${out}` };
  } finally {
    await checkpoint.close();
  }
}

/** Tokenizer, templates, settings, licences; a part leaves the driving model's manifest and lineage behind. */
async function copyCarried(folder: string, out: string, isPart: boolean): Promise<void> {
  const left = new Set([
    "config.json",
    shardIndex,
    ...(isPart ? ["manifest.json", "lineage.json"] : []),
  ]);
  for (const name of await readdir(folder)) {
    if (!carried.test(name) || left.has(name)) continue;
    const info = await stat(join(folder, name));
    if (info.isFile() && info.size <= maxCarriedBytes)
      await copyFile(join(folder, name), join(out, name));
  }
}

async function writeConfig(
  folder: string,
  out: string,
  isPart: boolean,
  type: FloatType | null,
): Promise<void> {
  const json = (await readFolderJson(folder, "config.json")) as Record<string, unknown>;
  if (!isPart) {
    const { torch_dtype: old, dtype, ...rest } = json;
    const stated = type === null ? (dtype ?? old) : typeNames[type];
    // Quantisation settings describe numbers that are gone.
    delete rest["quantization_config"];
    await writeJsonFile(
      join(out, "config.json"),
      stated === undefined ? rest : { ...rest, dtype: stated },
    );
    return;
  }
  const inside =
    json["vlm_config"] ?? (await readFolderJson(folder, "vlm_config.json", { isOptional: true }));
  const config = parseQwen3VLConfig(inside);
  const rows = json["vocab_size"];
  await writeJsonFile(join(out, "config.json"), {
    ...formatQwen3VLConfig({
      ...config,
      text: {
        ...config.text,
        vocabSize: typeof rows === "number" ? rows : config.text.vocabSize,
      },
    }),
    ...(type === null ? {} : { dtype: typeNames[type] }),
  });
}
