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
