import { describe, expect, it } from "vitest";
import {
  minAdeByMovement,
  minAdeRatio,
  pathToJson,
  scoreOpenLoop,
  summariseOpenLoop,
  winRate,
} from "@causeway/eval";
import { straight } from "./paths.ts";
import { predictionRow, sampleRow } from "./rows.ts";

const samples = [sampleRow("a@0", "a"), sampleRow("a@1", "a"), sampleRow("b@0", "b")];

describe("open loop", () => {
  it("has the hand-computed numbers of one answer", () => {
    const [row] = scoreOpenLoop([samples[0]], [predictionRow("a@0", "model", [3, -1])]);
    const m = row.metrics;
    expect(m?.minAde["6.4s"]).toBeCloseTo(1, 12);
    expect(m?.ade["6.4s"]).toBeCloseTo(3, 12);
    expect(m?.meanAde["6.4s"]).toBeCloseTo(2, 12);
    expect(m?.fde).toBeCloseTo(3, 12);
    expect(m?.minFde).toBeCloseTo(1, 12);
    expect(m?.miss).toBe(0);
    expect(m?.acrossAbs["6.4s"]).toBeCloseTo(1, 12);
    expect(m?.alongAbs["6.4s"]).toBeCloseTo(0, 12);
    expect(m?.cornerPerTrajectory["3s"]).toBeCloseTo(1, 12);
    expect(m?.bestSample).toBe(1);
    expect(m?.numPaths).toBe(2);
  });

  it("counts what was not answered, cut short or not finite instead of dropping it", () => {
    const rows = scoreOpenLoop(samples, [
      predictionRow("a@0", "model", [1]),
      { ...predictionRow("a@1", "model", []), paths: [pathToJson(straight(10, 0, 63))] },
    ]);
    expect(rows.map((r) => [r.sampleId, r.status])).toEqual([
      ["a@0", "ok"],
      ["a@1", "failed"],
      ["b@0", "failed"],
    ]);
    expect(rows[1].error).toBe("path 0 has 63 poses, the log has 64");
    expect(rows[2].error).toBe("no answer for this sample");
    const summary = summariseOpenLoop("model", rows);
    expect(summary.samples).toBe(3);
    expect(summary.failed).toBe(2);
    expect(summary.minAde["6.4s"]?.n).toBe(1);
    const nan = { ...predictionRow("a@0", "model", [1]) };
    const broken = {
      ...nan,
      paths: [{ ...nan.paths[0], y: nan.paths[0].y.map((v, i) => (i === 9 ? Number.NaN : v)) }],
    };
    expect(scoreOpenLoop([samples[0]], [broken])[0].error).toContain("not finite");
  });

  it("joins by id, so the order of answers does not matter, and refuses strangers and doubles", () => {
    const answers = [
      predictionRow("a@0", "model", [1]),
      predictionRow("a@1", "model", [2]),
      predictionRow("b@0", "model", [6]),
    ];
    const forward = scoreOpenLoop(samples, answers);
    const shuffled = scoreOpenLoop(
      [samples[2], samples[0], samples[1]],
      [answers[1], answers[2], answers[0]],
    );
    expect(summariseOpenLoop("model", shuffled)).toEqual(summariseOpenLoop("model", forward));
    expect(summariseOpenLoop("model", forward).minAde["6.4s"]?.value).toBeCloseTo(3, 12);
    expect(() => scoreOpenLoop(samples, [predictionRow("c@0", "model", [1])])).toThrow(/c@0/);
    expect(() => scoreOpenLoop(samples, [answers[0], answers[0]])).toThrow(/twice/);
  });

  it("compares two predictors sample by sample", () => {
    const rows = scoreOpenLoop(samples, [
      ...[1, 2, 3].map((o, i) => predictionRow(samples[i].sampleId, "model", [o])),
      ...[2, 4, 6].map((o, i) => predictionRow(samples[i].sampleId, "ctra", [o])),
    ]);
    const ratio = minAdeRatio(rows, "model", "ctra");
    // Every resample has exactly half: the paired interval is a point, however spread the errors are.
    expect(ratio.value).toBeCloseTo(0.5, 12);
    expect(ratio.interval?.[0]).toBeCloseTo(0.5, 12);
    expect(ratio.interval?.[1]).toBeCloseTo(0.5, 12);
    expect(winRate(rows, "model", "ctra").value).toBe(1);
  });

  it("splits the error by what the car really did", () => {
    const standing = { ...sampleRow("c@0", "c"), future: pathToJson(straight(0)) };
    const rows = scoreOpenLoop(
      [...samples, standing],
      [...samples, standing].map((s, i) => predictionRow(s.sampleId, "model", [i])).slice(0, 3),
    );
    expect(
      minAdeByMovement("model", rows).map((g) => [g.movement, g.samples, g.minAde.value]),
    ).toEqual([
      ["standing", 1, null],
      ["straight", 3, 1],
    ]);
  });

  it("falls when the error falls", () => {
    const at = (offset: number) =>
      summariseOpenLoop(
        "model",
        scoreOpenLoop([samples[0]], [predictionRow("a@0", "model", [offset])]),
      ).minAde["6.4s"]?.value as number;
    expect(at(0.5)).toBeLessThan(at(0.6));
    expect(at(0)).toBe(0);
  });
});
