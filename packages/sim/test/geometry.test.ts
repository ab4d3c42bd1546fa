import { describe, expect, it } from "vitest";
import fc from "fast-check";
import {
  buildPath,
  curve,
  joinPaths,
  offsetPath,
  poseAt,
  project,
  reversePath,
  straight,
  wrapAngle,
} from "../src/geometry/path.ts";
import { stepBicycle } from "../src/vehicle/bicycle.ts";
import { boxesOverlap, boxGap } from "../src/loop/boxes.ts";

const origin = { x: 0, y: 0, yaw: 0 };

describe("paths", () => {
  it("an arc turns by its angle and ends where the mirrored arc ends, mirrored", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 10, max: 200, noNaN: true }),
        fc.double({ min: 0.2, max: 1.5, noNaN: true }),
        (radius, angle) => {
          const left = buildPath(origin, curve(radius, angle));
          const right = buildPath(origin, curve(radius, -angle));
          const n = left.x.length - 1;
          expect(left.yaw[n]).toBeCloseTo(angle, 6);
          expect(right.x[n]).toBeCloseTo(left.x[n], 9);
          expect(right.y[n]).toBeCloseTo(-left.y[n], 9);
          expect(right.yaw[n]).toBeCloseTo(-left.yaw[n], 9);
        },
      ),
    );
  });

  it("a point put beside a path projects back to its place", () => {
    const path = buildPath({ x: 3, y: -2, yaw: 0.7 }, [
      straight(20),
      ...curve(40, 0.9),
      straight(20),
    ]);
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: path.lengthM - 1, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (s, d) => {
          const pose = { ...origin };
          poseAt(path, s, d, pose);
          const hit = project(path, pose.x, pose.y, -1, { s: 0, d: 0, index: 0 });
          // The path is a polyline of 0.5 m: its chords differ from the arc by millimetres.
          expect(Math.abs(hit.s - s)).toBeLessThan(0.06);
          expect(Math.abs(hit.d - d)).toBeLessThan(0.01);
        },
      ),
    );
  });

  it("the left offset of a path is the right offset of its reverse", () => {
    const path = buildPath(origin, [...curve(30, 1), straight(10)]);
    const a = offsetPath(path, 2);
    const b = reversePath(offsetPath(reversePath(path), -2));
    expect(b.lengthM).toBeCloseTo(a.lengthM, 6);
    for (let i = 0; i < a.x.length; i++) {
      expect(b.x[i]).toBeCloseTo(a.x[i], 6);
      expect(b.y[i]).toBeCloseTo(a.y[i], 6);
    }
  });

  it("joining keeps the length and unwraps the heading", () => {
    const a = buildPath({ x: 0, y: 0, yaw: 3 }, curve(20, 1));
    const n = a.x.length - 1;
    const b = buildPath({ x: a.x[n], y: a.y[n], yaw: wrapAngle(a.yaw[n]) }, [straight(15)]);
    const joined = joinPaths([a, b]);
    expect(joined.lengthM).toBeCloseTo(a.lengthM + b.lengthM, 1);
    for (let i = 1; i < joined.yaw.length; i++) {
      expect(Math.abs(joined.yaw[i] - joined.yaw[i - 1])).toBeLessThan(0.1);
    }
  });
});

describe("bicycle", () => {
  it("drives a circle of radius 1 / curvature exactly", () => {
    const ego = { ...origin, speedMps: 8, accelMps2: 0, curvaturePerM: 0.05 };
    // A full circle of 2 pi 20 m at 8 m/s.
    const secs = (2 * Math.PI * 20) / 8;
    const steps = 200;
    for (let i = 0; i < steps; i++) stepBicycle(ego, 0, 0.05, secs / steps);
    expect(ego.x).toBeCloseTo(0, 6);
    expect(ego.y).toBeCloseTo(0, 6);
    expect(ego.yaw).toBeCloseTo(2 * Math.PI, 6);
  });

  it("mirrors: left steering is right steering with y and yaw negated", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 15, noNaN: true }),
        fc.double({ min: -4, max: 2, noNaN: true }),
        fc.double({ min: -0.2, max: 0.2, noNaN: true }),
        (speedMps, accel, kappa) => {
          const a = { ...origin, speedMps, accelMps2: 0, curvaturePerM: 0 };
          const b = { ...a };
          for (let i = 0; i < 10; i++) {
            stepBicycle(a, accel, kappa, 0.1);
            stepBicycle(b, accel, -kappa, 0.1);
          }
          expect(b.x).toBeCloseTo(a.x, 9);
          expect(b.y).toBeCloseTo(-a.y, 9);
          expect(b.yaw).toBeCloseTo(-a.yaw, 9);
        },
      ),
    );
  });

  it("never rolls backwards", () => {
    const ego = { ...origin, speedMps: 1, accelMps2: 0, curvaturePerM: 0 };
    for (let i = 0; i < 20; i++) stepBicycle(ego, -5, 0, 0.1);
    expect(ego.speedMps).toBe(0);
    expect(ego.x).toBeGreaterThan(0);
  });
});

describe("boxes", () => {
  const box = (x: number, y: number, yaw: number) => ({ x, y, yaw, halfLengthM: 2, halfWidthM: 1 });

  it("overlap is symmetric and agrees with a gap of 0", () => {
    const at = fc.record({
      x: fc.double({ min: -5, max: 5, noNaN: true }),
      y: fc.double({ min: -5, max: 5, noNaN: true }),
      yaw: fc.double({ min: -3, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(at, at, (p, q) => {
        const a = box(p.x, p.y, p.yaw);
        const b = box(q.x, q.y, q.yaw);
        expect(boxesOverlap(a, b)).toBe(boxesOverlap(b, a));
        expect(boxGap(a, b) === 0).toBe(boxesOverlap(a, b));
      }),
    );
  });

  it("measures parallel and corner gaps", () => {
    expect(boxGap(box(0, 0, 0), box(7, 0, 0))).toBeCloseTo(3, 9);
    expect(boxGap(box(0, 0, 0), box(7, 6, 0))).toBeCloseTo(5, 9);
    expect(boxGap(box(0, 0, 0), box(0, 4, Math.PI / 2))).toBeCloseTo(1, 9);
  });
});
