import { referenceActionSpace } from "@causeway/geom";
import type { TextConfig, VisionConfig } from "../qwen3vl/config.ts";
import { trainBpe } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { DrivingCodec } from "./codec.ts";
import type { AlpamayoConfig } from "./config.ts";
import { createManifest, type ModelManifest } from "./manifest.ts";
import { cameraNames, requestTexts, systemText } from "./prompt.ts";
import { withBaseTokens, withDrivingTokens } from "./vocabulary.ts";

/** A size of the one architecture; ids and vocabulary size come from the tokenizer. */
export interface Preset {
  readonly name: string;
  readonly text: Omit<TextConfig, "vocabSize">;
  readonly vision: Omit<VisionConfig, "outHiddenSize">;
  readonly expert: AlpamayoConfig["expert"];
  readonly actionInProj: AlpamayoConfig["actionInProj"];
  readonly futureTokens: AlpamayoConfig["futureTokens"];
  readonly historyTokens: AlpamayoConfig["historyTokens"];
  readonly flowSteps: number;
  /** Upper bound of the byte-pair vocabulary, 256 bytes included. */
  readonly bpeVocabSize: number;
  readonly manifest: Pick<
    ModelManifest,
    | "promptVersion"
    | "cameraLabels"
    | "image"
    | "framesPerCamera"
    | "frameStepSecs"
    | "frameGrouping"
    | "historyPoses"
  > & {
    readonly cameraIndices: readonly number[];
  };
}

/**
 * The quickstart's driver, small enough to train in minutes on two cores: front wide and front telephoto, 4 frames of
 * 160 x 96 as one temporal grid each (15 tokens a camera), future tokens for every 4th step, history for every 2nd.
 * The architecture is the full one. Of the released set (cross left, front wide, cross right, front telephoto) these two
 * decide most: at 160 px the wide camera shows a lamp at 40 m as one pixel, the telephoto as three.
 */
export const nano: Preset = {
  name: "nano",
  text: {
    hiddenSize: 128,
    intermediateSize: 384,
    numLayers: 4,
    numHeads: 4,
    numKvHeads: 2,
    headDim: 32,
    rmsNormEps: 1e-6,
    ropeTheta: 10_000,
    mropeSection: [6, 5, 5],
    tieWordEmbeddings: true,
    initializerRange: 0.05,
  },
  vision: {
    depth: 4,
    hiddenSize: 128,
    intermediateSize: 384,
    numHeads: 4,
    inChannels: 3,
    patchSize: 16,
    spatialMergeSize: 2,
    temporalPatchSize: 4,
    numPositionEmbeddings: 64,
    deepstackIndexes: [1, 2],
    initializerRange: 0.02,
  },
  expert: { hiddenSize: 96, intermediateSize: 288, numHeads: 4 },
  actionInProj: {
    hiddenSize: 96,
    numEncLayers: 2,
    numFourierFeats: 20,
    minFreq: 0.05,
    maxFreq: 10,
  },
  futureTokens: { bins: 384, min: -7, max: 7, count: 32 },
  historyTokens: {
    bins: 128,
    min: [-1, -1.5, -1],
    max: [5, 1.5, 1],
    every: 2,
    axes: 2,
    count: 16,
  },
  flowSteps: 10,
  bpeVocabSize: 896,
  manifest: {
    promptVersion: "r1_5",
    cameraLabels: false,
    cameraIndices: [1, 6],
    image: { widthPx: 160, heightPx: 96 },
    framesPerCamera: 4,
    frameStepSecs: 0.1,
    frameGrouping: "grid",
    historyPoses: 16,
  },
};

/** Twice the width and depth of nano, every future step a token: the `reference` recipe's driver. */
export const micro: Preset = {
  ...nano,
  name: "micro",
  text: {
    ...nano.text,
    hiddenSize: 256,
    intermediateSize: 768,
    numLayers: 6,
    numHeads: 8,
    numKvHeads: 4,
  },
  vision: {
    ...nano.vision,
    hiddenSize: 192,
    intermediateSize: 576,
    depth: 6,
    numHeads: 6,
    deepstackIndexes: [1, 3, 5],
  },
  expert: { hiddenSize: 192, intermediateSize: 576, numHeads: 8 },
  actionInProj: { ...nano.actionInProj, hiddenSize: 192 },
  futureTokens: { ...nano.futureTokens, bins: 512, count: 128 },
  historyTokens: {
    ...nano.historyTokens,
    bins: 256,
    every: 1,
    axes: 3,
    count: 48,
    min: [-1, -1, -1],
    max: [3, 1, 1],
  },
};

/** Shapes of the released driver (8B backbone); its tokenizer is the released one, not trained. */
export const alpamayoR1: Preset = {
  name: "alpamayo-r1",
  text: {
    hiddenSize: 4096,
    intermediateSize: 12288,
    numLayers: 36,
    numHeads: 32,
    numKvHeads: 8,
    headDim: 128,
    rmsNormEps: 1e-6,
    ropeTheta: 5_000_000,
    mropeSection: [24, 20, 20],
    tieWordEmbeddings: false,
    initializerRange: 0.02,
  },
  vision: {
    depth: 27,
    hiddenSize: 1152,
    intermediateSize: 4304,
    numHeads: 16,
    inChannels: 3,
    patchSize: 16,
    spatialMergeSize: 2,
    temporalPatchSize: 2,
    numPositionEmbeddings: 2304,
    deepstackIndexes: [8, 16, 24],
    initializerRange: 0.02,
  },
  expert: { hiddenSize: 2048, intermediateSize: 8256, numHeads: 16 },
  actionInProj: { hiddenSize: 512, numEncLayers: 2, numFourierFeats: 20, maxFreq: 100 },
  futureTokens: { bins: 3000, min: -10, max: 10, count: 128 },
  historyTokens: { bins: 1000, min: [-4, -4, -10], max: [4, 4, 10], count: 48 },
  flowSteps: 10,
  bpeVocabSize: 151_643,
  manifest: {
    promptVersion: "r1",
    cameraLabels: false,
    cameraIndices: [0, 1, 2, 6],
    image: { widthPx: 576, heightPx: 320 },
    framesPerCamera: 4,
    frameStepSecs: 0.1,
    frameGrouping: "image",
    historyPoses: 16,
  },
};
/** The same shapes with camera and frame names and navigation text. */
export const alpamayo1_5: Preset = {
  ...alpamayoR1,
  name: "alpamayo-1.5",
  manifest: { ...alpamayoR1.manifest, promptVersion: "r1_5", cameraLabels: true },
};

export const presets: Readonly<Record<string, Preset>> = {
  nano,
  micro,
  "alpamayo-r1": alpamayoR1,
  "alpamayo-1.5": alpamayo1_5,
};

/** Trains a tokenizer on a corpus; the prompt's own words are added so that they are single tokens. */
export function trainDrivingTokenizer(preset: Preset, corpus: Iterable<string>): Tokenizer {
  const own = `system\nuser\nassistant\n${systemText}${requestTexts.cot}, then ${requestTexts.traj_future}.`;
  function* texts(): Iterable<string> {
    // Often enough that every word of the prompt outweighs the rarest words of the corpus.
    for (let i = 0; i < 1000; i++) yield own;
    yield* corpus;
  }
  const base = withBaseTokens(new Tokenizer(trainBpe(texts(), preset.bpeVocabSize)));
  return withDrivingTokens(base, {
    trajectoryTokens: preset.futureTokens.bins + preset.historyTokens.bins,
    version: preset.manifest.promptVersion,
  });
}

/** Configuration, manifest and codec of a preset with a tokenizer. */
export function createCodec(preset: Preset, tokenizer: Tokenizer): DrivingCodec {
  const config: AlpamayoConfig = {
    vlm: {
      text: { ...preset.text, vocabSize: tokenizer.size },
      vision: { ...preset.vision, outHiddenSize: preset.text.hiddenSize },
      imageTokenId: tokenizer.id("<|image_pad|>"),
      videoTokenId: tokenizer.id("<|video_pad|>"),
      visionStartTokenId: tokenizer.id("<|vision_start|>"),
      visionEndTokenId: tokenizer.id("<|vision_end|>"),
    },
    expert: preset.expert,
    actionInProj: preset.actionInProj,
    actionSpace: referenceActionSpace,
    futureTokens: preset.futureTokens,
    historyTokens: preset.historyTokens,
    flowSteps: preset.flowSteps,
    addSpecialTokens: true,
  };
  const { cameraIndices, ...settings } = preset.manifest;
  const manifest = createManifest(config, tokenizer, {
    name: preset.name,
    ...settings,
    cameras: cameraIndices.map((index) => ({ name: cameraNames[index] as string, index })),
  });
  return new DrivingCodec(config, manifest, tokenizer);
}
