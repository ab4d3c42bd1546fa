import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  makeSummary,
  type OpenLoopRow,
  readAllJsonl,
  readJson,
  scoreOpenLoop,
  type Summary,
  writeJson,
  writeJsonl,
} from "@causeway/eval";
import { decisionRow, follow, keep, predictionRow, sampleRow, sceneRow } from "./rows.ts";

const folder = mkdtempSync(join(tmpdir(), "causeway-eval-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const samples = [sampleRow("a@0", "a"), sampleRow("b@0", "b")];
const openLoop = scoreOpenLoop(
  samples,
  samples.flatMap(({ sampleId }, i) => [
    predictionRow(sampleId, "model", [5, 1 + i]),
    predictionRow(sampleId, "model_shuffled_images", [2 + 2 * i]),
    predictionRow(sampleId, "constant_velocity", [8]),
    predictionRow(sampleId, "ctra", [4]),
  ]),
);
const input = {
  openLoop,
  decisions: [decisionRow("a@0", keep, keep), decisionRow("b@0", follow, keep, "inconsistent")],
  closedLoop: [
    sceneRow("model", "s1", { score: 0.75 }),
    sceneRow("model", "s2", { score: 1 }),
    sceneRow("constant_velocity", "s1", { score: 0.5 }),
    sceneRow("constant_velocity", "s2", { score: 0.5 }),
    sceneRow("model_shuffled_images", "s1", { score: 0.25 }),
  ],
  wallSecs: 500,
  peakRssMb: 1234,
};

describe("summary.json", () => {
  const summary = makeSummary(input);

  it("holds the promised keys as plain numbers", () => {
    expect(summary.openLoop).toEqual({ minAde6: 1.5, baselineAde: 4, shuffledMinAde6: 3 });
    expect(summary.baseline).toBe("ctra");
    expect(summary.decisionAccuracy).toBe(0.5);
    expect(summary.reasoningActionConsistency).toBe(0.5);
    expect(summary.closedLoop).toEqual({
      score: 0.875,
      constantVelocityScore: 0.5,
      shuffledScore: 0.25,
      scenes: 2,
    });
    expect([summary.wallSecs, summary.peakRssMb]).toEqual([500, 1234]);
  });

  it("has intervals and denominators at the same paths", () => {
    expect(summary.intervals.openLoop.minAde6).toEqual([1, 2]);
    expect(summary.n.openLoop.minAde6).toBe(2);
    expect(summary.intervals.closedLoop.shuffledScore).toBeNull();
    expect(Object.keys(summary.intervals.openLoop)).toEqual(Object.keys(summary.openLoop));
  });

  it("marks the bars", () => {
    expect(summary.bars.map((b) => [b.name, b.value, b.passed])).toEqual([
      ["looks_ahead", 0.375, true],
      ["looks_at_images", 2, true],
      ["decides", 0.5, false],
      ["acts_as_it_says", 0.5, false],
      ["drives", 0.875, true],
      ["drives_better_than_blind", 0.375, true],
    ]);
  });

  it("says null, not passed, for what did not run", () => {
    const empty = makeSummary({ ...input, openLoop: [], decisions: [], closedLoop: [] });
    expect(empty.openLoop.minAde6).toBeNull();
    expect(empty.bars.every((b) => !b.passed && b.value === null)).toBe(true);
  });

  it("comes out the same from the files of the run folder", async () => {
    writeJsonl(join(folder, "openloop.jsonl"), openLoop);
    writeJson(join(folder, "summary.json"), summary);
    const rows = await readAllJsonl<OpenLoopRow>(join(folder, "openloop.jsonl"));
    const again = makeSummary({ ...input, openLoop: rows });
    expect(again).toEqual(readJson<Summary>(join(folder, "summary.json")));
    expect(readdirSync(folder).filter((name) => name.includes("tmp"))).toEqual([]);
  });
});

describe("artefact files", () => {
  it("refuse NaN, and leave the old file when writing fails", async () => {
    const path = join(folder, "rows.jsonl");
    writeJsonl(path, [{ a: 1 }]);
    expect(() => writeJsonl(path, [{ a: 2 }, { a: Number.NaN }])).toThrow(/row 2.*"a" is NaN/);
    expect(await readAllJsonl(path)).toEqual([{ a: 1 }]);
    expect(readdirSync(folder).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("name the line that was cut", async () => {
    const path = join(folder, "cut.jsonl");
    writeFileSync(path, '{"a":1}\n{"a":');
    await expect(readAllJsonl(path)).rejects.toThrow(/line 2: not JSON/);
  });
});
