import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectMetaActions, nv202605, segmentMetaActions, type MetaActions } from "@causeway/label";
import { drive, mirror, type Control } from "./profiles.ts";

const controls: fc.Arbitrary<Control[]> = fc.array(
  fc.record({
    secs: fc.double({ min: 0.2, max: 5, noNaN: true }),
    accelMps2: fc.double({ min: -3, max: 2.5, noNaN: true }),
    curvaturePerM: fc.oneof(fc.constant(0), fc.double({ min: -0.15, max: 0.15, noNaN: true })),
  }),
  { minLength: 1, maxLength: 12 },
);
const anyDrive = fc
  .tuple(fc.double({ min: 0, max: 20, noNaN: true }), controls, fc.boolean())
  .map(([v0, c, mayReverse]) => drive(v0, c, { yaw0: 2, mayReverse }));

const names = (m: MetaActions, axis: "longitudinal" | "lateral") => {
  const a = m.axes[axis];
  return a.isAvailable ? a.intervals.map((i) => i.action) : null;
};

describe("tidy intervals", () => {
  test("tile the recording exactly, on both axes", () => {
    fc.assert(
      fc.property(anyDrive, (columns) => {
        const m = detectMetaActions(columns, 300_000);
        for (const axis of [m.axes.longitudinal, m.axes.lateral]) {
          if (!axis.isAvailable) throw new Error("not available");
          expect(axis.intervals[0].startTick).toBe(0);
          expect(axis.intervals.at(-1)?.endTick).toBe(columns.x.length);
          axis.intervals.forEach((i, k) => {
            expect(i.endTick).toBeGreaterThan(i.startTick);
            if (k > 0) expect(i.startTick).toBe(axis.intervals[k - 1].endTick);
            if (k > 0) expect(i.action).not.toBe(axis.intervals[k - 1].action);
            expect(i.startUs).toBe(300_000 + i.startTick * 100_000);
            expect(i.confidence).toBeGreaterThanOrEqual(0);
            expect(i.confidence).toBeLessThanOrEqual(1);
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  test("mirroring the world swaps left and right and nothing else", () => {
    const swap = (action: string) =>
      action.replace(/Left|Right/, (side) => (side === "Left" ? "Right" : "Left"));
    fc.assert(
      fc.property(anyDrive, (columns) => {
        const there = segmentMetaActions(columns);
        const back = segmentMetaActions(mirror(columns));
        for (const axis of ["longitudinal", "lateral"] as const) {
          expect(
            back[axis].cleaned.map((s) => [swap(s.action), s.startSecs, s.durationSecs]),
          ).toEqual(there[axis].cleaned.map((s) => [s.action, s.startSecs, s.durationSecs]));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a stop from 10 m/s, then off again to the left", () => {
    const m = detectMetaActions(
      drive(10, [
        { secs: 3 },
        { secs: 5, accelMps2: -2 },
        { secs: 3 },
        { secs: 4, accelMps2: 1 },
        { secs: 3, curvaturePerM: 0.1 },
      ]),
    );
    expect(names(m, "longitudinal")).toEqual([
      "MaintainSpeed",
      "StrongDeceleration",
      "Stop",
      "GentleAcceleration",
      "MaintainSpeed",
    ]);
    expect(names(m, "lateral")).toEqual(["GoStraight", "SharpSteerLeft"]);
    const axis = m.axes.longitudinal;
    if (!axis.isAvailable) throw new Error("not available");
    // The smoothed acceleration passes the cut at -1.25 m/s² one tick late, with 0.6 m/s already lost.
    const brake = axis.intervals[1];
    expect(brake.stats.deltaSpeedMps).toBeCloseTo(-9.4, 9);
    expect(brake.stats.accelPeakMps2).toBeCloseTo(-2, 6);
    expect(brake.stats.distanceM).toBeCloseTo(23.03, 1);
  });

  test("an axis without a detector is unavailable, not empty", () => {
    expect(detectMetaActions(drive(5, [{ secs: 3 }])).axes.lane.isAvailable).toBe(false);
  });

  test("a changed threshold changes the hash", () => {
    const columns = drive(5, [{ secs: 3 }]);
    const other = { ...nv202605, smoothingTicks: 7 };
    expect(detectMetaActions(columns).rulesHash).not.toBe(
      detectMetaActions(columns, 0, other).rulesHash,
    );
  });

  test("one tick, unequal columns and NaN are errors", () => {
    const good = drive(5, [{ secs: 1 }]);
    expect(() => detectMetaActions({ ...good, vx: good.vx.slice(1) })).toThrow(/vx has 10 rows/);
    expect(() => detectMetaActions({ ...good, y: good.y.map(() => Number.NaN) })).toThrow(/NaN/);
    const one = good.x.slice(0, 1);
    expect(() => detectMetaActions({ x: one, y: one, yaw: one, vx: one, vy: one })).toThrow(
      /1 ticks; expected at least 2/,
    );
  });
});
