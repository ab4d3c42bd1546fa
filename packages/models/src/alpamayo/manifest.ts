import { ConfigError } from "../errors.ts";
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
