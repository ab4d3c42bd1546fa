import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "@causeway/geom";
import {
  applyQuota,
  chooseKeyframes,
  defaultKeyframeOptions,
  detectMetaActions,
  type EgoColumns,
} from "@causeway/label";
import { drive, type Control } from "./profiles.ts";

const choose = (columns: EgoColumns, options = defaultKeyframeOptions) =>
  chooseKeyframes(detectMetaActions(columns), columns, options);
const stopAndGo = drive(10, [
  { secs: 6 },
  { secs: 5, accelMps2: -2 },
  { secs: 5 },
  { secs: 6, accelMps2: 1.2 },
  { secs: 10 },
]);

describe("choosing keyframes", () => {
  test("braking, standing and setting off are found half a second ahead, fallbacks are not", () => {
    const { keyframes, dropped } = choose(stopAndGo);
    expect(keyframes.map((k) => [k.longitudinal?.to, k.t0Tick])).toEqual([
      ["StrongDeceleration", 57],
      ["Stop", 104],
      ["GentleAcceleration", 158],
    ]);
    expect(keyframes[0].reason).toContain("0.5 s before MaintainSpeed to StrongDeceleration");
    expect(dropped.map((d) => d.code)).toEqual(["fallback"]);
  });

  test("changes of both axes within a second make one keyframe", () => {
    const columns = drive(10, [
      { secs: 5 },
      { secs: 3, accelMps2: -2, curvaturePerM: 0.06 },
      { secs: 12, curvaturePerM: 0 },
    ]);
    const [first] = choose(columns).keyframes;
    expect(first.longitudinal?.to).toBe("StrongDeceleration");
    expect(first.lateral?.to).toBe("SharpSteerLeft");
    expect(first.stratum.curvatureBin).toBe("sharp");
  });

  test("a deceleration that the speed does not confirm is dropped with its numbers", () => {
    const strict = { ...defaultKeyframeOptions, confirmMps: 5 };
    const { keyframes, dropped } = choose(stopAndGo, strict);
    expect(keyframes.map((k) => k.longitudinal?.to)).toEqual(["Stop"]);
    expect(dropped.find((d) => d.code === "unconfirmed")?.reason).toMatch(
      /moves by -?\d.* 5 needed/,
    );
  });

  test("every start of an interval is either chosen or dropped; spacing and window hold", () => {
    const control: fc.Arbitrary<Control> = fc.record({
      secs: fc.double({ min: 0.5, max: 4, noNaN: true }),
      accelMps2: fc.double({ min: -3, max: 2.5, noNaN: true }),
      curvaturePerM: fc.oneof(fc.constant(0), fc.double({ min: -0.15, max: 0.15, noNaN: true })),
    });
    fc.assert(
      fc.property(fc.array(control, { minLength: 4, maxLength: 20 }), (controls) => {
        const columns = drive(12, controls);
        const meta = detectMetaActions(columns);
        const { keyframes, dropped } = chooseKeyframes(meta, columns);
        let starts = 0;
        for (const axis of [meta.axes.longitudinal, meta.axes.lateral]) {
          if (axis.isAvailable) starts += axis.intervals.length - 1;
        }
        const used = keyframes.reduce(
          (n, k) => n + (k.longitudinal === null ? 0 : 1) + (k.lateral === null ? 0 : 1),
          0,
        );
        const lost = dropped.reduce((n, d) => n + (d.axis === "both" ? 2 : 1), 0);
        expect(used + lost).toBe(starts);
        keyframes.forEach((k, i) => {
          expect(k.t0Tick).toBeGreaterThanOrEqual(20);
          expect(k.t0Tick + 64).toBeLessThan(columns.x.length);
          if (i > 0) expect(k.t0Tick - keyframes[i - 1].t0Tick).toBeGreaterThanOrEqual(20);
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe("quota", () => {
  const found = ["a", "b", "c"].flatMap((driveId) =>
    choose(stopAndGo).keyframes.map((keyframe) => ({ driveId, keyframe })),
  );

  test("keeps so many per stratum, from different drives, whatever the input order", () => {
    const result = applyQuota(found, 2, createRng(1));
    expect(result.chosen.length).toBe(6);
    expect(result.dropped.length).toBe(3);
    expect(result.dropped[0].reason).toMatch(/2 of 3 kept/);
    expect([...result.counts.values()]).toEqual(Array(3).fill({ found: 3, chosen: 2 }));
    const again = applyQuota([...found].reverse(), 2, createRng(1));
    expect(again.chosen).toEqual(result.chosen);
  });
});
