import type { GoldenTopic } from "../topic.ts";
import { isQwen3vlGenerateCase } from "@causeway/models/golden/match";

const name = "qwen3vl-generate";

/** Qwen3-VL greedy generation over the cache. */
export const topic: GoldenTopic = {
  name,
  matches: isQwen3vlGenerateCase,
  async run(dir, caseJson) {
    const { checkQwen3vlGenerate } = await import("@causeway/models/golden");
    return (await checkQwen3vlGenerate(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
