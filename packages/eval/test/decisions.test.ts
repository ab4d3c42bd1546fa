import { describe, expect, it } from "vitest";
import {
  confusionMatrix,
  judgeDecisions,
  macroF1,
  summariseDecisions,
  unparsedLabel,
} from "@causeway/eval";
import {
  decisionRow,
  follow,
  keep,
  predictionRow,
  sampleRow,
  turnLeft,
  turnRight,
} from "./rows.ts";

describe("decision accuracy", () => {
  const rows = [
    decisionRow("a", keep, keep),
    decisionRow("b", follow, keep, "inconsistent"),
    decisionRow("c", turnLeft, turnRight, "not_applicable"),
    decisionRow("d", follow, null),
  ];
  const summary = summariseDecisions("model", rows);

  it("counts an unparsed trace as wrong on both axes", () => {
    expect(summary.samples).toBe(4);
    expect(summary.unparsed).toBe(1);
    // Longitudinal: a and c right of 4. Lateral (no side): a, b, c. With side: a, b. Joint: a.
    expect(summary.longitudinal.accuracy.value).toBe(0.5);
    expect(summary.lateral.accuracy.value).toBe(0.75);
    expect(summary.lateralWithSide.accuracy.value).toBe(0.5);
    expect(summary.jointAccuracy.value).toBe(0.25);
    expect(summary.jointAccuracy.n).toBe(4);
  });

  it("keeps uncovered decisions out of the consistency rate and says how many were covered", () => {
    // Denominator: a (consistent), b (inconsistent), d (unparsed); c is not covered.
    expect(summary.consistency.value).toBeCloseTo(1 / 3, 12);
    expect(summary.consistency.n).toBe(3);
    expect(summary.coverage.value).toBe(0.75);
    expect(summary.consistencyCounts).toEqual({
      consistent: 1,
      inconsistent: 1,
      unparsed: 1,
      notApplicable: 1,
    });
  });

  it("shows the majority answer as a floor", () => {
    expect(summary.majorityAccuracy).toBe(0.5);
  });

  it("does not hold a side against the trace where the oracle has none", () => {
    const sided = summariseDecisions("model", [
      decisionRow("a", keep, { ...keep, lateralSide: "left" }),
    ]);
    expect(sided.jointAccuracy.value).toBe(1);
    expect(sided.lateralWithSide.accuracy.value).toBe(1);
  });

  it("does not change with the order of rows", () => {
    expect(summariseDecisions("model", [...rows].reverse())).toEqual(summary);
  });
});

describe("macro-F1 and confusion", () => {
  const pair = (truth: string, predicted: string | null) => ({ clusterId: "x", truth, predicted });
  const pairs = [
    pair("go", "go"),
    pair("go", "go"),
    pair("go", "stop"),
    pair("stop", "stop"),
    pair("stop", null),
    pair("turn", "wait"),
  ];

  it("averages F1 over the classes in truth", () => {
    // go: tp 2 fp 0 fn 1 → 0.8; stop: tp 1 fp 1 fn 1 → 0.5; turn: 0. "wait" has no F1 of its own.
    expect(macroF1(pairs)).toBeCloseTo((0.8 + 0.5 + 0) / 3, 12);
    expect(macroF1(pairs.slice(0, 2))).toBe(1);
  });

  it("counts every pair once, unparsed in the last column", () => {
    const m = confusionMatrix(pairs, ["stop", "go"]);
    expect(m.truthLabels).toEqual(["stop", "go", "turn"]);
    expect(m.predictedLabels).toEqual(["stop", "go", "turn", "wait", unparsedLabel]);
    expect(m.counts).toEqual([
      [1, 0, 0, 0, 1],
      [1, 2, 0, 0, 0],
      [0, 0, 0, 1, 0],
    ]);
  });
});

describe("judging traces", () => {
  it("joins by id, gives the checker the first path, and leaves missing answers unparsed", () => {
    const samples = [
      sampleRow("a@0", "a", keep),
      sampleRow("b@0", "b", follow),
      sampleRow("c@0", "c", null),
    ];
    const seen: number[] = [];
    const rows = judgeDecisions(
      samples,
      [predictionRow("a@0", "model", [1, 5], "keep"), predictionRow("b@0", "ctra", [0])],
      "model",
      (trace) => (trace === "keep" ? keep : null),
      (decision, path) => {
        seen.push(path.y[0]);
        return {
          verdict: decision.longitudinal === "set_speed_tracking" ? "consistent" : "inconsistent",
          reasons: ["r"],
        };
      },
    );
    expect(rows.map((r) => [r.sampleId, r.predicted, r.consistency])).toEqual([
      ["a@0", keep, "consistent"],
      ["b@0", null, null],
    ]);
    expect(seen).toEqual([1]);
  });
});
