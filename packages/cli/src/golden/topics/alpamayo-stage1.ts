import type { GoldenTopic } from "../topic.ts";
import { isStage1Case } from "@causeway/models/golden/match";

const name = "alpamayo-stage1";

/** Stage 1 on a tiny model: loss and gradients of every VLM weight. */
export const topic: GoldenTopic = {
  name,
  matches: isStage1Case,
  async run(dir, caseJson) {
    const { checkStage1 } = await import("@causeway/models/golden");
    return (await checkStage1(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
