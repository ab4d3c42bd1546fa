import type { GoldenTopic } from "../topic.ts";
import { isQwen3vlPatchesCase } from "@causeway/models/golden/match";

const name = "qwen3vl-preprocess";

/** Pictures and videos to patch vectors; sizes, sampled frames, timestamps. */
export const topic: GoldenTopic = {
  name,
  matches: isQwen3vlPatchesCase,
  async run(dir, caseJson) {
    const { checkQwen3vlPreprocess } = await import("@causeway/models/golden");
    return (await checkQwen3vlPreprocess(dir, caseJson)).map((check) => ({
      topic: name,
      ...check,
    }));
  },
};
