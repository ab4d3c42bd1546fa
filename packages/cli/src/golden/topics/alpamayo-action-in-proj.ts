import type { GoldenTopic } from "../topic.ts";
import { isActionInProjCase } from "@causeway/models/golden/match";

const name = "alpamayo-action-in-proj";

/** The action embedding: Fourier features, every layer, gradients. */
export const topic: GoldenTopic = {
  name,
  matches: isActionInProjCase,
  async run(dir, caseJson) {
    const { checkActionInProj } = await import("@causeway/models/golden");
    return (await checkActionInProj(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
