/**
 * The filter is measured, not believed: true labels on generated drives, then one fault of each kind planted in them.
 * Bars: at least 95 % of the faults of every kind are errors, at most 3 % of the true labels are.
 */
import { describe, expect, test } from "vitest";
import { createRng, type Rng } from "@causeway/geom";
import type { CriticalComponent, DrivingDecision, LongitudinalDecision } from "@causeway/data";
import {
  checkConsistency,
  cocLabelSchemaId,
  evidenceFromMotion,
  parseTrace,
  renderTrace,
  templateHash,
  templateVersion,
  verifyLabel,
  type CocLabel,
  type MotionClaims,
} from "@causeway/label";
import {
  otherSide,
  plant,
  plantTurn,
  sideShapes,
  speedShapes,
  t0Us,
  trueClaims,
  type Planted,
} from "./planted.ts";

const perKind = 60;
const share = (n: number, of: number) => n / of;

function errorShare(
  seed: number,
  make: (rng: Rng) => { planted: Planted; claims: MotionClaims },
): number {
  const rng = createRng(seed);
  let errors = 0;
  for (let i = 0; i < perKind; i++) {
    const { planted, claims } = make(rng.fork(i));
    const verdict = checkConsistency(claims, evidenceFromMotion(planted.motion, t0Us));
    if (verdict.outcome === "error") errors++;
  }
  return share(errors, perKind);
}

/** Speed shapes that a sideways move is combined with: moving all the time. */
const moving = ["cruise", "speedUp", "follow", "yield"] as const;

describe("true labels are left alone", () => {
  const cases: [string, (rng: Rng) => Planted][] = [
    ...Object.keys(speedShapes).map((s): [string, (rng: Rng) => Planted] => [
      s,
      (rng) => plant(rng, s, "keep"),
    ]),
    ...Object.keys(sideShapes).map((s): [string, (rng: Rng) => Planted] => [
      s,
      (rng) => plant(rng, rng.pick(moving), s),
    ]),
    ["turn", plantTurn],
  ];
  const rates: Record<string, number> = {};
  test.each(cases)("%s", (name, make) => {
    rates[name] = errorShare(11, (rng) => {
      const planted = make(rng);
      return { planted, claims: trueClaims(planted) };
    });
    expect(rates[name]).toBeLessThanOrEqual(0.03);
  });
  test("all together", () => {
    const values = Object.values(rates);
    expect(values.reduce((a, b) => a + b, 0) / values.length).toBeLessThanOrEqual(0.03);
  });
});

describe("planted faults are found", () => {
  const claim = (p: Planted, change: Partial<MotionClaims>) => ({
    planted: p,
    claims: { ...trueClaims(p), speed: null, ...change },
  });
  const flipped = (shape: string) => (rng: Rng) => {
    const p = plant(rng, rng.pick(moving), shape);
    return claim(p, { lateralSide: otherSide(p.side) });
  };
  const invented = (change: Partial<MotionClaims>, shapes: readonly string[]) => (rng: Rng) =>
    claim(plant(rng, rng.pick(shapes), "keep"), change);
  const faults: [string, (rng: Rng) => { planted: Planted; claims: MotionClaims }][] = [
    [
      "flipped side: turn",
      (rng) => {
        const p = plantTurn(rng);
        return claim(p, { lateralSide: otherSide(p.side) });
      },
    ],
    ["flipped side: lane change", flipped("laneChange")],
    ["flipped side: nudge in the lane", flipped("nudge")],
    ["flipped side: nudge out of the lane", flipped("nudgeOut")],
    [
      "invented stop",
      invented({ longitudinal: "stop_static_constraint" }, ["speedUp", "pass", "cruise"]),
    ],
    ["invented yielding", invented({ longitudinal: "yield_right_of_way" }, ["speedUp", "pass"])],
    [
      "invented acceleration",
      invented({ longitudinal: "accelerate_to_pass" }, ["stop", "yield", "followSlower"]),
    ],
    [
      // Braking that begins within half a second, the lead of a keyframe; what begins later is a later decision.
      "missed stop",
      (rng) => {
        for (let i = 0; ; i++) {
          const p = plant(rng.fork(i), "stop", "keep");
          if (p.onsetSecs <= 0.5) return claim(p, { longitudinal: "set_speed_tracking" });
        }
      },
    ],
    [
      "invented turn",
      (rng) =>
        claim(plant(rng, "cruise", "keep"), {
          lateral: "turn",
          lateralSide: rng.pick(["left", "right"] as const),
        }),
    ],
    [
      "invented lane change",
      (rng) =>
        claim(plant(rng, "cruise", "keep"), {
          lateral: "lane_change",
          lateralSide: rng.pick(["left", "right"] as const),
        }),
    ],
    [
      "invented nudge",
      (rng) =>
        claim(plant(rng, "cruise", "keep"), {
          lateral: "in_lane_nudge",
          lateralSide: rng.pick(["left", "right"] as const),
        }),
    ],
    ["words slow down, car speeds up", invented({ speed: "slow_down" }, ["speedUp", "pass"])],
    [
      "words speed up, car brakes",
      (rng) =>
        claim(plant(rng, rng.pick(["stop", "followSlower"]), "keep"), {
          longitudinal: "set_speed_tracking",
          speed: "speed_up",
        }),
    ],
  ];
  const rates: Record<string, number> = {};
  test.each(faults)("%s", (name, make) => {
    rates[name] = errorShare(23, make);
    expect(rates[name]).toBeGreaterThanOrEqual(0.95);
  });
});

/** Labels with components, for faults that need no motion. */
const component = (
  id: string,
  kind: string,
  category: CriticalComponent["category"],
  attributes = {},
): CriticalComponent => ({
  id,
  kind,
  category,
  attributes: { side: "left", speedMps: 3, state: "crossing", command: "left", ...attributes },
});
const scene = [
  component("light:1", "red_light", "traffic_light"),
  component("actor:1", "lead_vehicle", "critical_object"),
  component("actor:2", "pedestrian", "critical_object"),
  component("sign:1", "stop_sign", "yield_stop_control"),
  component("curve", "curve", "road_event"),
  component("lane:1", "free_lane", "lane_lines"),
  component("route", "route", "routing_intent"),
  component("actor:3", "parked_vehicle", "critical_object"),
];
const causeOf: [LongitudinalDecision, string][] = [
  ["stop_static_constraint", "light:1"],
  ["stop_static_constraint", "sign:1"],
  ["lead_following", "actor:1"],
  ["yield_right_of_way", "actor:2"],
  ["speed_adaptation_road_event", "curve"],
  ["set_speed_tracking", "lane:1"],
];
function trueLabel(rng: Rng): CocLabel {
  const [longitudinal, cause] = rng.pick(causeOf);
  const side = rng.pick(["left", "right"] as const);
  const [lateral, other] = rng.pick([
    ["lane_keep", null],
    ["turn", "route"],
    ["in_lane_nudge", "actor:3"],
  ] as const);
  const decision: DrivingDecision = {
    longitudinal,
    lateral,
    lateralSide: lateral === "lane_keep" ? null : side,
    components: scene,
    causeIds: other === null ? [cause] : [cause, other],
  };
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
    ...decision,
    components: [...scene],
    causeIds: [...decision.causeIds],
    trace: renderTrace(decision, { speedMps: 7 }, rng),
  };
}
const edit = (label: CocLabel, from: RegExp, to: string): CocLabel => ({
  ...label,
  trace: (label.trace as string).replace(from, to),
});

describe("faults in the words and the causes", () => {
  const outcome = (label: CocLabel) =>
    verifyLabel({ label, evidence: null, keyframe: null }).outcome;
  const withDecision = (rng: Rng, wanted: (l: CocLabel) => boolean): CocLabel => {
    for (;;) {
      const label = trueLabel(rng);
      if (wanted(label)) return label;
    }
  };
  test("true labels pass", () => {
    const rng = createRng(5);
    for (let i = 0; i < 300; i++) {
      const label = trueLabel(rng);
      expect(outcome(label), label.trace ?? "").toBe("pass");
    }
  });

  const faults: [string, (rng: Rng) => CocLabel][] = [
    [
      "swapped colour in the words",
      (rng) =>
        edit(
          withDecision(rng, (l) => / red\b/.test(l.trace ?? "")),
          / red\b/,
          " green",
        ),
    ],
    [
      "swapped colour in the scene",
      (rng) => {
        const label = withDecision(rng, (l) => l.causeIds[0] === "light:1");
        return {
          ...label,
          components: label.components.map((c) =>
            c.id === "light:1" ? { ...c, kind: "green_light" } : c,
          ),
        };
      },
    ],
    [
      "future leak",
      (rng) =>
        edit(
          trueLabel(rng),
          /\.$/,
          rng.pick([
            " and it will then stop.",
            " and it turns later.",
            ", before turning left.",
            " and it is about to clear.",
          ]),
        ),
    ],
    [
      "wrong actor",
      (rng) => {
        const label = withDecision(rng, (l) => l.causeIds[0].startsWith("actor:"));
        const swap = label.causeIds[0] === "actor:1" ? "actor:2" : "actor:1";
        return { ...label, causeIds: [swap, ...label.causeIds.slice(1)] };
      },
    ],
    ["cause that is not there", (rng) => ({ ...trueLabel(rng), causeIds: ["actor:77"] })],
    [
      "flipped side in the words",
      (rng) => {
        const label = withDecision(rng, (l) => l.lateralSide !== null);
        const swap = { left: "right", right: "left" } as const;
        return edit(label, /\b(left|right)\b/, swap[label.lateralSide as "left" | "right"]);
      },
    ],
    [
      "words of another decision",
      (rng) => {
        const label = trueLabel(rng);
        const other = withDecision(rng, (l) => l.longitudinal !== label.longitudinal);
        return { ...label, trace: other.trace };
      },
    ],
    ["no cause", (rng) => edit(trueLabel(rng), / (because|since|as) .*$/, ".")],
    ["prompt echo", (rng) => edit(trueLabel(rng), /the/, "{subject}")],
  ];
  test.each(faults)("%s", (_, make) => {
    const rng = createRng(31);
    let errors = 0;
    for (let i = 0; i < perKind; i++) if (outcome(make(rng.fork(i))) === "error") errors++;
    expect(share(errors, perKind)).toBeGreaterThanOrEqual(0.95);
  });

  test("every verdict carries coverage and no claim passes vacuously", () => {
    const p = plant(createRng(1), "cruise", "keep");
    const e = evidenceFromMotion(p.motion, t0Us);
    expect(
      checkConsistency({ longitudinal: null, lateral: null, lateralSide: null }, e),
    ).toMatchObject({
      outcome: "abstain",
      coverage: 0,
    });
    expect(checkConsistency("What a lovely day it is.", e).outcome).toBe("unparsable");
    expect(
      checkConsistency("Look for a gap in the traffic because a car is next to us.", e),
    ).toMatchObject({
      outcome: "abstain",
      coverage: 0,
    });
    expect(parseTrace("Slightly nudge left.").status).toBe("parsed");
    expect(checkConsistency("Slightly nudge left.", e).outcome).toBe("abstain");
  });
});
