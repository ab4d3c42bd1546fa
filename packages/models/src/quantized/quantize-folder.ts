/** A Hugging Face or Causeway model folder in, a quantised folder out. */
import { copyFile, mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Tensor } from "@causeway/graph";
import { parseAlpamayoConfig } from "../alpamayo/config.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { StepEngine } from "../generation/step-engine.ts";
import { parseQwen3VLConfig, type Qwen3VLConfig } from "../qwen3vl/config.ts";
import { Checkpoint } from "../safetensors/checkpoint.ts";
import { streamSafetensors, type TensorSource } from "../safetensors/stream.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { applyScales, scaleGroups, searchScales } from "./activation-aware.ts";
import { collectActivations, embedRows, type TokenRows } from "./calibrate.ts";
import {
  quantizationFile,
  type QuantizationRecord,
  type QuantizedEntry,
  QuantizedFolder,
  quantizedSources,
  weightsFile,
} from "./folder.ts";
import { compareLogits, type QuantizationReport } from "./report.ts";
import { bitsFor, checkScheme, isEmbedding, type QuantizationScheme } from "./scheme.ts";

/** What both kinds of model folder share for quantisation. */
export interface BackboneFolder {
  readonly config: Qwen3VLConfig;
  /** "" for a Qwen3-VL folder, "vlm." inside a driving model. */
  readonly prefix: "" | "vlm.";
}

export async function readBackboneConfig(folder: string): Promise<BackboneFolder> {
  const path = join(folder, "config.json");
  let json: { model_type?: unknown };
  try {
    json = JSON.parse(await readFile(path, "utf8")) as { model_type?: unknown };
  } catch (cause) {
    throw new FormatError(
      `model folder: cannot read config.json; expected a Qwen3-VL or Alpamayo folder. (${folder})`,
      null,
      { cause },
    );
  }
  if (json.model_type === "qwen3_vl") return { config: parseQwen3VLConfig(json), prefix: "" };
  return { config: parseAlpamayoConfig(json).vlm, prefix: "vlm." };
}

export interface QuantizeOptions {
  readonly scheme: QuantizationScheme;
  /** Texts that activation-aware scaling looks at; required for it. */
  readonly calibration: readonly string[];
  /** Texts that the report is over; none when empty. Should differ from `calibration`. */
  readonly evaluation: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (what: string, done: number, total: number) => void;
}

export interface QuantizeResult {
  readonly numQuantized: number;
  readonly numKept: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Mean of output error with scaling over plain rounding, over scaled groups; null without scaling. */
  readonly scaledErrorRatio: number | null;
  readonly report: QuantizationReport | null;
}

const maxTextTokens = 512;

export async function quantizeFolder(
  from: string,
  to: string,
  options: QuantizeOptions,
): Promise<QuantizeResult> {
  const { scheme, onProgress, signal } = options;
  checkScheme(scheme);
  if (scheme.method === "awq" && options.calibration.length === 0)
    throw new ConfigError(
      "quantise: activation-aware scaling needs calibration texts; pass some, or use method rtn",
    );
  const { config, prefix } = await readBackboneConfig(from);
  const checkpoint = await Checkpoint.open(from);
  try {
    const changed = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    let scaledErrorRatio: number | null = null;
    if (scheme.method === "awq") {
      const sequences = await tokenRows(from, options.calibration);
      scaledErrorRatio = await scaleWeights(
        checkpoint,
        { config, prefix },
        sequences,
        options,
        changed,
      );
    }
    const read = async (name: string): Promise<Float32Array> =>
      changed.get(name)?.data ?? (await checkpoint.floats(name)).data;
    const weights: Record<string, QuantizedEntry> = {};
    const sources: TensorSource[] = [];
    let bytesBefore = 0;
    let numKept = 0;
    for (const name of checkpoint.names) {
      const shape = checkpoint.shape(name);
      bytesBefore += 4 * shape.reduce((a, b) => a * b, 1);
      const add = (bits: 4 | 8) => {
        const [n, k] = shape as [number, number];
        const { blockSize, symmetric } = scheme;
        const entry: QuantizedEntry = { bits, blockSize, k, n, symmetric };
        weights[name] = entry;
        sources.push(...quantizedSources(name, entry, () => read(name)));
      };
      const bits = bitsFor(scheme, name, shape);
      if (bits !== null) {
        add(bits);
        continue;
      }
      numKept++;
      sources.push({
        name,
        dtype: "F32",
        shape,
        async *bytes() {
          const data = await read(name);
          yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        },
      });
      // A tied head has no tensor of its own.
      const isTiedHead = isEmbedding(name) && config.text.tieWordEmbeddings;
      if (isTiedHead && scheme.headBits !== null) add(scheme.headBits);
    }
    if (Object.keys(weights).length === 0)
      throw new ConfigError(
        `quantise: no weight is left after the exclusions (${scheme.exclude.join(", ")}). (${from})`,
      );
    await mkdir(to, { recursive: true });
    await copyOthers(from, to);
    const record: QuantizationRecord = {
      format: "causeway-block-quant",
      version: 1,
      method: scheme.method,
      exclude: scheme.exclude,
      weights,
    };
    await writeRecord(to, record);
    await streamSafetensors(join(to, weightsFile), sources, {
      ...(signal === undefined ? {} : { signal }),
      onTensor: (done, total) => onProgress?.("writing", done, total),
    });
    const report =
      options.evaluation.length === 0
        ? null
        : await reportOf(from, to, checkpoint, await tokenRows(from, options.evaluation));
    if (report !== null) await writeRecord(to, { ...record, report });
    const bytesAfter = (await stat(join(to, weightsFile))).size;
    const numQuantized = Object.keys(weights).length;
    return { numQuantized, numKept, bytesBefore, bytesAfter, scaledErrorRatio, report };
  } finally {
    await checkpoint.close();
  }
}

/** Searches and folds factors of the text decoder; `changed` gets every weight that moved. */
async function scaleWeights(
  checkpoint: Checkpoint,
  { config, prefix }: BackboneFolder,
  sequences: TokenRows,
  { scheme, onProgress, signal }: QuantizeOptions,
  changed: Map<string, { shape: readonly number[]; data: Float32Array }>,
): Promise<number> {
  const language = `${prefix}model.language_model.`;
  const weights = await backboneWeights(checkpoint, config, prefix);
  const groups = scaleGroups(language, config.text.numLayers).filter(({ linears }) =>
    linears.every((name) => bitsFor(scheme, name, checkpoint.shape(name)) !== null),
  );
  const seen = await collectActivations(
    config,
    prefix,
    weights,
    sequences,
    new Set(groups.map(({ linears }) => linears[0] as string)),
  );
  let ratios = 0;
  for (const [i, group] of groups.entries()) {
    signal?.throwIfAborted();
    const current = (name: string) =>
      changed.get(name) ?? (weights.get(name) as { shape: readonly number[]; data: Float32Array });
    for (const name of [...group.linears, group.producer]) changed.set(name, current(name));
    const found = searchScales(
      group.linears.map((name) => current(name).data),
      seen.get(group.linears[0] as string) as { k: number; values: Float32Array },
      scheme,
    );
    applyScales(changed, group, found.scales);
    ratios += found.errorRatio;
    onProgress?.("scaling", i + 1, groups.length);
  }
  return groups.length === 0 ? 1 : ratios / groups.length;
}

/** Text weights of a checkpoint in memory. */
async function backboneWeights(
  checkpoint: Checkpoint,
  config: Qwen3VLConfig,
  prefix: string,
): Promise<Map<string, Tensor>> {
  const weights = new Map<string, Tensor>();
  for (const name of checkpoint.names) {
    const isHead = name === `${prefix}lm_head.weight` && !config.text.tieWordEmbeddings;
    if (!name.startsWith(`${prefix}model.language_model.`) && !isHead) continue;
    const { shape, data } = await checkpoint.floats(name);
    weights.set(name, { dtype: "float32", shape, data });
  }
  return weights;
}

async function reportOf(
  from: string,
  to: string,
  checkpoint: Checkpoint,
  sequences: TokenRows,
): Promise<QuantizationReport> {
  const { config, prefix } = await readBackboneConfig(from);
  const table = `${prefix}model.language_model.embed_tokens.weight`;
  const weights = await backboneWeights(checkpoint, config, prefix);
  const folder = await QuantizedFolder.open(to);
  const original = await StepEngine.create(config, { prefix, baked: weights });
  try {
    const { stored, quantized } = folder;
    const engine = await StepEngine.create(config, {
      prefix,
      stored,
      quantized,
      quantizedCompute: "int8",
    });
    try {
      return await compareLogits(
        {
          engine: original,
          embed: (ids) => Promise.resolve(embedRows(weights.get(table) as Tensor, ids)),
        },
        { engine, embed: (ids) => folder.rows(table, ids) },
        sequences,
      );
    } finally {
      await engine.dispose();
    }
  } finally {
    await original.dispose();
    await folder.close();
  }
}

async function tokenRows(folder: string, texts: readonly string[]): Promise<TokenRows> {
  const json = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8")) as unknown;
  const tokenizer = new Tokenizer(json as ConstructorParameters<typeof Tokenizer>[0]);
  return texts
    .map((text) => tokenizer.encode(text).slice(0, maxTextTokens))
    .filter((ids) => ids.length >= 2);
}

/** Everything but weights: configuration, tokenizer, templates, manifest. */
async function copyOthers(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true }))
    if (
      entry.isFile() &&
      /\.(json|jinja|txt|model)$/.test(entry.name) &&
      !/\.safetensors/.test(entry.name)
    )
      await copyFile(join(from, entry.name), join(to, entry.name));
}

async function writeRecord(folder: string, record: QuantizationRecord): Promise<void> {
  const path = join(folder, quantizationFile);
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(record, null, 1)}\n`);
  await rename(temporary, path);
}
