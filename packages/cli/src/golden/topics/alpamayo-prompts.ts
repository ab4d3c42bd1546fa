import type { GoldenTopic } from "../topic.ts";
import { isPromptsCase } from "@causeway/models/golden/match";

const name = "alpamayo-prompts";

/** Prompt texts, token ids, label masks and vocabulary layouts. */
export const topic: GoldenTopic = {
  name,
  matches: isPromptsCase,
  async run(dir, caseJson) {
    const { checkPrompts } = await import("@causeway/models/golden");
    return (await checkPrompts(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
