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
