import { createRng } from "@causeway/geom";
import {
  ChatTemplate,
  nano,
  parseProcessorSettings,
  plainTemplate,
  type Qwen3VLConfig,
  Qwen3VLModel,
  randomQwen3VLWeights,
  Tokenizer,
  trainBpe,
  withBaseTokens,
} from "@causeway/models";

const limits = { size: { shortest_edge: 1024, longest_edge: 16_384 } };

/** The smallest Qwen3-VL that still has every part, with random weights. */
export function tinyQwen3VL(change: { readonly tied?: boolean } = {}): Qwen3VLModel {
  const tokenizer = withBaseTokens(
    new Tokenizer(trainBpe(["what does the lead car do at the light?", "seconds"], 300)),
  );
  const config: Qwen3VLConfig = {
    text: {
      ...nano.text,
      vocabSize: tokenizer.size + 5,
      hiddenSize: 32,
      intermediateSize: 64,
      numLayers: 2,
      headDim: 16,
      mropeSection: [4, 2, 2],
      initializerRange: 0.1,
      tieWordEmbeddings: change.tied ?? true,
    },
    vision: {
      ...nano.vision,
      depth: 2,
      hiddenSize: 32,
      intermediateSize: 64,
      numHeads: 2,
      temporalPatchSize: 2,
      deepstackIndexes: [0],
      outHiddenSize: 32,
    },
    imageTokenId: tokenizer.id("<|image_pad|>"),
    videoTokenId: tokenizer.id("<|video_pad|>"),
    visionStartTokenId: tokenizer.id("<|vision_start|>"),
    visionEndTokenId: tokenizer.id("<|vision_end|>"),
  };
  return new Qwen3VLModel(
    {
      config,
      tokenizer,
      template: new ChatTemplate(plainTemplate),
      generation: {
        endIds: new Set([tokenizer.id("<|im_end|>")]),
        temperature: 0.7,
        topP: 0.8,
        topK: 20,
        repetitionPenalty: 1,
      },
      processor: parseProcessorSettings(limits, limits),
      kept: new Map<string, unknown>([
        [
          "generation_config.json",
          { eos_token_id: tokenizer.id("<|im_end|>"), temperature: 0.7, top_p: 0.8, top_k: 20 },
        ],
        ["preprocessor_config.json", limits],
        ["video_preprocessor_config.json", limits],
      ]),
    },
    randomQwen3VLWeights(config, createRng(4)),
  );
}
