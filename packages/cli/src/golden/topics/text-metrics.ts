import { type GoldenTopic, stringField } from "../topic.ts";
import { caseFolder } from "./case-folder.ts";

const name = "text-metrics";

/** BLEU, chrF, ROUGE, correlation, bootstrap intervals and agreement. */
export const topic: GoldenTopic = {
  name,
  matches: (caseJson) =>
    stringField(caseJson, "topic") === name &&
    Array.isArray((caseJson as { cases?: unknown }).cases),
  async run(dir, caseJson) {
    const { checkTextMetrics } = await import("@causeway/eval/golden");
    const checks = await checkTextMetrics(caseJson, caseFolder(dir));
    return checks.map((check) => ({ topic: name, ...check }));
  },
};
