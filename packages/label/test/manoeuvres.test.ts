import fc from "fast-check";
import { createRng } from "@causeway/geom";
import { describe, expect, test } from "vitest";
import { egoColumns, findManoeuvres, type EgoColumns } from "@causeway/label";
import { type Control, drive, driveCourse, ease, mirror } from "./profiles.ts";

const course = (
  offsetM: (t: number) => number,
  more: Partial<Parameters<typeof driveCourse>[0]> = {},
) => egoColumns(driveCourse({ v0Mps: 12, secs: 24, accelMps2: () => 0, offsetM, ...more }));
const kinds = (columns: EgoColumns) => findManoeuvres(columns).map((m) => `${m.kind} ${m.side}`);
const noise = (seed: number) => ({
  rng: createRng(seed),
  posM: 0.02,
  yawRad: 0.002,
  speedMps: 0.05,
});

describe("manoeuvres without a map", () => {
  test("a lane change to each side, with when and how far", () => {
    const change = ease(8, 5);
    const [left, ...more] = findManoeuvres(course((t) => 3.5 * change(t)));
    expect(more).toEqual([]);
    expect(left).toMatchObject({ kind: "lane_change", side: "left" });
    expect(Math.abs(left.lateralM - 3.5)).toBeLessThan(0.15);
    expect(Math.abs(left.startTick - 84)).toBeLessThan(6);
    expect(Math.abs(left.endTick - 126)).toBeLessThan(6);
    expect(left.confidence).toBeGreaterThan(0.8);
    expect(left.confidence).toBeLessThanOrEqual(0.95);
    expect(kinds(course((t) => -3.5 * change(t)))).toEqual(["lane_change right"]);
  });

  test("a lane change on a bend is found, and the bend is not called one", () => {
    const change = ease(9, 5);
    const road = () => 0.004;
    expect(kinds(course((t) => 3.5 * change(t), { roadPerM: road }))).toContain("lane_change left");
    expect(kinds(course(() => 0, { roadPerM: road })).filter((k) => k.startsWith("lane"))).toEqual(
      [],
    );
  });

  test("around something and back is a nudge; a small move that stays is a shift", () => {
    const [out, back] = [ease(7, 3), ease(12, 3)];
    expect(kinds(course((t) => 1.2 * (out(t) - back(t))))).toEqual(["nudge left"]);
    expect(kinds(course((t) => -1.2 * (out(t) - back(t))))).toEqual(["nudge right"]);
    expect(kinds(course((t) => 1.2 * out(t)))).toEqual(["shift left"]);
  });

  test("a turn, a U-turn and a curve are told apart by radius and angle", () => {
    const turn = (radius: number, rad: number, v = 6) =>
      drive(v, [{ secs: 5 }, { secs: (rad * radius) / v, curvaturePerM: 1 / radius }, { secs: 5 }]);
    expect(kinds(turn(12, Math.PI / 2))).toEqual(["turn left"]);
    expect(kinds(mirror(turn(12, Math.PI / 2)))).toEqual(["turn right"]);
    expect(kinds(turn(7, Math.PI))).toEqual(["u_turn left"]);
    expect(kinds(turn(120, 0.6, 14))).toEqual(["curve left"]);
  });

  test("driving straight, with the noise of a receiver, is at most an unsure shift, never more", () => {
    for (let seed = 0; seed < 8; seed++) {
      for (const m of findManoeuvres(course(() => 0, { noise: noise(seed) }))) {
        expect(m.kind).toBe("shift");
        expect(m.confidence).toBeLessThan(0.6);
      }
    }
  });

  test("noise does not hide a lane change, nor turn it to the other side", () => {
    const change = ease(8, 5);
    for (let seed = 0; seed < 8; seed++) {
      const found = kinds(course((t) => -3.4 * change(t), { noise: noise(seed) }));
      expect(found).toContain("lane_change right");
      expect(found.filter((k) => k === "lane_change left")).toEqual([]);
    }
  });

  test("standing still and two ticks are fine", () => {
    expect(findManoeuvres(drive(0, [{ secs: 10 }]))).toEqual([]);
    expect(findManoeuvres(drive(5, [{ secs: 0.1 }]))).toEqual([]);
  });

  test("mirroring the world swaps the sides and nothing else; spans are ordered and inside", () => {
    const control: fc.Arbitrary<Control> = fc.record({
      secs: fc.double({ min: 0.5, max: 6, noNaN: true }),
      accelMps2: fc.double({ min: -2, max: 2, noNaN: true }),
      curvaturePerM: fc.oneof(fc.constant(0), fc.double({ min: -0.08, max: 0.08, noNaN: true })),
    });
    fc.assert(
      fc.property(fc.array(control, { minLength: 2, maxLength: 12 }), (controls) => {
        const columns = drive(10, controls, { yaw0: 2 });
        const there = findManoeuvres(columns);
        const back = findManoeuvres(mirror(columns));
        expect(
          back.map((m) => ({
            ...m,
            side: m.side === "left" ? "right" : "left",
            lateralM: -m.lateralM + 0,
            headingChangeRad: -m.headingChangeRad + 0,
            reason: "",
          })),
        ).toEqual(
          there.map((m) => ({
            ...m,
            lateralM: m.lateralM + 0,
            headingChangeRad: m.headingChangeRad + 0,
            reason: "",
          })),
        );
        there.forEach((m, i) => {
          expect(m.endTick).toBeGreaterThan(m.startTick);
          expect(m.startTick).toBeGreaterThanOrEqual(0);
          expect(m.endTick).toBeLessThanOrEqual(columns.x.length);
          if (i > 0) expect(m.startTick).toBeGreaterThanOrEqual(there[i - 1].startTick);
        });
      }),
      { numRuns: 60 },
    );
  });
});
