export { ConfigError, FormatError } from "./errors.ts";
export type { ModelInput } from "./input.ts";
export { readFolderJson, readFolderText } from "./folder/read-json.ts";
export { compareTensors, requireTensors, type TensorDifference } from "./folder/tensor-check.ts";
export { Checkpoint } from "./safetensors/checkpoint.ts";
export {
  bfloat16FromFloat,
  elementBytes,
  float16FromFloat,
  floatFromBfloat16,
  floatFromFloat16,
  type SafetensorsDtype,
} from "./safetensors/dtypes.ts";
export {
  type FloatTensor,
  floatTensorToWrite,
  SafetensorsFile,
  type TensorToWrite,
  writeSafetensors,
} from "./safetensors/file.ts";
export { type AddedToken, type TokenizerJson, trainBpe } from "./tokenizer/bpe-trainer.ts";
export { Tokenizer } from "./tokenizer/tokenizer.ts";
export {
  formatQwen3VLConfig,
  parseQwen3VLConfig,
  type Qwen3VLConfig,
  type TextConfig,
  type VisionConfig,
} from "./qwen3vl/config.ts";
export {
  type Backbone,
  backboneFeeds,
  type BackboneShape,
  buildBackbone,
  maskedScore,
  outputHead,
} from "./qwen3vl/model.ts";
export {
  isSpareQwen3VLTensor,
  qwen3vlModuleOf,
  qwen3vlWeightShapes,
  randomQwen3VLWeights,
  readQwen3VLWeights,
} from "./qwen3vl/weights.ts";
export {
  gridOf,
  normalizeLevels,
  patchify,
  patchifyInto,
  patchLength,
} from "./qwen3vl/patchify.ts";
export {
  type Grid,
  ropePositions,
  type RopePositions,
  RotaryTable,
} from "./qwen3vl/positions.ts";
export {
  type AlpamayoConfig,
  formatAlpamayoConfig,
  parseAlpamayoConfig,
} from "./alpamayo/config.ts";
export {
  actionInProj,
  actionOutProj,
  fourierFeatures,
  fourierFrequencies,
} from "./alpamayo/action-in-proj.ts";
export { expertField, expertMask } from "./alpamayo/expert.ts";
export {
  drawFlowSample,
  eulerStep,
  flowSample,
  type FlowSample,
  flowTime,
  flowTimes,
  guide,
  integrateFlow,
} from "./alpamayo/flow-matching.ts";
export {
  buildStage1,
  buildPrefix,
  buildStage2,
  stage1Loss,
  type Stage1Shape,
  type Stage2Shape,
  type TrainingGraph,
} from "./alpamayo/training.ts";
export {
  baseTokens,
  drivingId,
  type DrivingTokenName,
  drivingTokenNames,
  type PromptVersion,
  vocabularyMap,
  type VocabularyMap,
  withBaseTokens,
  withDrivingTokens,
} from "./alpamayo/vocabulary.ts";
export {
  checkWeights,
  initialWeights,
  isSpareAlpamayoTensor,
  moduleOf,
  type WeightModule,
  type Weights,
  weightShapes,
} from "./alpamayo/weights.ts";
export type { PerceptionShape } from "./alpamayo/perception.ts";
export { BatchBuilder, stage1Shape, stage2Shape } from "./alpamayo/batches.ts";
export { DrivingCodec, type TrainingExample } from "./alpamayo/codec.ts";
export { checkManifest, createManifest, type ModelManifest } from "./alpamayo/manifest.ts";
export {
  alpamayo1_5,
  alpamayoR1,
  createCodec,
  micro,
  nano,
  type Preset,
  presets,
  trainDrivingTokenizer,
} from "./alpamayo/presets.ts";
export {
  type NavigationCondition,
  navigationConditions,
  navigationVariants,
  swapSides,
  withoutNavigation,
} from "./alpamayo/navigation.ts";
export {
  assistantEnds,
  cameraDisplayNames,
  cameraNames,
  drivingLayout,
  labelMask,
  type PromptContent,
  type PromptLayout,
  PromptRenderer,
  type RenderedPrompt,
} from "./alpamayo/prompt.ts";
export {
  type DriveOptions,
  Driver,
  type DriveResult,
  type DriveSample,
} from "./alpamayo/driver.ts";
export {
  driverFiles,
  driverFromFiles,
  type ModelFileReader,
} from "./alpamayo/driver-from-files.ts";
export { assertReleaseIds, readRelease, type Release, releasedIds } from "./alpamayo/release.ts";
export {
  comfortKinds,
  type ComfortKind,
  upstreamComfort,
  upstreamComfortBounds,
  upstreamDynamics,
  upstreamPath,
  upstreamReasoning,
  upstreamReward,
  upstreamRewardWithReasoning,
} from "./alpamayo/upstream-reward.ts";
export {
  asLoadedInBf16,
  type UpstreamDefect,
  zipAssistantEnds,
  zipSpansOverBatch,
} from "./alpamayo/upstream.ts";
export { AlpamayoModel } from "./alpamayo/model.ts";
export {
  type MediaTokens,
  expandMedia,
  type VideoLayout,
} from "./chat/expand-media.ts";
export {
  ChatTemplate,
  plainTemplate,
  type TemplateMessage,
  type TemplateOptions,
  type TemplatePart,
} from "./chat/template.ts";
export {
  type ConversationPart,
  type ConversationTurn,
  type GenerationDefaults,
  prepareConversation,
  Qwen3VLModel,
  type Qwen3VLParts,
  readQwen3VLParts,
} from "./qwen3vl/chat-model.ts";
export {
  type LoraAdapter,
  type LoraFactors,
  mergeLora,
  readLora,
  writeLora,
} from "./lora/adapter.ts";
export {
  loraA,
  loraB,
  LoraGraph,
  type LoraShape,
  loraShape,
  loraTensors,
} from "./lora/lora-graph.ts";
export {
  planShards,
  shardFile,
  shardIndex,
  writeWeights,
  type WriteWeightsOptions,
} from "./folder/write-weights.ts";
export { writeJsonFile, writeTextFile } from "./folder/write-file.ts";
export { decodeImage } from "./vision/decode-image.ts";
export {
  parseProcessorSettings,
  processImage,
  type ProcessedMedia,
  type ProcessorSettings,
  processVideo,
  releasedProcessor,
} from "./vision/processor.ts";
export { type ResizeRule, resizeBicubic } from "./vision/resize-bicubic.ts";
export {
  cutFrames,
  type FrameRequest,
  patchTimes,
  processorFrames,
  pythonTenths,
  timestampText,
  utilsFrameIndices,
  utilsFrames,
  utilsNumFrames,
} from "./vision/sample-frames.ts";
export {
  type PixelLimits,
  type Size,
  smartResize,
  smartResizeVideo,
  utilsFrameLimits,
  utilsSmartResize,
  utilsVideoSize,
  visualTokens,
} from "./vision/smart-resize.ts";
export { type GenerateOptions, generateText, type Generation } from "./generation/generate.ts";
export { applyPenalties, type PenaltyOptions } from "./generation/penalties.ts";
export {
  FloatSequenceEngine,
  type SequenceEngine,
  type VisualPrompt,
} from "./generation/sequence-engine.ts";
export { TextStream } from "./generation/text-stream.ts";
export {
  backboneFacts,
  type BackboneFacts,
  backboneFolder,
  type BackboneName,
  backboneNames,
  shipBackbone,
} from "./alpamayo/backbone.ts";
export { buildDecodeStep, buildFlowStep, buildPrefill } from "./generation/graphs.ts";
export { KvCache } from "./generation/kv-cache.ts";
export { type SampledToken, sampleToken, type SamplingOptions } from "./generation/sampling.ts";
export { informationWeights } from "./alpamayo/information-weights.ts";
export { StepEngine, type StepEngineOptions, type StepInput } from "./generation/step-engine.ts";
export { buildStep, stepFreeSizes } from "./generation/step-graph.ts";
export {
  type Activations,
  applyScales,
  type ScaleGroup,
  scaleGroups,
  searchScales,
} from "./quantized/activation-aware.ts";
export { BackboneEngine, type VisualTokens } from "./quantized/backbone-engine.ts";
export { QuantizedSequenceEngine } from "./quantized/sequence-engine.ts";
export {
  isQuantizedFolder,
  type QuantizationRecord,
  QuantizedFolder,
} from "./quantized/folder.ts";
export { readQuantized } from "./quantized/packed-driver.ts";
export {
  quantizeFolder,
  type QuantizeOptions,
  type QuantizeResult,
  readBackboneConfig,
} from "./quantized/quantize-folder.ts";
export { writeRandomFolder } from "./quantized/random-folder.ts";
export { compareLogits, type QuantizationReport } from "./quantized/report.ts";
export {
  bitsFor,
  defaultExclude,
  defaultScheme,
  type QuantizationScheme,
} from "./quantized/scheme.ts";
export { cosmosReason2_2b, cosmosReason2_8b } from "./qwen3vl/released-shapes.ts";
export { streamSafetensors, type TensorSource } from "./safetensors/stream.ts";
