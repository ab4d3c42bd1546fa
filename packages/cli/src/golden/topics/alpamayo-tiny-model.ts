import type { GoldenTopic } from "../topic.ts";
import { isTinyModelCase } from "@causeway/models/golden/match";

const name = "alpamayo-tiny-model";

/** A tiny Alpamayo from pixels and prompt to trajectories. */
export const topic: GoldenTopic = {
  name,
  matches: isTinyModelCase,
  async run(dir, caseJson) {
    const { checkTinyModel } = await import("@causeway/models/golden");
    return (await checkTinyModel(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
