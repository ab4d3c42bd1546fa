import { describe, expect, test } from "vitest";
import {
  checkEgoMotion,
  fitSpline,
  futureAt,
  GeomError,
  gridWithin,
  historyAt,
  lastAtOrBefore,
  motionSeries,
  pathSeries,
  quatFromYawPitchRoll,
  resample,
  rotateByQuat,
  slopesPerSecond,
  splineValue,
  yawOfQuat,
  rotationAtRow,
} from "@causeway/geom";
import { circle, motionFrom, range } from "./motions.ts";

describe("time grids", () => {
  test("a grid holds the multiples of its step inside the range", () => {
    expect(gridWithin(1, 400_000)).toEqual({ startUs: 100_000, stepUs: 100_000, count: 4 });
    expect(gridWithin(0, 99_999)).toEqual({ startUs: 0, stepUs: 100_000, count: 1 });
    expect(gridWithin(1, 99_999).count).toBe(0);
  });

  test("the last stamp at or before a time is found at every border", () => {
    const stamps = [10, 20, 30];
    expect([9, 10, 19, 20, 30, 99].map((t) => lastAtOrBefore(stamps, t))).toEqual([
      -1, 0, 0, 1, 2, 2,
    ]);
  });
});

describe("splines", () => {
  test("a not-a-knot spline reproduces any cubic exactly, on uneven knots", () => {
    const cubic = (t: number) => 1 - 2 * t + 0.5 * t * t - 0.3 * t * t * t;
    const knots = Float64Array.of(0, 0.4, 0.5, 1.3, 2, 2.1);
    const spline = fitSpline(knots, knots.map(cubic));
    for (let piece = 0; piece < 5; piece++) {
      const t = 0.3 * knots[piece] + 0.7 * knots[piece + 1];
      expect(splineValue(spline, piece, t)).toBeCloseTo(cubic(t), 11);
    }
  });

  test("two points give a line and three a parabola", () => {
    const line = fitSpline(Float64Array.of(0, 2), Float64Array.of(1, 5));
    expect(splineValue(line, 0, 0.5)).toBe(2);
    const knots = Float64Array.of(0, 1, 3);
    const parabola = fitSpline(
      knots,
      knots.map((t) => t * t - t),
    );
    expect(splineValue(parabola, 1, 2)).toBeCloseTo(2, 12);
  });

  test("the ends are SciPy's default: numbers of its CubicSpline 1.17", () => {
    // scipy.interpolate.CubicSpline([0,1,2,3,4],[0,1,0,2,1])([0.5, 2.5, 3.7])
    const s = fitSpline(Float64Array.of(0, 1, 2, 3, 4), Float64Array.of(0, 1, 0, 2, 1));
    expect(splineValue(s, 0, 0.5)).toBeCloseTo(1.234375, 12);
    expect(splineValue(s, 2, 2.5)).toBeCloseTo(0.828125, 12);
    expect(splineValue(s, 3, 3.7)).toBeCloseTo(2.135625, 10);
  });
});

describe("resampling", () => {
  const uneven = range(300, 10_137);

  test("a circle at about 100 Hz is met between its rows", () => {
    const at = circle(8, 0.05, 1);
    const out = resample(motionFrom(uneven, at));
    expect(out.stampUs[1]).toBe(100_000);
    expect(out.stampUs.length).toBe(31);
    for (let i = 0; i < out.stampUs.length; i++) {
      const want = at(out.stampUs[i] * 1e-6);
      expect(out.x[i]).toBeCloseTo(want.p[0], 8);
      expect(out.y[i]).toBeCloseTo(want.p[1], 8);
      expect(yawOfQuat(rotationAtRow(out, i))).toBeCloseTo(want.ypr[0], 12);
      expect(out.vx[i]).toBeCloseTo(want.v[0], 3);
    }
    const slopes = slopesPerSecond(out.stampUs, out.x);
    expect(slopes[15]).toBeCloseTo(out.vx[15], 3);
  });

  test("outside the recording is an error that names the range", () => {
    const m = motionFrom(range(11, 100_000), circle(8, 0.05));
    expect(() => historyAt(m, 1_000_000)).toThrow(/spans 0 … 1000000 us/);
    expect(() => futureAt(m, 0)).toThrow(GeomError);
  });

  test("bad columns are named: NaN, repeated time, missing row, wrong quaternion", () => {
    const good = motionFrom(range(20, 100_000), circle(8, 0.05));
    const nan = { ...good, y: good.y.map((v, i) => (i === 7 ? Number.NaN : v)) };
    expect(() => checkEgoMotion(nan)).toThrow(/column y: value 7 of 20 is NaN/);
    const repeat = { ...good, stampUs: good.stampUs.map((v, i) => (i === 3 ? 200_000 : v)) };
    expect(() => checkEgoMotion(repeat)).toThrow(/stamp 3 is 200000 us after 200000 us/);
    expect(() => checkEgoMotion({ ...good, vx: good.vx.slice(1) })).toThrow(/vx: has 19 rows/);
    expect(() => checkEgoMotion({ ...good, qw: good.qw.map((w) => 2 * w) })).toThrow(/length/);
    expect(() => resample(nan)).toThrow(GeomError);
  });
});

describe("local frames", () => {
  test("history ends in the identity and the future of a left circle bends left", () => {
    const m = motionFrom(range(1000, 10_000), circle(8, 0.05, 2.5));
    const history = historyAt(m, 2_000_000);
    expect([history.x[15], history.y[15], history.z[15], history.yaw[15]]).toEqual([0, 0, 0, 0]);
    expect(history.yaw[0]).toBeCloseTo(-0.6, 9);
    const future = futureAt(m, 2_000_000);
    const angle = 8 * 0.05 * 6.4;
    expect(future.x[63]).toBeCloseTo(Math.sin(angle) / 0.05, 6);
    expect(future.y[63]).toBeCloseTo((1 - Math.cos(angle)) / 0.05, 6);
    expect(future.yaw[63]).toBeCloseTo(angle, 9);
  });

  test("yaw stays unwrapped on both sides of t0 through more than a full turn", () => {
    const m = motionFrom(range(1200, 10_000), circle(10, 0.25, 3));
    expect(futureAt(m, 3_000_000).yaw[63]).toBeCloseTo(16, 8);
    expect(historyAt(m, 3_000_000).yaw[0]).toBeCloseTo(-3.75, 8);
  });

  test("pitch at t0 tilts the frame: driving up a constant slope is straight ahead", () => {
    const nose = quatFromYawPitchRoll(0.7, -0.1, 0);
    const ahead = rotateByQuat(nose, 10, 0, 0);
    const m = motionFrom(range(100, 100_000), (t) => ({
      p: [ahead.x * t, ahead.y * t, ahead.z * t],
      ypr: [0.7, -0.1, 0],
      v: [ahead.x, ahead.y, ahead.z],
    }));
    const future = futureAt(m, 2_000_000);
    expect(future.x[63]).toBeCloseTo(64, 9);
    expect(future.y[63]).toBeCloseTo(0, 9);
    expect(future.z[63]).toBeCloseTo(0, 9);
    expect(ahead.z).toBeGreaterThan(0.9);
  });
});

describe("series", () => {
  test("a circle has its speed, yaw rate and curvature; reversing is negative", () => {
    const s = motionSeries(motionFrom(range(50, 100_000), circle(8, 0.05, 3)));
    expect(s.speedMps[20]).toBeCloseTo(8, 9);
    expect(s.signedSpeedMps[20]).toBeCloseTo(8, 9);
    expect(s.yawRateRadps[20]).toBeCloseTo(0.4, 9);
    expect(s.curvaturePerM[20]).toBeCloseTo(0.05, 9);
    expect(s.accelMps2[20]).toBeCloseTo(0, 9);
    const back = motionSeries(
      motionFrom(range(50, 100_000), (t) => ({
        p: [-t * t, 0, 0],
        ypr: [0, 0, 0],
        v: [-2 * t, 0, 0],
      })),
    );
    expect(back.signedSpeedMps[10]).toBeCloseTo(-2, 9);
    expect(back.accelMps2[10]).toBeCloseTo(-2, 9);
  });

  test("a standing car has no curvature rather than noise", () => {
    const s = motionSeries(
      motionFrom(range(30, 100_000), (t) => ({ p: [0, 0, 0], ypr: [0.3 * t, 0, 0], v: [0, 0, 0] })),
    );
    expect(Math.max(...s.curvaturePerM)).toBe(0);
  });

  test("series of a path agree with the motion that it was cut from", () => {
    const m = motionFrom(range(100, 100_000), circle(8, 0.05));
    const s = pathSeries(futureAt(m, 1_500_000), 8);
    expect(s.speedMps.length).toBe(65);
    expect(s.speedMps[30]).toBeCloseTo(8, 2);
    expect(s.curvaturePerM[30]).toBeCloseTo(0.05, 3);
  });
});
