import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GoldenTopic } from "../topic.ts";
import { stringField } from "../topic.ts";

const file = "vision-budget.json";

/** The case of the image metrics that counts vision tokens; its neighbours belong to other topics. */
function caseOf(caseJson: unknown): unknown {
  const cases = (caseJson as { cases?: unknown } | null)?.cases;
  return Array.isArray(cases) ? cases.find((c) => stringField(c, "file") === file) : undefined;
}

/** Vision token budget: resize, frame counts, indices, time stamps, plans of the three paths. */
export const topic: GoldenTopic = {
  name: "vision-budget",
  matches: (caseJson) => caseOf(caseJson) !== undefined,
  async run(dir, caseJson) {
    const { checkVisionBudget } = await import("@causeway/reason/golden");
    const { numRows, problems } = checkVisionBudget(
      JSON.parse(await readFile(join(dir, file), "utf8")),
    );
    return [
      {
        topic: "vision-budget",
        case: stringField(caseOf(caseJson), "id") ?? file,
        passed: problems.length === 0,
        worst: problems.length,
        tolerance: `exact, ${numRows} rows`,
        note: problems.slice(0, 3).join("; "),
      },
    ];
  },
};
