import { describe, expect, test } from "vitest";
import { createRng, futureAt, historyAt } from "@causeway/geom";
import {
  checkConsistency,
  checkPathConsistency,
  chooseKeyframes,
  cocLabelSchemaId,
  countOutcomes,
  detectMetaActions,
  egoColumns,
  evidenceFromMotion,
  findSways,
  inspectMotion,
  kinematics1,
  lateralRules,
  longitudinalRules,
  scaleThresholds,
  speedRules,
  statusFrom,
  templateHash,
  templateVersion,
  verifyLabel,
  type CocLabel,
} from "@causeway/label";
import { plant, plantTurn, t0Us, trueClaims } from "./planted.ts";
import { driveCourse, ease } from "./profiles.ts";

const brake = driveCourse({ v0Mps: 12, secs: 14, accelMps2: (t) => (t > 4 ? -2 : 0) });

function label(change: Partial<CocLabel>): CocLabel {
  return {
    schema: cocLabelSchemaId,
    id: "d@0",
    driveId: "d",
    t0Us: 0,
    window: { startUs: 0, endUs: 0 },
    teacher: "oracle",
    origin: "auto",
    template: { version: templateVersion, hash: templateHash },
    seed: 0,
    inputs: { motion: "", decision: "" },
    status: "accepted",
    statusReason: null,
    longitudinal: "stop_static_constraint",
    lateral: "lane_keep",
    lateralSide: null,
    components: [{ id: "light:1", category: "traffic_light", kind: "red_light", attributes: {} }],
    causeIds: ["light:1"],
    trace: "Slow down and stop at the line while keeping the lane because the light ahead is red.",
    ...change,
  };
}

describe("verifying labels", () => {
  const columns = egoColumns(brake);
  const [keyframe] = chooseKeyframes(detectMetaActions(columns), columns).keyframes;
  const evidence = evidenceFromMotion(brake, keyframe.t0Us);

  test("a stop label at the start of braking is accepted on structure, keyframe and motion", () => {
    expect(keyframe.longitudinal?.to).toBe("StrongDeceleration");
    const verdict = verifyLabel({ label: label({}), evidence, keyframe });
    expect(verdict.outcome).toBe("pass");
    expect(statusFrom(verdict)).toBe("accepted");
    const counts = countOutcomes([verdict, verdict]);
    expect(counts.get("T01-longitudinal-keyframe")).toMatchObject({ pass: 2 });
    expect(counts.get("K01-stop-at-line")).toMatchObject({ pass: 2 });
  });

  test("keeping the speed there is rejected by keyframe and motion, each with its reason", () => {
    const wrong = label({
      longitudinal: "set_speed_tracking",
      components: [{ id: "lane:1", category: "lane_lines", kind: "free_lane", attributes: {} }],
      causeIds: ["lane:1"],
      trace: "Keep the set speed and keep the lane because the road ahead is clear.",
    });
    const verdict = verifyLabel({ label: wrong, evidence, keyframe });
    const errors = verdict.results.filter((r) => r.outcome === "error").map((r) => r.rule);
    expect(errors).toContain("T01-longitudinal-keyframe");
    expect(errors).toContain("K04-set-speed");
    expect(statusFrom(verdict)).not.toBe("accepted");
    expect(verdict.results.find((r) => r.rule === "K04-set-speed")?.detail).toMatch(
      /speed 12\.00 ->/,
    );
  });

  test("a turn to the other side than the steering that begins is rejected", () => {
    const lateral = { from: "GoStraight", to: "SharpSteerLeft", onsetTick: 40, score: 65 } as const;
    const at = (lateralSide: "left" | "right") =>
      verifyLabel({
        label: label({
          longitudinal: null,
          lateral: "turn",
          lateralSide,
          trace: `Turn ${lateralSide} because the route turns ${lateralSide}.`,
          components: [{ id: "route", category: "routing_intent", kind: "route", attributes: {} }],
          causeIds: ["route"],
        }),
        evidence: null,
        keyframe: { ...keyframe, longitudinal: null, lateral },
      }).results.find((r) => r.rule === "T02-lateral-keyframe")?.outcome;
    expect(at("left")).toBe("pass");
    expect(at("right")).toBe("error");
  });

  test("a verdict that hangs on a threshold says so", () => {
    // 0.33 m/s² for 1 s: 0.33 m/s lost, a weak yes at 0.3 and none at 0.375.
    const motion = driveCourse({
      v0Mps: 8,
      secs: 9,
      accelMps2: (t) => (t > 3 && t < 4 ? -0.33 : 0),
    });
    const e = evidenceFromMotion(motion, 2_000_000);
    const verdict = checkConsistency(
      { longitudinal: "yield_right_of_way", lateral: null, lateralSide: null },
      { ...e, accelMps2: e.accelMps2.map(() => 0), historyLostMps: 0, sways: [] },
    );
    expect(verdict).toMatchObject({ outcome: "warn", isSensitive: true });
  });

  test("a row without a decision abstains", () => {
    const none = label({
      longitudinal: null,
      lateral: null,
      causeIds: [],
      trace: null,
      status: "no-decision",
    });
    expect(verifyLabel({ label: none, evidence, keyframe: null }).outcome).not.toBe("error");
  });
});

describe("model sentences against model paths", () => {
  const turn = plantTurn(createRng(4));
  const path = futureAt(turn.motion, t0Us);
  const history = historyAt(turn.motion, t0Us);
  const side = turn.side as "left" | "right";
  const otherSide = side === "left" ? "right" : "left";

  test("agree, disagree, or say nothing that the path could show", () => {
    expect(checkPathConsistency(trueClaims(turn), path, history).verdict).toBe("consistent");
    const flipped = checkPathConsistency(
      `Turn ${otherSide} because the route turns ${otherSide}.`,
      path,
      history,
    );
    expect(flipped.verdict).toBe("inconsistent");
    expect(flipped.reasons[0]).toMatch(/^K20-turn error \(turn /);
    expect(checkPathConsistency("Nice weather.", path, history).verdict).toBe("not_applicable");
  });

  test("a path with NaN is an error, not a verdict", () => {
    const broken = { ...path, x: path.x.map((v, i) => (i === 5 ? Number.NaN : v)) };
    expect(() => checkPathConsistency(trueClaims(turn), broken, history)).toThrow(
      /value 5 of 64 is NaN/,
    );
  });

  test("mirrored motion and mirrored claims give the mirrored verdict", () => {
    for (let i = 0; i < 10; i++) {
      const p = plant(createRng(i), "cruise", "laneChange");
      const flip = (c: Float64Array) => c.map((v) => -v);
      const m = p.motion;
      const mirrored = { ...m, y: flip(m.y), qz: flip(m.qz), vy: flip(m.vy) };
      const swap = p.side === "left" ? "right" : "left";
      const a = checkConsistency(trueClaims(p), evidenceFromMotion(m, t0Us));
      const b = checkConsistency(
        { ...trueClaims(p), lateralSide: swap },
        evidenceFromMotion(mirrored, t0Us),
      );
      expect(b.results.map((r) => r.outcome)).toEqual(a.results.map((r) => r.outcome));
    }
  });
});

describe("sideways moves", () => {
  const track = (offset: (t: number) => number, k: number) => {
    const m = driveCourse({
      v0Mps: 10,
      secs: 8,
      accelMps2: () => 0,
      offsetM: offset,
      roadPerM: () => k,
    });
    return { x: m.x, y: m.y, yaw: egoColumns(m).yaw };
  };
  test.each([0, 0.008, -0.008])(
    "a lane change on a road of curvature %d is one sway of its width",
    (k) => {
      const move = ease(2, 4);
      const sways = findSways(
        track((t) => 3.5 * move(t), k),
        0,
        0.1,
      );
      expect(sways.length).toBe(1);
      expect(sways[0].shiftM).toBeCloseTo(3.5, 0);
      expect(sways[0].startSecs).toBeCloseTo(2, 0);
    },
  );
  test("a steady bend is none", () => {
    expect(
      findSways(
        track(() => 0, 0.01),
        0,
        0.1,
      ),
    ).toEqual([]);
  });
});

test("rules have unique ids and thresholds scale without touching the table", () => {
  const ids = [longitudinalRules, lateralRules, speedRules].flatMap((t) =>
    Object.values(t).map((r) => r.id),
  );
  expect(new Set(ids).size).toBe(ids.length);
  const twice = scaleThresholds(kinematics1, 2);
  expect(twice.turnRad).toBeCloseTo(2 * kinematics1.turnRad, 12);
  expect(twice.horizonSecs).toBe(kinematics1.horizonSecs);
  expect(kinematics1.turnRad).toBe(0.349);
});

test("inspect gives series, bands and keyframes on the same ticks", () => {
  const page = inspectMotion(brake);
  expect(page.series.stampUs.length).toBe(page.metaActions.tickCount);
  expect(page.keyframes.length + page.droppedKeyframes.length).toBeGreaterThan(0);
  expect(page.keyframes[0].t0Us).toBe(page.series.stampUs[page.keyframes[0].t0Tick]);
});
