import type { GoldenTopic } from "../topic.ts";
import { stringField } from "../topic.ts";
import { caseFolder } from "./case-folder.ts";

/** Optimisers, clipping, schedules, number formats, Beta quantiles, block quantisation. */
export const topic: GoldenTopic = {
  name: "optim",
  matches: (caseJson) => stringField(caseJson, "topic") === "optim" && hasCases(caseJson),
  async run(dir, caseJson) {
    const { checkOptim } = await import("@causeway/graph/golden");
    const checks = await checkOptim(caseJson, caseFolder(dir));
    return checks.map((check) => ({ topic: "optim", ...check }));
  },
};

const hasCases = (caseJson: unknown): boolean =>
  typeof caseJson === "object" && caseJson !== null && "cases" in caseJson;
