import { expect, test } from "vitest";
import { initialLineage, lineageWarnings, nextLineage, parseLineage } from "./lineage.ts";

const map = {
  moduleOf: (name: string) => name.split(".")[0] as string,
  readBy: new Map([["text", ["expert"]]]),
};
const stage = (name: string, trainedNames: string[]) => ({
  run: "r",
  stage: name,
  steps: 10,
  seed: 1,
  dataset: "d",
  trainedNames,
  map,
});

test("stage 1 after stage 2 makes the expert stale, and only then", () => {
  const first = nextLineage(initialLineage(["text", "expert"]), stage("stage1", ["text.a"]));
  expect(first.modules["expert"]?.state).toBe("initial");
  const second = nextLineage(first, stage("stage2", ["expert.a"]));
  expect(second.modules["expert"]?.state).toBe("trained");
  expect(lineageWarnings(second)).toEqual([]);
  const third = nextLineage(second, stage("stage1", ["text.a"]));
  expect(third.modules["expert"]).toMatchObject({ state: "stale", trainedBy: "r (stage2)" });
  expect(third.history.at(-1)?.madeStale).toEqual(["expert"]);
  expect(lineageWarnings(third)[0]).toContain("expert is stale: text was trained by r (stage1)");
  expect(nextLineage(third, stage("stage2", ["expert.a"])).modules["expert"]?.state).toBe(
    "trained",
  );
  expect(nextLineage(third, stage("all", ["expert.a", "text.a"])).modules["expert"]?.state).toBe(
    "trained",
  );
});

test("what a run writes is read back, and damage is named", () => {
  const lineage = nextLineage(initialLineage(["text", "expert"]), stage("stage1", ["text.a"]));
  expect(parseLineage(JSON.parse(JSON.stringify(lineage)))).toEqual(lineage);
  for (const [damaged, field] of [
    [null, "the file"],
    [{ ...lineage, modules: null }, "modules"],
    [{ ...lineage, modules: { text: null } }, "modules.text"],
    [{ ...lineage, history: [{ run: 1 }] }, "history.0.run"],
  ] as const)
    expect(() => parseLineage(damaged)).toThrow(`lineage.json: ${field}: `);
});
