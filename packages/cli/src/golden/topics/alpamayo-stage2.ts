import type { GoldenTopic } from "../topic.ts";
import { isStage2Case } from "@causeway/models/golden/match";

const name = "alpamayo-stage2";

/** Stage 2 on a tiny model: flow-matching loss and gradients of the expert. */
export const topic: GoldenTopic = {
  name,
  matches: isStage2Case,
  async run(dir, caseJson) {
    const { checkStage2 } = await import("@causeway/models/golden");
    return (await checkStage2(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
