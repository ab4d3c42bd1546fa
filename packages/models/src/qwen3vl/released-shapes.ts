/** Sizes of the released backbones, for estimates and for runs with random weights. */
import type { Qwen3VLConfig } from "./config.ts";

const ids = {
  imageTokenId: 151_655,
  videoTokenId: 151_656,
  visionStartTokenId: 151_652,
  visionEndTokenId: 151_653,
};

/** Qwen3-VL-2B, the backbone of Cosmos-Reason2-2B. */
export const cosmosReason2_2b: Qwen3VLConfig = {
  ...ids,
  text: {
    vocabSize: 151_936,
    hiddenSize: 2048,
    intermediateSize: 6144,
    numLayers: 28,
    numHeads: 16,
    numKvHeads: 8,
    headDim: 128,
    rmsNormEps: 1e-6,
    ropeTheta: 5_000_000,
    mropeSection: [24, 20, 20],
    tieWordEmbeddings: true,
    initializerRange: 0.02,
  },
  vision: {
    depth: 24,
    hiddenSize: 1024,
    intermediateSize: 4096,
    numHeads: 16,
    inChannels: 3,
    patchSize: 16,
    spatialMergeSize: 2,
    temporalPatchSize: 2,
    outHiddenSize: 2048,
    numPositionEmbeddings: 2304,
    deepstackIndexes: [5, 11, 17],
    initializerRange: 0.02,
  },
};

/** Qwen3-VL-8B, the backbone of Cosmos-Reason2-8B and, with more tokens, of Alpamayo. */
export const cosmosReason2_8b: Qwen3VLConfig = {
  ...ids,
  text: {
    ...cosmosReason2_2b.text,
    hiddenSize: 4096,
    intermediateSize: 12_288,
    numLayers: 36,
    numHeads: 32,
    tieWordEmbeddings: false,
  },
  vision: {
    ...cosmosReason2_2b.vision,
    depth: 27,
    hiddenSize: 1152,
    intermediateSize: 4304,
    outHiddenSize: 4096,
    deepstackIndexes: [8, 16, 24],
  },
};
