import { describe, expect, test } from "vitest";
import {
  lateralDecisions,
  longitudinalDecisions,
  type CriticalComponent,
  type DrivingDecision,
  type LateralDecision,
  type Side,
} from "@causeway/data";
import { createRng } from "@causeway/geom";
import {
  causeClauses,
  connectives,
  joinTrace,
  lateralClauses,
  longitudinalClauses,
  parseTrace,
  renderTrace,
} from "@causeway/label";

const fill = (text: string, side: Side, car: string) =>
  text.replace("{side}", side).replace("{car}", car);

/** Every longitudinal clause with its decision. */
const everyLongitudinal = longitudinalDecisions.flatMap((decision) =>
  Object.values(longitudinalClauses[decision] as Record<string, readonly string[]>)
    .flat()
    .flatMap((text) =>
      ["car", "truck"].map((car) => ({ decision, text: fill(text, "left", car) })),
    ),
);
const everyLateral = lateralDecisions.flatMap((decision) => {
  const { sided, plain } = lateralClauses[decision];
  const pair = (p: readonly [string, string], side: Side | null) => ({
    decision: decision as LateralDecision,
    side,
    pair: [fill(p[0], side ?? "left", ""), fill(p[1], side ?? "left", "")] as [string, string],
  });
  return [
    ...plain.map((p) => pair(p, null)),
    ...sided.flatMap((p) => [pair(p, "left"), pair(p, "right")]),
  ];
});
const everyCause = Object.entries(causeClauses).flatMap(([kind, states]) =>
  Object.values(states)
    .flat()
    .flatMap((text) =>
      (["left", "right"] as const).map((side) => ({ kind, text: fill(text, side, "car") })),
    ),
);

describe("what the oracle can write is what the parser reads", () => {
  test("every longitudinal clause with every lateral clause, joined both ways", () => {
    let count = 0;
    for (const long of everyLongitudinal) {
      for (const lat of everyLateral) {
        for (const gerund of [true, false]) {
          const trace = joinTrace(
            long.text,
            lat.pair,
            ["the light ahead is red"],
            "because",
            gerund,
          );
          const parsed = parseTrace(trace);
          expect({ trace, ...parsed }).toMatchObject({
            trace,
            status: "parsed",
            longitudinal: long.decision,
            lateral: lat.decision,
            lateralSide: lat.side,
            isHedged: false,
            causes: ["red_light"],
          });
          count++;
        }
      }
    }
    expect(count).toBeGreaterThan(2000);
  });

  test("every longitudinal clause with every cause, and every lateral clause with every cause", () => {
    for (const cause of everyCause) {
      for (const connective of new Set(connectives)) {
        for (const long of everyLongitudinal) {
          const trace = joinTrace(long.text, null, [cause.text], connective, false);
          expect({ trace, ...parseTrace(trace) }).toMatchObject({
            trace,
            longitudinal: long.decision,
            lateral: null,
            causes: [cause.kind],
          });
        }
        for (const lat of everyLateral) {
          const trace = joinTrace(null, lat.pair, [cause.text], connective, false);
          expect({ trace, ...parseTrace(trace) }).toMatchObject({
            trace,
            longitudinal: null,
            lateral: lat.decision,
            lateralSide: lat.side,
            causes: [cause.kind],
          });
        }
      }
    }
  });

  test("two causes are read in order", () => {
    for (const a of everyCause) {
      for (const b of everyCause) {
        const trace = joinTrace("keep the set speed", null, [a.text, b.text], "since", false);
        const parsed = parseTrace(trace);
        expect(parsed.status === "parsed" && parsed.causes, trace).toEqual([a.kind, b.kind]);
      }
    }
  });

  test("the vocabulary stays small", () => {
    const words = new Set<string>();
    const add = (text: string) => {
      for (const w of text.toLowerCase().match(/[a-z-]+/g) ?? []) words.add(w);
    };
    for (const { text } of everyLongitudinal) add(text);
    for (const { pair } of everyLateral) pair.forEach(add);
    for (const { text } of everyCause) add(text);
    connectives.forEach(add);
    expect(words.size).toBeLessThanOrEqual(150);
  });
});

const component = (
  id: string,
  kind: string,
  attributes: CriticalComponent["attributes"] = {},
): CriticalComponent => ({
  id,
  kind,
  category: kind.endsWith("_light")
    ? "traffic_light"
    : kind === "curve"
      ? "road_event"
      : "critical_object",
  attributes,
});
const decide = (
  longitudinal: DrivingDecision["longitudinal"],
  lateral: DrivingDecision["lateral"],
  lateralSide: Side | null,
  causes: CriticalComponent[],
): DrivingDecision => ({
  longitudinal,
  lateral,
  lateralSide,
  components: causes,
  causeIds: causes.map((c) => c.id),
});

const say = (d: DrivingDecision, v: number, seed: number) =>
  renderTrace(d, { speedMps: v }, createRng(seed)) as string;

describe("rendering", () => {
  test("wording follows the present state and varies with the seed", () => {
    const lead = (speedMps: number, braking = false) =>
      component("actor:1", "lead_vehicle", { speedMps, braking, type: "truck", side: "center" });
    const follow = (c: CriticalComponent) => decide("lead_following", "lane_keep", null, [c]);
    for (let seed = 0; seed < 20; seed++) {
      expect(say(follow(lead(0)), 8, seed)).toMatch(/stop behind the truck ahead .* stopped/i);
      expect(say(follow(lead(0)), 0, seed)).toMatch(/^(Wait|Stay stopped) behind/);
      expect(say(follow(lead(4)), 0, seed)).toMatch(/^Start and follow/);
      expect(say(follow(lead(8, true)), 8, seed)).toMatch(/^Slow down .* is braking\.$/);
      expect(say(follow(lead(8)), 8, seed)).not.toMatch(/slow/i);
    }
    const all = new Set(Array.from({ length: 60 }, (_, s) => say(follow(lead(8)), 8, s)));
    expect(all.size).toBeGreaterThan(20);
    expect(say(follow(lead(8)), 8, 3)).toBe(say(follow(lead(8)), 8, 3));
  });

  test("sentences are 6 to 25 words, one capital, one full stop", () => {
    const far = component("actor:2", "cut_in_vehicle", { side: "right" });
    const walker = component("actor:3", "pedestrian", { state: "crossing", side: "left" });
    for (const longitudinal of [...longitudinalDecisions, null]) {
      for (const lateral of [...lateralDecisions, null]) {
        if (longitudinal === null && lateral === null) continue;
        for (let seed = 0; seed < 20; seed++) {
          const v = seed % 2 === 0 ? 0 : 8;
          const trace = say(decide(longitudinal, lateral, "left", [far, walker]), v, seed);
          const words = trace.split(" ").length;
          expect(words, trace).toBeGreaterThanOrEqual(6);
          expect(words, trace).toBeLessThanOrEqual(25);
          expect(trace).toMatch(/^[A-Z][a-z ]+\.$/);
        }
      }
    }
  });

  test("no decision gives no sentence; a cause that is not listed is a fault", () => {
    expect(renderTrace(decide(null, null, null, []), { speedMps: 3 }, createRng(1))).toBeNull();
    const broken = { ...decide("yield_right_of_way", null, null, []), causeIds: ["actor:9"] };
    expect(() => renderTrace(broken, { speedMps: 3 }, createRng(1))).toThrow(
      /"actor:9" is not among/,
    );
  });
});

describe("text that a model or a person wrote", () => {
  test.each([
    ["Slow down since the traffic light ahead is red.", "stop_static_constraint", null, null],
    [
      "Decelerate and come to a stop at the stop sign because it is an all-way stop.",
      "stop_static_constraint",
      null,
      null,
    ],
    [
      "Keep lane and maintain distance to the lead vehicle because it is slowing.",
      "lead_following",
      "lane_keep",
      null,
    ],
    [
      "Because a pedestrian is crossing, slow down and stay in the lane.",
      "yield_right_of_way",
      "lane_keep",
      null,
    ],
    ["Slow down and stop because a pedestrian is crossing.", "yield_right_of_way", null, null],
    [
      "Nudge left slightly to give clearance to the parked car on the right.",
      null,
      "in_lane_nudge",
      "left",
    ],
    [
      "Change lanes to the left because the stopped truck blocks the right lane.",
      null,
      "lane_change",
      "left",
    ],
    ["Turn right at the intersection since the route goes right.", null, "turn", "right"],
    [
      "Continue at the current speed in the left-turn lane as the light is green.",
      "set_speed_tracking",
      null,
      null,
    ],
    ["Proceed with no need to slow because the road is clear.", "set_speed_tracking", null, null],
    [
      "Resume speed after stopping because the light turned green.",
      "set_speed_tracking",
      null,
      null,
    ],
    ["Stop behind the stopped vehicle ahead.", "lead_following", null, null],
    [
      "Accelerate to overtake the slow truck and move into the left lane.",
      "accelerate_to_pass",
      "lane_change",
      "left",
    ],
    ["Yield to the oncoming car while turning left.", "yield_right_of_way", "turn", "left"],
    [
      "Move right out of the lane to go around the double-parked van.",
      null,
      "out_of_lane_nudge",
      "right",
    ],
    ["Pull over to the right.", null, "pull_over", "right"],
  ])("%s", (trace, longitudinal, lateral, lateralSide) => {
    expect(parseTrace(trace)).toMatchObject({
      status: "parsed",
      longitudinal,
      lateral,
      lateralSide,
    });
  });

  test("sides after the causal word belong to others", () => {
    const parsed = parseTrace("Slow down because a car turns left and a truck stops on the right.");
    expect(parsed).toMatchObject({ lateral: null, lateralSide: null });
  });

  test("speed words: a gap kept to a slowing car is a promise to slow, moving slowly is not", () => {
    expect(parseTrace("Keep distance to the car ahead since it is slowing.")).toMatchObject({
      speed: "slow_down",
    });
    expect(parseTrace("Keep distance to the car ahead since it is moving slowly.")).toMatchObject({
      speed: null,
    });
  });

  test("what says nothing is unparsed, with a reason", () => {
    for (const text of [
      "",
      "  ",
      "The weather is nice.",
      "asdf because because",
      "Because the light is red.",
    ]) {
      expect(parseTrace(text)).toMatchObject({ status: "unparsed", reason: expect.any(String) });
    }
    expect(parseTrace("Stop. Turn left.")).toMatchObject({ reason: "more than one sentence" });
  });
});
