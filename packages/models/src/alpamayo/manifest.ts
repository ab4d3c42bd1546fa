import { ConfigError, FormatError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { AlpamayoConfig } from "./config.ts";
import { type PromptVersion, vocabularyMap, type VocabularyMap } from "./vocabulary.ts";

/**
 * What belongs to a model but not to its architecture: cameras, frames, prompt layout and the ids it was trained with.
 * Saved as `manifest.json`; loading asserts it against the tokenizer and the configuration.
 */
export interface ModelManifest {
  readonly schema: "causeway-model/1";
  readonly name: string;
  readonly promptVersion: PromptVersion;
  /** Whether prompts name cameras and number frames. */
  readonly cameraLabels: boolean;
  /** Ascending by index; `name` is the key in `ModelInput.cameras`. */
  readonly cameras: readonly { readonly name: string; readonly index: number }[];
  /** Size of every frame as the model sees it. */
  readonly image: { readonly widthPx: number; readonly heightPx: number };
  readonly framesPerCamera: number;
  readonly frameStepSecs: number;
  /** "image": every frame is a picture of its own (releases). "grid": the frames of a camera share one temporal grid. */
  readonly frameGrouping: "image" | "grid";
  readonly historyPoses: number;
  /** Whether it was trained to answer questions about its pictures (1.5 is); false when left out. */
  readonly answersQuestions?: boolean;
  readonly vocabulary: VocabularyMap;
}

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Largest accepted counts: far above any model, far below what would fill a memory. */
const limits = { cameras: 32, frames: 64, poses: 1024, pixels: 8192 } as const;

/**
 * `manifest.json` with every field of its type and within limits; whether it fits configuration and tokenizer is
 * `checkManifest`'s business.
 */
export function parseManifest(value: unknown): ModelManifest {
  if (!isJson(value)) throw new FormatError("manifest.json is not an object");
  const need = (where: Json, key: string, isRight: (v: unknown) => boolean, expected: string) => {
    if (!isRight(where[key]))
      throw new FormatError(
        `manifest.json: ${key} is ${JSON.stringify(where[key])?.slice(0, 80)}; expected ${expected}`,
      );
  };
  const count = (where: Json, key: string, most: number, least = 1): void =>
    need(
      where,
      key,
      (v) => Number.isSafeInteger(v) && Number(v) >= least && Number(v) <= most,
      `an integer from ${least} to ${most}`,
    );
  const text = (where: Json, key: string) =>
    need(where, key, (v) => typeof v === "string" && v.length <= 200, "a short text");
  const oneOf = (key: string, known: readonly string[]) =>
    need(value, key, (v) => known.includes(v as string), known.join(" or "));
  const flag = (key: string) => need(value, key, (v) => typeof v === "boolean", "true or false");

  text(value, "schema");
  text(value, "name");
  oneOf("promptVersion", ["r1", "r1_5"]);
  oneOf("frameGrouping", ["image", "grid"]);
  flag("cameraLabels");
  if (value["answersQuestions"] !== undefined) flag("answersQuestions");
  count(value, "framesPerCamera", limits.frames);
  count(value, "historyPoses", limits.poses);
  need(value, "frameStepSecs", (v) => typeof v === "number" && v > 0 && v < 3600, "seconds");
  need(value, "image", isJson, "widthPx and heightPx");
  for (const side of ["widthPx", "heightPx"]) count(value["image"] as Json, side, limits.pixels);
  const isCameras = (v: unknown) =>
    Array.isArray(v) && v.length <= limits.cameras && v.every(isJson);
  need(value, "cameras", isCameras, `at most ${limits.cameras} of name and index`);
  for (const camera of value["cameras"] as readonly Json[]) {
    text(camera, "name");
    count(camera, "index", 1000, 0);
  }
  need(value, "vocabulary", isJson, "ids");
  const vocabulary = value["vocabulary"] as Json;
  for (const key of ["size", "futureFirst", "futureBins", "historyFirst", "historyBins"])
    count(vocabulary, key, 2 ** 31, 0);
  for (const group of ["base", "driving"]) {
    const isIds = (v: unknown) => isJson(v) && Object.values(v).every(Number.isSafeInteger);
    need(vocabulary, group, isIds, "ids by name");
  }
  return value as unknown as ModelManifest;
}

export function createManifest(
  config: AlpamayoConfig,
  tokenizer: Tokenizer,
  settings: Omit<ModelManifest, "schema" | "vocabulary">,
): ModelManifest {
  const vocabulary = vocabularyMap(tokenizer, {
    futureBins: config.futureTokens.bins,
    historyBins: config.historyTokens.bins,
    version: settings.promptVersion,
  });
  const manifest: ModelManifest = { schema: "causeway-model/1", ...settings, vocabulary };
  checkManifest(manifest, config, tokenizer);
  return manifest;
}

/** Throws `ConfigError` naming the first contradiction between manifest, configuration and tokenizer. */
export function checkManifest(
  manifest: ModelManifest,
  config: AlpamayoConfig,
  tokenizer: Tokenizer,
): void {
  const fail = (message: string): never => {
    throw new ConfigError(`manifest "${manifest.name}": ${message}`);
  };
  if (manifest.schema !== "causeway-model/1")
    fail(`schema is ${JSON.stringify(manifest.schema)}; expected "causeway-model/1"`);
  const actual = vocabularyMap(tokenizer, {
    futureBins: config.futureTokens.bins,
    historyBins: config.historyTokens.bins,
    version: manifest.promptVersion,
  });
  const stated = manifest.vocabulary;
  for (const key of ["size", "futureFirst", "futureBins", "historyFirst", "historyBins"] as const) {
    if (actual[key] !== stated[key])
      fail(`${key} is ${stated[key]} but the tokenizer gives ${actual[key]}`);
  }
  for (const group of ["base", "driving"] as const) {
    const [here, there] = [stated[group], actual[group]] as Readonly<Record<string, number>>[];
    for (const name of new Set([...Object.keys(here ?? {}), ...Object.keys(there ?? {})])) {
      if (here?.[name] !== there?.[name])
        fail(`${name} has id ${here?.[name]} but the tokenizer gives ${there?.[name]}`);
    }
  }
  const { text, vision } = config.vlm;
  if (text.vocabSize < stated.size)
    fail(`the embedding has ${text.vocabSize} rows for ${stated.size} tokens`);
  if (config.vlm.imageTokenId !== stated.base.imagePad) {
    fail(
      `image_token_id is ${config.vlm.imageTokenId} but <|image_pad|> is ${stated.base.imagePad}`,
    );
  }
  const unit = vision.patchSize * vision.spatialMergeSize;
  const { widthPx, heightPx } = manifest.image;
  if (widthPx % unit !== 0 || heightPx % unit !== 0)
    fail(`image ${widthPx} x ${heightPx} is not a multiple of ${unit}`);
  const { count, every = 1, axes = 3 } = config.historyTokens;
  const expected = axes * Math.ceil(manifest.historyPoses / every);
  if (count !== expected) {
    fail(
      `${count} history tokens for ${manifest.historyPoses} poses; expected ${expected} (${axes} for every ${every === 1 ? "pose" : `${every} poses`})`,
    );
  }
  const indices = manifest.cameras.map(({ index }) => index);
  if (indices.some((index, i) => i > 0 && index <= (indices[i - 1] as number))) {
    fail(`camera indices [${indices.join(", ")}] do not ascend`);
  }
}
