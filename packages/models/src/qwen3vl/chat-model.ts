/** A Qwen3-VL checkpoint (Cosmos-Reason2 is one) with all that a conversation needs. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RgbImage } from "@causeway/geom";
import type { Tensor } from "@causeway/graph";
import { expandMedia, type VideoLayout } from "../chat/expand-media.ts";
import { ChatTemplate, plainTemplate, type TemplatePart } from "../chat/template.ts";
import { ConfigError } from "../errors.ts";
import { readFolderJson, readFolderText } from "../folder/read-json.ts";
import { writeJsonFile, writeTextFile } from "../folder/write-file.ts";
import { writeWeights, type WriteWeightsOptions } from "../folder/write-weights.ts";
import { type GenerateOptions, generateText, type Generation } from "../generation/generate.ts";
import {
  FloatSequenceEngine,
  type SequenceEngine,
  type VisualPrompt,
} from "../generation/sequence-engine.ts";
import { isQuantizedFolder } from "../quantized/folder.ts";
import { QuantizedSequenceEngine } from "../quantized/sequence-engine.ts";
import { Checkpoint } from "../safetensors/checkpoint.ts";
import type { TokenizerJson } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import {
  parseProcessorSettings,
  processImage,
  type ProcessedMedia,
  type ProcessorSettings,
  processVideo,
} from "../vision/processor.ts";
import { formatQwen3VLConfig, parseQwen3VLConfig, type Qwen3VLConfig } from "./config.ts";
import { readQwen3VLWeights, type Weights } from "./weights.ts";

export type ConversationPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly image: RgbImage }
  /** Frames that were already sampled, with their times in the video. */
  | {
      readonly type: "video";
      readonly frames: readonly RgbImage[];
      readonly timesSecs: readonly number[];
    };

export interface ConversationTurn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string | readonly ConversationPart[];
}

/** `generation_config.json`: what the checkpoint's makers sample with. */
export interface GenerationDefaults {
  readonly endIds: ReadonlySet<number>;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly repetitionPenalty: number;
}

/** JSON files of a folder that are kept as they are and written again. */
const keptJson = [
  "generation_config.json",
  "preprocessor_config.json",
  "video_preprocessor_config.json",
  "tokenizer_config.json",
] as const;

export interface Qwen3VLParts {
  readonly config: Qwen3VLConfig;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly generation: GenerationDefaults;
  readonly processor: ProcessorSettings;
  /** Files to write beside the weights, by name. */
  readonly kept: ReadonlyMap<string, unknown>;
}

export class Qwen3VLModel {
  readonly parts: Qwen3VLParts;
  readonly weights: Weights;
  readonly #openEngine: () => Promise<SequenceEngine>;
  #engine: Promise<SequenceEngine> | null = null;

  /** @param openEngine  Makes the engine of a model whose weights are not held here, e.g. of a quantised folder. */
  constructor(
    parts: Qwen3VLParts,
    weights: Weights,
    openEngine: () => Promise<SequenceEngine> = async () =>
      new FloatSequenceEngine(parts.config, weights),
  ) {
    this.parts = parts;
    this.weights = weights;
    this.#openEngine = openEngine;
  }

  /**
   * Reads a Hugging Face folder; every tensor must be known, there, and of the right shape. A folder that
   * `causeway model quantize` wrote is not read but mapped, and has no `weights`.
   */
  static async load(
    folder: string,
    options: {
      /** Changes weights before use, e.g. an adapter that is merged in. */
      readonly change?: (weights: Map<string, Tensor>) => void | Promise<void>;
    } = {},
  ): Promise<Qwen3VLModel> {
    const parts = await readQwen3VLParts(folder);
    if (await isQuantizedFolder(folder)) {
      if (options.change !== undefined)
        throw new ConfigError(
          `weights of a quantised folder cannot be changed; merge the adapter first, then quantise. (${folder})`,
        );
      const engine = () => QuantizedSequenceEngine.open(folder, parts.config);
      return new Qwen3VLModel(parts, new Map(), engine);
    }
    const checkpoint = await Checkpoint.open(folder);
    try {
      const weights = await readQwen3VLWeights(parts.config, checkpoint);
      await options.change?.(weights);
      return new Qwen3VLModel(parts, weights);
    } finally {
      await checkpoint.close();
    }
  }

  /** Writes a folder that `load` and the original libraries read; the weights come last. */
  async save(folder: string, options: WriteWeightsOptions = {}): Promise<void> {
    const { config, tokenizer, template, kept } = this.parts;
    if (this.weights.size === 0)
      throw new ConfigError("save: the weights of this model are mapped from its quantised folder");
    await mkdir(folder, { recursive: true });
    await writeJsonFile(join(folder, "config.json"), {
      ...formatQwen3VLConfig(config),
      dtype: { F32: "float32", F16: "float16", BF16: "bfloat16" }[options.dtype ?? "F32"],
    });
    await writeJsonFile(join(folder, "tokenizer.json"), tokenizer.json);
    await writeTextFile(join(folder, "chat_template.jinja"), template.source);
    for (const [name, value] of kept) await writeJsonFile(join(folder, name), value);
    await writeWeights(folder, this.weights, options);
  }

  /** A conversation as token ids and patches; the assistant's turn is left open. */
  prepare(
    turns: readonly ConversationTurn[],
    options: { readonly videoLayout?: VideoLayout } = {},
  ): VisualPrompt {
    return prepareConversation(this.parts, turns, options);
  }

  /** An answer. Settings that are left out are the checkpoint's own. */
  async generate(
    prompt: VisualPrompt,
    options: Pick<GenerateOptions, "rng" | "maxTokens"> & Partial<GenerateOptions>,
  ): Promise<Generation> {
    const { tokenizer, generation } = this.parts;
    this.#engine ??= this.#openEngine();
    return generateText(await this.#engine, tokenizer, prompt, { ...generation, ...options });
  }

  /** Frees compiled graphs; the model can be used again. */
  async dispose(): Promise<void> {
    const engine = this.#engine;
    this.#engine = null;
    await (await engine)?.dispose();
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Everything of a folder but its weights. */
export async function readQwen3VLParts(folder: string): Promise<Qwen3VLParts> {
  const expected = "a Hugging Face folder of a Qwen3-VL model";
  const config = parseQwen3VLConfig(await readFolderJson(folder, "config.json", { expected }));
  const tokenizer = new Tokenizer(
    (await readFolderJson(folder, "tokenizer.json", { expected })) as TokenizerJson,
  );
  const kept = new Map<string, unknown>();
  for (const name of keptJson) {
    const value = await readFolderJson(folder, name, { isOptional: true });
    if (value !== null) kept.set(name, value);
  }
  checkIds(config, tokenizer);
  return {
    config,
    tokenizer,
    template: await readTemplate(folder, kept.get("tokenizer_config.json")),
    generation: parseGeneration(kept.get("generation_config.json"), tokenizer),
    processor: parseProcessorSettings(
      kept.get("preprocessor_config.json") ?? null,
      kept.get("video_preprocessor_config.json") ?? null,
    ),
    kept,
  };
}

/** The configuration and the tokenizer must mean the same placeholder. */
function checkIds(config: Qwen3VLConfig, tokenizer: Tokenizer): void {
  for (const [key, token] of [
    ["imageTokenId", "<|image_pad|>"],
    ["videoTokenId", "<|video_pad|>"],
    ["visionStartTokenId", "<|vision_start|>"],
    ["visionEndTokenId", "<|vision_end|>"],
  ] as const) {
    if (tokenizer.id(token) !== config[key]) {
      throw new ConfigError(
        `config.json: ${key} is ${config[key]} but tokenizer.json gives ${token} the id ${tokenizer.id(token)}`,
      );
    }
  }
  if (tokenizer.size > config.text.vocabSize) {
    throw new ConfigError(
      `tokenizer.json has ${tokenizer.size} tokens for ${config.text.vocabSize} embeddings`,
    );
  }
}

/** A file of its own, or inside another one, as three generations of libraries write it. */
async function readTemplate(folder: string, tokenizerConfig: unknown): Promise<ChatTemplate> {
  const own = await readFolderText(folder, "chat_template.jinja", { isOptional: true });
  if (own !== null) return new ChatTemplate(own);
  const json = await readFolderJson(folder, "chat_template.json", { isOptional: true });
  for (const holder of [json, tokenizerConfig]) {
    const inside = isObject(holder) ? holder["chat_template"] : undefined;
    if (typeof inside === "string") return new ChatTemplate(inside);
  }
  return new ChatTemplate(plainTemplate);
}

function parseGeneration(value: unknown, tokenizer: Tokenizer): GenerationDefaults {
  const json = isObject(value) ? value : {};
  const number = (key: string, fallback: number): number => {
    const own = json[key] ?? fallback;
    if (typeof own !== "number" || !Number.isFinite(own))
      throw new ConfigError(
        `generation_config.json: ${key} is ${JSON.stringify(own)}; expected a number`,
      );
    return own;
  };
  const stated = json["eos_token_id"];
  const ends = Array.isArray(stated) ? stated : stated === undefined ? [] : [stated];
  const endIds = new Set(ends.filter((id): id is number => Number.isInteger(id)));
  if (endIds.size === 0)
    for (const token of ["<|im_end|>", "<|endoftext|>"])
      if (tokenizer.has(token)) endIds.add(tokenizer.id(token));
  const isSampled = json["do_sample"] !== false;
  return {
    endIds,
    temperature: isSampled ? number("temperature", 1) : 0,
    topP: number("top_p", 1),
    topK: number("top_k", 0),
    repetitionPenalty: number("repetition_penalty", 1),
  };
}

export function prepareConversation(
  { config, tokenizer, template, processor }: Qwen3VLParts,
  turns: readonly ConversationTurn[],
  options: { readonly videoLayout?: VideoLayout } = {},
): VisualPrompt {
  const images: ProcessedMedia[] = [];
  const videos: ProcessedMedia[] = [];
  const messages = turns.map(({ role, content }) => ({
    role,
    content:
      typeof content === "string"
        ? words(content, tokenizer)
        : content.map((part): TemplatePart => {
            if (part.type === "text") return { type: "text", text: words(part.text, tokenizer) };
            if (part.type === "image") {
              images.push(processImage(part.image, config.vision, processor));
              return { type: "image" };
            }
            videos.push(processVideo(part.frames, part.timesSecs, config.vision, processor));
            return { type: "video" };
          }),
  }));
  const text = template.render(messages, { addGenerationPrompt: true });
  const ids = expandMedia(text, tokenizer, {
    images,
    videos,
    spatialMergeSize: config.vision.spatialMergeSize,
    ...(options.videoLayout === undefined ? {} : { videoLayout: options.videoLayout }),
  });
  const all = [...images, ...videos];
  let patches: Uint8Array | null = null;
  if (all.length > 0) {
    patches = new Uint8Array(all.reduce((sum, { patches: own }) => sum + own.length, 0));
    let at = 0;
    for (const { patches: own } of all) {
      patches.set(own, at);
      at += own.length;
    }
  }
  return {
    ids,
    images: images.map(({ grid }) => grid),
    videos: videos.map(({ grid }) => grid),
    patches,
  };
}

/** Words of a person hold no control tokens: one inside would end the turn or claim a picture. */
function words(text: string, tokenizer: Tokenizer): string {
  for (const { content, special } of tokenizer.json.added_tokens) {
    if (special === true && text.includes(content)) {
      throw new ConfigError(
        `prompt: the text holds the control token ${JSON.stringify(content)}; write it differently: ${JSON.stringify(text.slice(0, 80))}`,
      );
    }
  }
  return text;
}
