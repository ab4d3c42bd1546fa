import type { ChatRequest } from "./chat-model.ts";

/** Four characters per token; media are not counted. Only for servers that report no usage, and for budgets. */
export function estimateTextTokens(request: ChatRequest): number {
  let characters = 0;
  for (const message of request.messages)
    for (const part of message.content) if (part.type === "text") characters += part.text.length;
  return Math.ceil(characters / 4);
}
