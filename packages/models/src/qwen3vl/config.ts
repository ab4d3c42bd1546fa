import { ConfigError } from "../errors.ts";

/** Sizes of the Qwen3-VL text decoder. */
export interface TextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Its own number, not hiddenSize / numHeads. Even. */
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Channel pairs given to (time, row, column) by the interleaved rotary; sums to headDim / 2. */
  readonly mropeSection: readonly [number, number, number];
  readonly tieWordEmbeddings: boolean;
  readonly initializerRange: number;
}

/** Sizes of the vision tower. */
export interface VisionConfig {
  readonly depth: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHeads: number;
  readonly inChannels: number;
  /** Pixels per patch side. */
  readonly patchSize: number;
  /** Patches per merged token side. */
  readonly spatialMergeSize: number;
  /** Frames per patch. */
  readonly temporalPatchSize: number;
  /** Width of the tokens it hands over: the text model's hiddenSize. */
  readonly outHiddenSize: number;
  /** Rows of the learned position table, a square number. */
  readonly numPositionEmbeddings: number;
  /** Blocks whose output feeds a DeepStack merger; feature k is added after text layer k. */
  readonly deepstackIndexes: readonly number[];
  readonly initializerRange: number;
}

export interface Qwen3VLConfig {
  readonly text: TextConfig;
  readonly vision: VisionConfig;
  readonly imageTokenId: number;
  readonly videoTokenId: number;
  readonly visionStartTokenId: number;
  readonly visionEndTokenId: number;
}

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown, where: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(`config: ${where} is ${JSON.stringify(value)}; expected an object`);
  }
  return value as Json;
}

function number(json: Json, key: string, where: string, fallback?: number): number {
  const value = json[key] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new ConfigError(`config: ${where}.${key} is ${JSON.stringify(value)}; expected a number`);
  }
  return value;
}

function positive(json: Json, key: string, where: string, fallback?: number): number {
  const value = number(json, key, where, fallback);
  if (!Number.isInteger(value) || value <= 0) {
    throw new ConfigError(`config: ${where}.${key} is ${value}; expected a positive integer`);
  }
  return value;
}

function require(json: Json, key: string, where: string, expected: unknown): void {
  if (json[key] !== undefined && json[key] !== null && json[key] !== expected) {
    throw new ConfigError(
      `config: ${where}.${key} is ${JSON.stringify(json[key])}; only ${JSON.stringify(expected)} is implemented`,
    );
  }
}

function parseText(json: Json, tieWordEmbeddings: boolean): TextConfig {
  const where = "text_config";
  // transformers 5 writes rope_parameters where the released files have rope_scaling and rope_theta.
  const rope = object(
    json["rope_parameters"] ?? json["rope_scaling"] ?? {},
    `${where}.rope_scaling`,
  );
  require(json, "attention_bias", where, false);
  require(json, "hidden_act", where, "silu");
  require(rope, "mrope_interleaved", `${where}.rope`, true);
  require(rope, "rope_type", `${where}.rope`, "default");
  const hiddenSize = positive(json, "hidden_size", where);
  const numHeads = positive(json, "num_attention_heads", where);
  const section = rope["mrope_section"] ?? [24, 20, 20];
  if (!Array.isArray(section) || section.length !== 3 || !section.every(Number.isInteger)) {
    throw new ConfigError(
      `config: mrope_section is ${JSON.stringify(section)}; expected three integers`,
    );
  }
  return {
    vocabSize: positive(json, "vocab_size", where),
    hiddenSize,
    intermediateSize: positive(json, "intermediate_size", where),
    numLayers: positive(json, "num_hidden_layers", where),
    numHeads,
    numKvHeads: positive(json, "num_key_value_heads", where, numHeads),
    headDim: positive(json, "head_dim", where, hiddenSize / numHeads),
    rmsNormEps: number(json, "rms_norm_eps", where, 1e-6),
    ropeTheta: number({ ...json, ...rope }, "rope_theta", where),
    mropeSection: section as [number, number, number],
    tieWordEmbeddings,
    initializerRange: number(json, "initializer_range", where, 0.02),
  };
}

function parseVision(json: Json): VisionConfig {
  const where = "vision_config";
  require(json, "hidden_act", where, "gelu_pytorch_tanh");
  const indexes = json["deepstack_visual_indexes"] ?? [];
  if (!Array.isArray(indexes) || !indexes.every(Number.isInteger)) {
    throw new ConfigError(`config: deepstack_visual_indexes is ${JSON.stringify(indexes)}`);
  }
  return {
    depth: positive(json, "depth", where),
    hiddenSize: positive(json, "hidden_size", where),
    intermediateSize: positive(json, "intermediate_size", where),
    numHeads: positive(json, "num_heads", where),
    inChannels: positive(json, "in_channels", where, 3),
    patchSize: positive(json, "patch_size", where, 16),
    spatialMergeSize: positive(json, "spatial_merge_size", where, 2),
    temporalPatchSize: positive(json, "temporal_patch_size", where, 2),
    outHiddenSize: positive(json, "out_hidden_size", where),
    numPositionEmbeddings: positive(json, "num_position_embeddings", where),
    deepstackIndexes: indexes as number[],
    initializerRange: number(json, "initializer_range", where, 0.02),
  };
}

/** Reads a Hugging Face `config.json` of model_type qwen3_vl, in the released form or that of transformers 5. */
export function parseQwen3VLConfig(value: unknown): Qwen3VLConfig {
  const json = object(value, "config.json");
  if (json["model_type"] !== "qwen3_vl") {
    throw new ConfigError(
      `config: model_type is ${JSON.stringify(json["model_type"])}; expected "qwen3_vl"`,
    );
  }
  const text = object(json["text_config"], "text_config");
  const config: Qwen3VLConfig = {
    text: parseText(text, (json["tie_word_embeddings"] ?? text["tie_word_embeddings"]) === true),
    vision: parseVision(object(json["vision_config"], "vision_config")),
    imageTokenId: number(json, "image_token_id", "config"),
    videoTokenId: number(json, "video_token_id", "config"),
    visionStartTokenId: number(json, "vision_start_token_id", "config"),
    visionEndTokenId: number(json, "vision_end_token_id", "config"),
  };
  checkQwen3VLConfig(config);
  return config;
}

/** No released model comes near these; beyond them a file is hostile or damaged, and believing it would fill the memory. */
const textLimits = {
  vocabSize: 10_000_000,
  hiddenSize: 131_072,
  intermediateSize: 1_048_576,
  numLayers: 1024,
  numHeads: 4096,
  numKvHeads: 4096,
  headDim: 4096,
} as const;
const visionLimits = {
  depth: 1024,
  hiddenSize: 131_072,
  intermediateSize: 1_048_576,
  numHeads: 4096,
  inChannels: 16,
  patchSize: 256,
  spatialMergeSize: 16,
  temporalPatchSize: 64,
  outHiddenSize: 131_072,
  numPositionEmbeddings: 16_777_216,
} as const;

function sizeLimits<K extends string>(
  sizes: Readonly<Record<NoInfer<K>, number>>,
  limits: Readonly<Record<K, number>>,
): [boolean, string][] {
  return (Object.keys(limits) as K[]).map((key) => [
    sizes[key] <= limits[key],
    `${key} is ${sizes[key]}; at most ${limits[key]} is accepted`,
  ]);
}

/** Sizes that must fit together; throws `ConfigError` with both numbers. */
export function checkQwen3VLConfig({ text, vision }: Qwen3VLConfig): void {
  const pairs = text.mropeSection.reduce((a, b) => a + b, 0);
  const side = Math.sqrt(vision.numPositionEmbeddings);
  const visionHeadDim = vision.hiddenSize / vision.numHeads;
  const checks: readonly [boolean, string][] = [
    ...sizeLimits(text, textLimits),
    ...sizeLimits(vision, visionLimits),
    [text.headDim % 2 === 0, `head_dim ${text.headDim} is odd`],
    [
      pairs === text.headDim / 2,
      `mrope_section sums to ${pairs}, head_dim / 2 is ${text.headDim / 2}`,
    ],
    [
      text.numHeads % text.numKvHeads === 0,
      `${text.numHeads} heads do not divide over ${text.numKvHeads} key/value heads`,
    ],
    [
      vision.outHiddenSize === text.hiddenSize,
      `vision out_hidden_size ${vision.outHiddenSize} differs from text hidden_size ${text.hiddenSize}`,
    ],
    [
      Number.isInteger(side),
      `num_position_embeddings ${vision.numPositionEmbeddings} is not a square`,
    ],
    [
      Number.isInteger(visionHeadDim) && visionHeadDim % 4 === 0,
      `vision head size ${visionHeadDim} is not a multiple of 4 (rows and columns share it)`,
    ],
    [
      vision.deepstackIndexes.every((i) => i >= 0 && i < vision.depth),
      `deepstack_visual_indexes [${vision.deepstackIndexes.join(", ")}] reach outside ${vision.depth} vision blocks`,
    ],
    [
      vision.deepstackIndexes.length <= text.numLayers,
      `${vision.deepstackIndexes.length} DeepStack levels but ${text.numLayers} text layers`,
    ],
  ];
  for (const [holds, message] of checks) if (!holds) throw new ConfigError(`config: ${message}`);
}

/** The released Hugging Face form of a configuration. */
export function formatQwen3VLConfig({ text, vision, ...ids }: Qwen3VLConfig): Json {
  return {
    architectures: ["Qwen3VLForConditionalGeneration"],
    model_type: "qwen3_vl",
    image_token_id: ids.imageTokenId,
    video_token_id: ids.videoTokenId,
    vision_start_token_id: ids.visionStartTokenId,
    vision_end_token_id: ids.visionEndTokenId,
    tie_word_embeddings: text.tieWordEmbeddings,
    text_config: {
      model_type: "qwen3_vl_text",
      attention_bias: false,
      attention_dropout: 0,
      hidden_act: "silu",
      vocab_size: text.vocabSize,
      hidden_size: text.hiddenSize,
      intermediate_size: text.intermediateSize,
      num_hidden_layers: text.numLayers,
      num_attention_heads: text.numHeads,
      num_key_value_heads: text.numKvHeads,
      head_dim: text.headDim,
      rms_norm_eps: text.rmsNormEps,
      rope_theta: text.ropeTheta,
      rope_scaling: {
        mrope_interleaved: true,
        mrope_section: text.mropeSection,
        rope_type: "default",
      },
      tie_word_embeddings: text.tieWordEmbeddings,
      initializer_range: text.initializerRange,
    },
    vision_config: {
      model_type: "qwen3_vl",
      hidden_act: "gelu_pytorch_tanh",
      depth: vision.depth,
      hidden_size: vision.hiddenSize,
      intermediate_size: vision.intermediateSize,
      num_heads: vision.numHeads,
      in_channels: vision.inChannels,
      patch_size: vision.patchSize,
      spatial_merge_size: vision.spatialMergeSize,
      temporal_patch_size: vision.temporalPatchSize,
      out_hidden_size: vision.outHiddenSize,
      num_position_embeddings: vision.numPositionEmbeddings,
      deepstack_visual_indexes: vision.deepstackIndexes,
      initializer_range: vision.initializerRange,
    },
  };
}
