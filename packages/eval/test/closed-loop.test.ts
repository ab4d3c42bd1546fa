import { describe, expect, it } from "vitest";
import { alpasimSceneScore, scoreDifference, summariseClosedLoop } from "@causeway/eval";
import { sceneRow } from "./rows.ts";

describe("closed loop", () => {
  const rows = [
    sceneRow("model", "s1"),
    sceneRow("model", "s2", { kind: "red_light", score: 0, offroad: true, progress: 0.4 }),
    sceneRow("model", "s3", { kind: "red_light", score: 0.5, collisionAny: true, minDistanceM: 0 }),
    sceneRow("model", "s4", { status: "failed", error: "threw", score: 1, minDistanceM: null }),
    sceneRow("constant_velocity", "s1", { score: 0.5 }),
    sceneRow("constant_velocity", "s2", { score: 0.25 }),
  ];

  it("means over scenes, a crashed driver scores 0, incidents over kilometres", () => {
    const s = summariseClosedLoop("model", rows);
    expect([s.scenes, s.failed]).toEqual([4, 1]);
    expect(s.score.value).toBe(0.375);
    expect(s.rates.offroad.value).toBe(0.25);
    expect(s.incidentsPerKm.value).toBeCloseTo(2 / 0.8, 12);
    expect(s.atFaultIncidentsPerKm.value).toBeCloseTo(1 / 0.8, 12);
    expect(s.minDistanceM.n).toBe(3);
    expect(s.kinds.map((k) => [k.kind, k.scenes, k.score.value])).toEqual([
      ["lead_brake", 2, 0.5],
      ["red_light", 2, 0.25],
    ]);
    expect(summariseClosedLoop("model", [...rows].reverse())).toEqual(s);
  });

  it("compares policies on the scenes that both drove", () => {
    const d = scoreDifference(rows, "model", "constant_velocity");
    expect(d.n).toBe(2);
    expect(d.value).toBeCloseTo((0.5 - 0.25) / 2, 12);
  });

  it("scores a scene as AlpaSim does, and never higher for less progress", () => {
    const at = (progress: number) =>
      alpasimSceneScore({ collisionAtFault: false, offroad: false, progress });
    expect(at(0.4)).toBe(0.5);
    expect(at(0.8)).toBe(1);
    expect(at(1)).toBe(1);
    expect(at(-0.1)).toBe(0);
    expect(alpasimSceneScore({ collisionAtFault: true, offroad: false, progress: 1 })).toBe(0);
    expect(alpasimSceneScore({ collisionAtFault: false, offroad: true, progress: 1 })).toBe(0);
  });

  it("refuses doubles and scores out of range", () => {
    expect(() => summariseClosedLoop("model", [rows[0], rows[0]])).toThrow(/twice/);
    expect(() => summariseClosedLoop("model", [sceneRow("model", "x", { score: 1.2 })])).toThrow(
      /1\.2/,
    );
  });
});
