import type { GoldenTopic } from "../topic.ts";
import { isStage1LossCase } from "@causeway/models/golden/match";

const name = "alpamayo-stage1-loss";

/** The two-mean loss of stage 1 on given logits. */
export const topic: GoldenTopic = {
  name,
  matches: isStage1LossCase,
  async run(dir, caseJson) {
    const { checkStage1Loss } = await import("@causeway/models/golden");
    return (await checkStage1Loss(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
