import type { ConversationPart, ConversationTurn } from "@causeway/models";
import type { ChatRequest } from "@causeway/reason";
import { mediaOf, type ReadVideo } from "./media-parts.ts";

/** A request as turns for a Qwen3-VL model: pictures and frames decoded, text as it is. */
export async function conversationOf(
  request: ChatRequest,
  readVideo: ReadVideo | null,
): Promise<ConversationTurn[]> {
  const turns: ConversationTurn[] = [];
  for (const { role, content } of request.messages) {
    const parts: ConversationPart[] = [];
    for (const part of content)
      parts.push(
        part.type === "text" ? part : ((await mediaOf(part, readVideo)) as ConversationPart),
      );
    // A list of parts and one string render alike in user turns only: templates read a plain system text.
    const isText = parts.every((part) => part.type === "text");
    turns.push({
      role,
      content: isText
        ? parts.map((part) => (part.type === "text" ? part.text : "")).join("")
        : parts,
    });
  }
  return turns;
}
