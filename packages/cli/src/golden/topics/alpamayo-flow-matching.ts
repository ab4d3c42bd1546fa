import type { GoldenTopic } from "../topic.ts";
import { isFlowMatchingCase } from "@causeway/models/golden/match";

const name = "alpamayo-flow-matching";

/** Flow matching: training times, noisy samples, targets, Euler steps, guidance. */
export const topic: GoldenTopic = {
  name,
  matches: isFlowMatchingCase,
  async run(dir, caseJson) {
    const { checkFlowMatching } = await import("@causeway/models/golden");
    return (await checkFlowMatching(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
