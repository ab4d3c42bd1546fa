import { describe, expect, test } from "vitest";
import type { Drive, DrivingDecision } from "@causeway/data";
import { LabelError, oracleLabel, parseCocLabel, parseTrace, writeCocLabel } from "@causeway/label";

const decision: DrivingDecision = {
  longitudinal: "stop_static_constraint",
  lateral: "lane_keep",
  lateralSide: null,
  components: [
    {
      id: "light:1",
      category: "traffic_light",
      kind: "red_light",
      attributes: { state: "red", distanceM: 31.5 },
    },
    { id: "lane:2", category: "lane_lines", kind: "free_lane", attributes: { limitMps: 13.9 } },
  ],
  causeIds: ["light:1"],
};

function drive(v: number, after = decision): Pick<Drive, "id" | "decisions" | "egoMotion"> {
  const n = 40;
  const column = (f: (i: number) => number) => Float64Array.from({ length: n }, (_, i) => f(i));
  return {
    id: "sim-1",
    decisions: Array.from({ length: n }, (_, i) => ({
      stampUs: i * 100_000,
      decision: i <= 20 ? decision : after,
    })),
    egoMotion: {
      stampUs: column((i) => i * 100_000),
      x: column((i) => 0.1 * v * i),
      y: column(() => 0),
      z: column(() => 0),
      qw: column(() => 1),
      qx: column(() => 0),
      qy: column(() => 0),
      qz: column(() => 0),
      vx: column(() => v),
      vy: column(() => 0),
      vz: column(() => 0),
    },
  };
}

describe("oracle labels", () => {
  test("say what the driver decided, with provenance, and survive a JSON line", () => {
    const label = oracleLabel(drive(8), 2_000_000, { seed: 5 });
    expect(label).toMatchObject({
      id: "sim-1@2000000",
      teacher: "oracle",
      status: "accepted",
      longitudinal: "stop_static_constraint",
      lateral: "lane_keep",
      causeIds: ["light:1"],
    });
    expect(label.trace).toMatch(/ at the line .* red\.$/);
    expect(parseTrace(label.trace as string)).toMatchObject({
      longitudinal: label.longitudinal,
      lateral: label.lateral,
      causes: ["red_light"],
    });
    expect(parseCocLabel(writeCocLabel(label), "row 1")).toEqual(label);
    expect(oracleLabel(drive(0), 2_000_000, { seed: 5 }).trace).toMatch(/^(Wait|Stay stopped)/);
  });

  test("same seed, same bytes; another seed may word it otherwise", () => {
    const lines = Array.from({ length: 30 }, (_, seed) =>
      writeCocLabel(oracleLabel(drive(8), 2_000_000, { seed })),
    );
    expect(writeCocLabel(oracleLabel(drive(8), 2_000_000, { seed: 7 }))).toBe(lines[7]);
    expect(new Set(lines.map((l) => JSON.parse(l).trace)).size).toBeGreaterThan(8);
  });

  test("nothing after t0 changes a label's words", () => {
    const other = {
      ...decision,
      longitudinal: "set_speed_tracking" as const,
      causeIds: ["lane:2"],
    };
    expect(oracleLabel(drive(8, other), 2_000_000)).toEqual(oracleLabel(drive(8), 2_000_000));
  });

  test("no truth, outside the truth and a damaged row are errors", () => {
    expect(() => oracleLabel({ ...drive(8), decisions: null }, 0)).toThrow(/has no decisions/);
    expect(() => oracleLabel(drive(8), 9_000_000)).toThrow(/span 0 … 3900000 us/);
    expect(() => parseCocLabel("{", "a.jsonl row 3")).toThrow(LabelError);
    const label = oracleLabel(drive(8), 2_000_000);
    const bad = JSON.stringify({ ...label, longitudinal: "fly" });
    expect(() => parseCocLabel(bad, "a.jsonl row 3")).toThrow(
      /a\.jsonl row 3: field "longitudinal"/,
    );
  });

  test("a driver without a decision gives a row without a sentence", () => {
    const none = { ...decision, longitudinal: null, lateral: null, causeIds: [] };
    const d = { ...drive(8), decisions: [{ stampUs: 1_900_000, decision: none }] };
    expect(oracleLabel(d, 2_000_000)).toMatchObject({ status: "no-decision", trace: null });
  });
});
