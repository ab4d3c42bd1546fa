import type { CriticalComponent, DecisionFrame, DrivingDecision } from "@causeway/data";
import { describe, expect, test } from "vitest";
import {
  detectMetaActions,
  type EgoColumns,
  findScenarios,
  scenarioCatalogue,
  scenarioIds,
} from "@causeway/label";
import { drive } from "./profiles.ts";

const component = (kind: string, more: Partial<CriticalComponent> = {}): CriticalComponent => ({
  id: kind,
  category: kind.endsWith("_light") ? "traffic_light" : "critical_object",
  kind,
  attributes: kind.endsWith("_light") ? { state: kind.split("_")[0] } : {},
  ...more,
});
const decision = (more: Partial<DrivingDecision>): DrivingDecision => ({
  longitudinal: "set_speed_tracking",
  lateral: "lane_keep",
  lateralSide: null,
  components: [],
  causeIds: [],
  ...more,
});
const caused = (kind: string, more: Partial<DrivingDecision> = {}) =>
  decision({ components: [component(kind)], causeIds: [kind], ...more });

/** One decision per tick from [from, decision] steps. */
function frames(
  n: number,
  steps: readonly (readonly [number, DrivingDecision])[],
): DecisionFrame[] {
  return Array.from({ length: n }, (_, tick) => ({
    stampUs: tick * 100_000,
    decision: [...steps].reverse().find(([from]) => tick >= from)?.[1] ?? decision({}),
  }));
}
const find = (columns: EgoColumns, steps: readonly (readonly [number, DrivingDecision])[]) =>
  findScenarios({
    columns,
    meta: detectMetaActions(columns),
    decisions: frames(columns.x.length, steps),
    map: null,
  });

/** Cruises 6 s, brakes to a stop (5 s), stands 5 s, drives off. */
const stopAndGo = drive(10, [
  { secs: 6 },
  { secs: 5, accelMps2: -2 },
  { secs: 5 },
  { secs: 6, accelMps2: 1.2 },
  { secs: 6 },
]);

describe("the scenario catalogue", () => {
  test("has the 11 reactive and 5 proactive scenarios, each with a keyframe rule of its kind", () => {
    const all = scenarioIds.map((id) => scenarioCatalogue[id]);
    expect(all.filter((s) => s.kind === "reactive")).toHaveLength(11);
    expect(all.filter((s) => s.kind === "proactive")).toHaveLength(5);
    for (const s of all) {
      expect(s.keyframe.at === "range").toBe(s.kind === "proactive");
      expect(s.when.length).toBeGreaterThan(0);
    }
  });

  test("stopping at a light: half a second before braking, or when the light turns, whichever is later", () => {
    const stop = (kind: string) => caused(kind, { longitudinal: "stop_static_constraint" });
    const [early] = find(stopAndGo, [
      [50, stop("red_light")],
      [155, caused("green_light")],
    ]);
    // Braking is seen one or two ticks after it begins at 6.0 s; the light was red from 5.0 s on.
    expect(early.scenario).toBe("stop_for_control");
    expect(early.keyTick).toBeGreaterThanOrEqual(55);
    expect(early.keyTick).toBeLessThanOrEqual(58);
    expect(early.reason).toMatch(/^0.5 s before the car's change/);
    const [late] = find(stopAndGo, [
      [50, caused("green_light", { longitudinal: "stop_static_constraint" })],
      [70, stop("yellow_light")],
    ]);
    expect(late.keyTick).toBe(70);
    expect(late.reason).toBe("the light turns yellow or red at 7.0 s");
  });

  test("driving off at green is resuming, but only from a standstill", () => {
    const found = find(stopAndGo, [
      [50, caused("red_light", { longitudinal: "stop_static_constraint" })],
      [155, caused("green_light")],
    ]);
    expect(found.map((s) => s.scenario)).toEqual(["stop_for_control", "resume_at_control"]);
    const moving = find(drive(10, [{ secs: 20 }]), [[50, caused("green_light")]]);
    expect(moving).toEqual([]);
  });

  test("one lead vehicle: stopped for, or only slowed for, by what the car did", () => {
    const lead = caused("lead_vehicle", { longitudinal: "lead_following" });
    expect(
      find(stopAndGo, [
        [50, lead],
        [120, decision({})],
      ]).map((s) => s.scenario),
    ).toEqual(["stop_for_lead"]);
    const slowed = drive(12, [{ secs: 6 }, { secs: 3, accelMps2: -1.5 }, { secs: 10 }]);
    expect(find(slowed, [[50, lead]]).map((s) => s.scenario)).toEqual(["slow_for_lead"]);
  });

  test("people: yielded to when they cross, not when they wait", () => {
    const slowed = drive(12, [{ secs: 6 }, { secs: 3, accelMps2: -1.5 }, { secs: 10 }]);
    const crossing = caused("pedestrian", { longitudinal: "yield_right_of_way" });
    const waiting = decision({
      components: [component("pedestrian", { attributes: { state: "waiting" } })],
    });
    expect(
      find(slowed, [
        [50, waiting],
        [60, crossing],
        [90, decision({})],
      ]).map((s) => s.scenario),
    ).toEqual(["no_yield_vru", "yield_to_vru"]);
  });

  test("a flicker of three ticks is none; two stretches with a short gap are one", () => {
    const columns = drive(10, [{ secs: 20 }]);
    const bend = caused("curve", {
      longitudinal: "speed_adaptation_road_event",
      components: [component("curve", { category: "road_event" })],
    });
    expect(
      find(columns, [
        [50, bend],
        [53, decision({})],
      ]),
    ).toEqual([]);
    const joined = find(columns, [
      [50, bend],
      [70, decision({})],
      [74, bend],
      [90, decision({})],
    ]);
    expect(joined.map((s) => [s.scenario, s.startTick, s.endTick, s.keyTick])).toEqual([
      ["curvy_road", 50, 90, 70],
    ]);
  });

  test("without decisions and map nothing is claimed", () => {
    const columns = stopAndGo;
    expect(
      findScenarios({ columns, meta: detectMetaActions(columns), decisions: null, map: null }),
    ).toEqual([]);
  });
});
