/**
 * LoRA adapters in the form of PEFT: `adapter_config.json` and `adapter_model.safetensors` with two factors for each
 * adapted weight, W' = W + scale B A (Hu et al. 2021). Only what changes the result is read from the configuration, and
 * variants that would change it in another way (DoRA, biases, extra trained modules) are refused, not ignored.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Tensor } from "@causeway/graph";
import { ConfigError, FormatError } from "../errors.ts";
import { readFolderJson } from "../folder/read-json.ts";
import { writeJsonFile } from "../folder/write-file.ts";
import {
  type FloatTensor,
  floatTensorToWrite,
  SafetensorsFile,
  type TensorToWrite,
  writeSafetensors,
} from "../safetensors/file.ts";

/** The factors of one weight. */
export interface LoraFactors {
  /** [r, in]. */
  readonly a: FloatTensor;
  /** [out, r]. */
  readonly b: FloatTensor;
  /** alpha / r, or alpha / sqrt(r) for rank-stabilised adapters. */
  readonly scale: number;
}

export interface LoraAdapter {
  readonly rank: number;
  readonly alpha: number;
  /** Last parts of the adapted modules' names, e.g. "q_proj". */
  readonly targetModules: readonly string[];
  /** By weight name of the base model, e.g. "model.language_model.layers.0.self_attn.q_proj.weight". */
  readonly factors: ReadonlyMap<string, LoraFactors>;
  /** The adapter's own configuration, written again as it was; null for a new adapter. */
  readonly configJson: Readonly<Record<string, unknown>> | null;
}

const configName = "adapter_config.json";
const weightsName = "adapter_model.safetensors";
const tensorName = /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/;

function refuse(json: Readonly<Record<string, unknown>>, key: string, isPlain: boolean): void {
  if (!isPlain) {
    throw new ConfigError(
      `${configName}: ${key} is ${JSON.stringify(json[key])}; this kind of adapter is not implemented`,
    );
  }
}

function checkKind(json: Readonly<Record<string, unknown>>): void {
  if (json["peft_type"] !== "LORA")
    throw new ConfigError(
      `${configName}: peft_type is ${JSON.stringify(json["peft_type"])}; expected "LORA"`,
    );
  const isOff = (key: string) =>
    json[key] === undefined || json[key] === null || json[key] === false;
  for (const key of [
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "lora_bias",
    "fan_in_fan_out",
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
  ]) {
    refuse(json, key, isOff(key));
  }
  refuse(json, "bias", json["bias"] === undefined || json["bias"] === "none");
}

/** A number that a pattern table gives for a module: the first key that its name ends with, or equals as a regex. */
function patterned(table: unknown, module: string, fallback: number): number {
  if (typeof table !== "object" || table === null) return fallback;
  for (const [key, value] of Object.entries(table)) {
    if (module !== key && !module.endsWith(`.${key}`)) continue;
    if (typeof value === "number" && value > 0) return value;
  }
  return fallback;
}

export async function readLora(folder: string): Promise<LoraAdapter> {
  const raw = await readFolderJson(folder, configName, { expected: "a PEFT adapter folder" });
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw new FormatError(`${configName} is not an object. (${folder})`);
  const json = raw as Readonly<Record<string, unknown>>;
  checkKind(json);
  const [rank, alpha] = [json["r"], json["lora_alpha"]];
  if (!Number.isInteger(rank) || (rank as number) < 1 || typeof alpha !== "number")
    throw new ConfigError(
      `${configName}: r is ${JSON.stringify(rank)}, lora_alpha ${JSON.stringify(alpha)}; expected a positive integer and a number`,
    );
  const targets = json["target_modules"];
  const pairs = new Map<string, { a?: FloatTensor; b?: FloatTensor }>();
  const file = await SafetensorsFile.open(join(folder, weightsName));
  try {
    const unknown = file.names.filter((name) => !tensorName.test(name));
    if (unknown.length > 0)
      throw new FormatError(
        `adapter: ${unknown.length} tensors are no LoRA factors: ${unknown.slice(0, 6).join(", ")}. (${file.path})`,
      );
    for (const name of file.names) {
      const [, module, which] = tensorName.exec(name) as unknown as [string, string, "A" | "B"];
      const pair = pairs.get(module) ?? {};
      pairs.set(module, pair);
      pair[which === "A" ? "a" : "b"] = await file.floats(name);
    }
  } finally {
    await file.close();
  }
  const factors = new Map<string, LoraFactors>();
  for (const [module, { a, b }] of pairs) {
    const own = patterned(json["rank_pattern"], module, rank as number);
    if (
      a === undefined ||
      b === undefined ||
      a.shape.length !== 2 ||
      b.shape.length !== 2 ||
      a.shape[0] !== own ||
      b.shape[1] !== own
    ) {
      throw new FormatError(
        `adapter: ${module} has A ${shapeText(a)} and B ${shapeText(b)}; expected [${own}, in] and [out, ${own}]. (${folder})`,
      );
    }
    const top = patterned(json["alpha_pattern"], module, alpha);
    factors.set(`${module}.weight`, {
      a,
      b,
      scale: json["use_rslora"] === true ? top / Math.sqrt(own) : top / own,
    });
  }
  if (factors.size === 0) throw new FormatError(`adapter: there are no factors. (${folder})`);
  return {
    rank: rank as number,
    alpha,
    targetModules: Array.isArray(targets)
      ? targets.filter((t): t is string => typeof t === "string")
      : [...new Set([...pairs.keys()].map((module) => module.split(".").at(-1) as string))].sort(),
    factors,
    configJson: json,
  };
}

const shapeText = (tensor: FloatTensor | undefined): string =>
  tensor === undefined ? "missing" : `[${tensor.shape.join(", ")}]`;

/** Writes a folder that PEFT loads. */
export async function writeLora(
  folder: string,
  adapter: LoraAdapter,
  options: { readonly baseModel?: string; readonly dtype?: "F32" | "F16" | "BF16" } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const json = adapter.configJson ?? {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: options.baseModel ?? null,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    bias: "none",
    target_modules: adapter.targetModules,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    use_dora: false,
    use_rslora: false,
  };
  const tensors = new Map<string, TensorToWrite>();
  for (const [weight, { a, b }] of adapter.factors) {
    const module = `base_model.model.${weight.replace(/\.weight$/, "")}`;
    tensors.set(`${module}.lora_A.weight`, floatTensorToWrite(a, options.dtype));
    tensors.set(`${module}.lora_B.weight`, floatTensorToWrite(b, options.dtype));
  }
  await writeJsonFile(join(folder, configName), json);
  await writeSafetensors(join(folder, weightsName), tensors);
}

/**
 * Adds scale B A to the weights in place. Factors for weights that are not there, or of other shapes, are one error.
 *
 * @param prefix  Put before the adapter's names: "vlm." for an adapter of the backbone inside a driving model.
 */
export function mergeLora(weights: Map<string, Tensor>, adapter: LoraAdapter, prefix = ""): void {
  const wrong: string[] = [];
  for (const [own, { a, b }] of adapter.factors) {
    const shape = weights.get(prefix + own)?.shape;
    const [out, width] = [b.shape[0], a.shape[1]];
    if (shape === undefined) wrong.push(`${prefix}${own} is not in the model`);
    else if (shape.length !== 2 || shape[0] !== out || shape[1] !== width)
      wrong.push(`${prefix}${own} is [${shape.join(", ")}], the adapter's [${out}, ${width}]`);
  }
  if (wrong.length > 0) {
    throw new FormatError(
      `adapter does not fit the model: ${wrong.slice(0, 8).join("; ")}${wrong.length > 8 ? `; and ${wrong.length - 8} more` : ""}`,
    );
  }
  for (const [own, { a, b, scale }] of adapter.factors) {
    const base = weights.get(prefix + own) as Tensor;
    const data = Float32Array.from(base.data as Float32Array);
    const [out, rank] = b.shape as [number, number];
    const width = a.shape[1] as number;
    const row = new Float64Array(width);
    for (let o = 0; o < out; o++) {
      row.fill(0);
      for (let r = 0; r < rank; r++) {
        const factor = b.data[o * rank + r] as number;
        for (let i = 0; i < width; i++)
          row[i] = (row[i] as number) + factor * (a.data[r * width + i] as number);
      }
      for (let i = 0; i < width; i++)
        data[o * width + i] = (data[o * width + i] as number) + scale * (row[i] as number);
    }
    weights.set(prefix + own, { ...base, data });
  }
}
