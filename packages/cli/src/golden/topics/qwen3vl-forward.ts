import type { GoldenTopic } from "../topic.ts";
import { isQwen3vlForwardCase } from "@causeway/models/golden/match";

const name = "qwen3vl-forward";

/** Qwen3-VL forward cases: positions, vision tower, hidden states, logits. */
export const topic: GoldenTopic = {
  name,
  matches: isQwen3vlForwardCase,
  async run(dir, caseJson) {
    const { checkQwen3vlForward } = await import("@causeway/models/golden");
    return (await checkQwen3vlForward(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
