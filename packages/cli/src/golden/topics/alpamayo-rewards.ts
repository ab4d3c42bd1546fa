import type { GoldenTopic } from "../topic.ts";
import { isUpstreamRewardCase } from "@causeway/models/golden/match";

const name = "alpamayo-rewards";

/** The released reward, with its known defects. */
export const topic: GoldenTopic = {
  name,
  matches: isUpstreamRewardCase,
  async run(dir, caseJson) {
    const { checkUpstreamReward } = await import("@causeway/models/golden");
    return (await checkUpstreamReward(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
