import type { GoldenTopic } from "../topic.ts";
import { isTokenizerCase } from "@causeway/models/golden/match";

const name = "qwen3vl-tokenizer";

/** Text to ids and back. */
export const topic: GoldenTopic = {
  name,
  matches: isTokenizerCase,
  async run(dir, caseJson) {
    const { checkTokenizer } = await import("@causeway/models/golden");
    return (await checkTokenizer(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
