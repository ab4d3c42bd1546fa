export {
  ChatError,
  type ChatErrorKind,
  type ChatMessage,
  type ChatModel,
  type ChatPart,
  type ChatReply,
  type ChatRequest,
  retryableKinds,
  type Sampling,
} from "./chat/chat-model.ts";
export { type Clock, systemClock } from "./clock.ts";
export { estimateTextTokens } from "./chat/estimate-tokens.ts";
export {
  apiKeyFor,
  type ModelSpec,
  ModelSpecError,
  modelSpecForms,
  type OpenModelOptions,
  openModel,
  parseModelSpec,
} from "./chat/model-spec.ts";
export { isRefusalText } from "./chat/refusal.ts";
export { sampleOfSchema } from "./chat/schema-sample.ts";
export {
  createScriptedModel,
  defaultScript,
  isScripted,
  type Script,
  type ScriptedModelOptions,
  scriptedError,
  syntheticText,
} from "./chat/scripted-model.ts";
export { ReasoningStream, type SplitText, splitReasoning } from "./chat/split-reasoning.ts";
export { type Ask, type Asked, type AskOptions, ReplyFormatError } from "./batch/asker.ts";
export type { Failure, FailureKind, ItemEnd } from "./batch/batch-ledger.ts";
export { type BatchSummary, type EarlyStop, summaryText } from "./batch/batch-summary.ts";
export {
  type BudgetLimits,
  BudgetError,
  costUsd,
  type Spending,
  type TokenPrice,
} from "./batch/budget.ts";
export { canonicalJson, contentKey, requestKey, stableFraction } from "./batch/content-key.ts";
export { JsonlLog, readLog } from "./batch/jsonl-log.ts";
export type { PaceOptions } from "./batch/pace.ts";
export { openReplyCache, type ReplyCache } from "./batch/reply-cache.ts";
export { defaultRetryPolicy, type RetryPolicy } from "./batch/retry.ts";
export {
  type BatchItem,
  type BatchOptions,
  type BatchProgress,
  type BatchResult,
  type ItemTools,
  runBatch,
} from "./batch/run-batch.ts";
export { BatchConfigError, isInShard, parseShard, type Shard } from "./batch/shard.ts";
export {
  avCaptionFields,
  avCaptionShape,
  interactiveActions,
  weatherWords,
} from "./prompts/av-caption.ts";
export {
  type BuiltRequest,
  buildRequest,
  plainSampling,
  type ReasoningStyle,
  reasoningAddOn,
  reasoningSampling,
  reasoningStyleOf,
  type RequestParts,
} from "./prompts/build-request.ts";
export { builtInPrompts } from "./prompts/built-in.ts";
export {
  defaultSystemPrompt,
  fillPrompt,
  type OutputKind,
  outputKinds,
  parsePromptFile,
  type Placeholder,
  PromptError,
  promptHash,
  type PromptTemplate,
  promptToYaml,
} from "./prompts/template.ts";
export { parseChoice } from "./parse/choice.ts";
export {
  type CoordinateConvention,
  type ImageSize,
  relative1000,
  toPixels,
} from "./parse/coordinates.ts";
export {
  type Box2d,
  type Box3d,
  parseBoxes,
  parseBoxes3d,
  parsePoints,
  type PictureFrame,
  type Point2d,
} from "./parse/geometry.ts";
export { findJson } from "./parse/json.ts";
export { excerpt, failed, found, type Parsed } from "./parse/parsed.ts";
export { type Output, type OutputContext, readOutput } from "./parse/read-output.ts";
export { answerOf, extractTags, type TaggedText } from "./parse/tags.ts";
export { parseTime, parseTimeSpans, timeText, type TimeSpan } from "./parse/time-spans.ts";
export {
  type FrameLimits,
  frameIndices,
  frameRange,
  pairTimes,
  processorFrameCount,
  timestampText,
  utilsFrameCount,
} from "./vision/frames.ts";
export {
  type ContextLimits,
  contextNeed,
  factorOf,
  fitVideo,
  type PixelLimits,
  planImage,
  planVideo,
  totalPixelBudget,
  trainerPixelBudget,
  type VideoInfo,
  type VideoRequest,
  type VisionPath,
  type VisionPlan,
} from "./vision/plan.ts";
export { type Size, smartResize, smartResizeVideo, VisionPlanError } from "./vision/resize.ts";
export { parseScore, parseScoreStrictly, parseYesNo } from "./parse/score.ts";
export {
  type AnswerRecord,
  answerItem,
  type AnswerSettings,
  type ReadAnswer,
  retrySampling,
} from "./benchmarks/answer.ts";
export {
  type CaptionItem,
  type ChoiceItem,
  type GroundingItem,
  type ItemList,
  type ItemProblem,
  optionLines,
  readChoiceItems,
  readGroundingItems,
  readItems,
  readScoreItems,
  readTemporalItems,
  type ScoreItem,
  type TemporalItem,
} from "./benchmarks/items.ts";
export {
  type FieldScore,
  fieldText,
  judgeFields,
  judgePrompt,
  parseCaption,
} from "./benchmarks/judge.ts";
export {
  isLingoCorrect,
  lingoMaxTokens,
  type LingoQuestion,
  lingoText,
  readLingoAnswers,
  readLingoQuestions,
} from "./benchmarks/lingo.ts";
export { balanceLabels } from "./rewards/balance.ts";
export { formatReward, type ReplyStyle, taggedAnswer } from "./rewards/format.ts";
export { probeReward, type ProbeReply, type ProbeReport, tricks } from "./rewards/probe.ts";
export {
  builtInRewards,
  type Reward,
  RewardError,
  type RewardInput,
  rewardNamed,
  type RewardValue,
} from "./rewards/reward.ts";
export {
  bandOf,
  bestOf,
  closenessReward,
  criticScore,
  type FirstToken,
  lengthRewards,
  overlongPenalty,
  probabilityOfNo,
  twoWayProbability,
} from "./rewards/values.ts";
export {
  drawOverlay,
  isDrawable,
  type OverlayOptions,
  overlaySvg,
  type PinholeCamera,
} from "./draw/overlay.ts";
export {
  functionScorer,
  logitScorer,
  RewardItemError,
  type RewardScorer,
} from "./rewards/scorer.ts";
