import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  angleBetween,
  composeSe2,
  composeSe3,
  inverseSe2,
  inverseSe3,
  matrixFromQuat,
  quatFromMatrix,
  quatFromYaw,
  quatFromYawPitchRoll,
  rotateByQuat,
  se3From,
  slerp,
  transformPoint,
  transformPoint2,
  unwrapAngles,
  wrapAngle,
  yawOfQuat,
} from "@causeway/geom";

const real = (limit: number) => fc.double({ min: -limit, max: limit, noNaN: true });
const quat = fc.tuple(real(3.1), real(1.5), real(3.1)).map((a) => quatFromYawPitchRoll(...a));
const pose3 = fc
  .tuple(real(100), real(100), real(10), quat)
  .map(([x, y, z, q]) => se3From(x, y, z, q));
const pose2 = fc.record({ x: real(100), y: real(100), yaw: real(3.1) });

describe("angles", () => {
  test("wrapping keeps the direction and lands in [-pi, pi)", () => {
    fc.assert(
      fc.property(real(1000), (a) => {
        const w = wrapAngle(a);
        expect(w).toBeGreaterThanOrEqual(-Math.PI);
        expect(w).toBeLessThan(Math.PI);
        expect(Math.cos(w)).toBeCloseTo(Math.cos(a), 9);
        expect(Math.sin(w)).toBeCloseTo(Math.sin(a), 9);
      }),
    );
    expect(wrapAngle(Math.PI)).toBe(-Math.PI);
    expect(angleBetween(3, -3)).toBeCloseTo(2 * Math.PI - 6, 12);
  });

  test("unwrapping a wrapped ramp gives the ramp back", () => {
    for (const rate of [0.7, -1.9, 3.1]) {
      const ramp = Float64Array.from({ length: 50 }, (_, i) => 0.2 + rate * i);
      const back = unwrapAngles(ramp.map(wrapAngle));
      for (let i = 0; i < 50; i++) expect(back[i] - back[0]).toBeCloseTo(rate * i, 9);
    }
  });
});

describe("transforms", () => {
  test("a 3-D transform and its inverse cancel on points", () => {
    fc.assert(
      fc.property(pose3, pose3, real(50), real(50), real(5), (a, b, x, y, z) => {
        const p = transformPoint(composeSe3(inverseSe3(a), composeSe3(a, b)), x, y, z);
        const q = transformPoint(b, x, y, z);
        expect(Math.hypot(p.x - q.x, p.y - q.y, p.z - q.z)).toBeLessThan(1e-9);
      }),
    );
  });

  test("a planar transform and its inverse cancel, and agree with the 3-D one", () => {
    fc.assert(
      fc.property(pose2, pose2, (a, b) => {
        const back = composeSe2(inverseSe2(a), composeSe2(a, b));
        expect(back.x).toBeCloseTo(b.x, 9);
        expect(back.y).toBeCloseTo(b.y, 9);
        expect(Math.abs(angleBetween(back.yaw, b.yaw))).toBeLessThan(1e-12);
        const flat = transformPoint2(a, b.x, b.y);
        const full = transformPoint(se3From(a.x, a.y, 0, quatFromYaw(a.yaw)), b.x, b.y, 0);
        expect(flat.x).toBeCloseTo(full.x, 9);
        expect(flat.y).toBeCloseTo(full.y, 9);
      }),
    );
  });

  test("matrix and quaternion describe the same rotation", () => {
    fc.assert(
      fc.property(quat, real(5), real(5), real(5), (q, x, y, z) => {
        const m = matrixFromQuat(q);
        const p = rotateByQuat(q, x, y, z);
        expect(m[0] * x + m[1] * y + m[2] * z).toBeCloseTo(p.x, 10);
        expect(m[3] * x + m[4] * y + m[5] * z).toBeCloseTo(p.y, 10);
        expect(m[6] * x + m[7] * y + m[8] * z).toBeCloseTo(p.z, 10);
        const again = matrixFromQuat(quatFromMatrix(m));
        for (let i = 0; i < 9; i++) expect(again[i]).toBeCloseTo(m[i], 12);
        expect(yawOfQuat(q)).toBeCloseTo(Math.atan2(m[3], m[0]), 9);
      }),
    );
  });

  test("yaw turns x towards y, that is to the left", () => {
    const p = rotateByQuat(quatFromYaw(Math.PI / 2), 1, 0, 0);
    expect(p.x).toBeCloseTo(0, 15);
    expect(p.y).toBeCloseTo(1, 15);
  });

  test("slerp turns at a constant rate the short way, whatever the quaternion's sign", () => {
    for (const size of [1e-9, 1e-6, 0.3, 3]) {
      const a = quatFromYaw(0.4);
      const b = quatFromYaw(0.4 + size);
      for (const end of [b, { w: -b.w, x: -b.x, y: -b.y, z: -b.z }]) {
        const q = slerp(a, end, 0.25);
        expect(angleBetween(0.4, yawOfQuat(q)) / size).toBeCloseTo(0.25, 6);
      }
    }
  });
});
