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
