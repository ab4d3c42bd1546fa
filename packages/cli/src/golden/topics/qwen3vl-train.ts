import type { GoldenTopic } from "../topic.ts";
import { isQwen3vlTrainCase } from "@causeway/models/golden/match";

const name = "qwen3vl-train";

/** Qwen3-VL: loss and gradients of every weight. */
export const topic: GoldenTopic = {
  name,
  matches: isQwen3vlTrainCase,
  async run(dir, caseJson) {
    const { checkQwen3vlTrain } = await import("@causeway/models/golden");
    return (await checkQwen3vlTrain(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
