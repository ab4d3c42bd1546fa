import type { GoldenTopic } from "../topic.ts";
import { isChatTemplateCase } from "@causeway/models/golden/match";

const name = "qwen3vl-chat-template";

/** Conversations through Jinja templates. */
export const topic: GoldenTopic = {
  name,
  matches: isChatTemplateCase,
  async run(dir, caseJson) {
    const { checkChatTemplate } = await import("@causeway/models/golden");
    return (await checkChatTemplate(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
