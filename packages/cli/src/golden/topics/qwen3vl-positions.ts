import type { GoldenTopic } from "../topic.ts";
import { isQwen3vlPositionsCase } from "@causeway/models/golden/match";

const name = "qwen3vl-positions";

/** Token layouts to three-axis rotary positions. */
export const topic: GoldenTopic = {
  name,
  matches: isQwen3vlPositionsCase,
  async run(dir, caseJson) {
    const { checkQwen3vlPositions } = await import("@causeway/models/golden");
    return (await checkQwen3vlPositions(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
