import type { GoldenTopic } from "../topic.ts";
import { isQwen3vlCheckpointCase } from "@causeway/models/golden/match";

const name = "qwen3vl-checkpoint";

/** Bare checkpoints: strict reading, writing, logits. */
export const topic: GoldenTopic = {
  name,
  matches: isQwen3vlCheckpointCase,
  async run(dir, caseJson) {
    const { checkQwen3vlCheckpoint } = await import("@causeway/models/golden");
    return (await checkQwen3vlCheckpoint(dir, caseJson)).map((check) => ({
      topic: name,
      ...check,
    }));
  },
};
