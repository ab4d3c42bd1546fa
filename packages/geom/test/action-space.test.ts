import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  actionSpaceConstants,
  createActionSpace,
  GeomError,
  kappaClamp,
  referenceActionSpace,
  type LocalPath,
} from "@causeway/geom";
import { arcHistory, flat, goldenPath, maxGap, meanDistance } from "./paths.ts";
import { example, goldenFolder, readTensors } from "./safetensors.ts";

const space = createActionSpace();
const indices = Array.from({ length: 64 }, (_, i) => i);
const maxDistance = (a: LocalPath, b: LocalPath) =>
  Math.max(...indices.map((i) => Math.hypot(a.x[i] - b.x[i], a.y[i] - b.y[i])));
const mirrored = (p: LocalPath): LocalPath => ({
  ...p,
  y: p.y.map((v) => -v),
  yaw: p.yaw.map((v) => -v),
});

describe("speed from history", () => {
  test.each([
    [0, 0, 0],
    [2, 0, 1.99988182],
    [5, 0, 4.99970456],
    [10, 0, 9.99940912],
    [20, 0, 19.9988182],
    [10, 0.02, 9.99974242],
    [4, -0.1, 4.00029699],
  ])("history at %d m/s, curvature %d gives %d", (v, k, expected) => {
    expect(space.estimateV0(arcHistory(v, k))).toBeCloseTo(expected, 7);
  });
});

describe("actions to path", () => {
  test("zero normalised actions are the mean actions, not a straight line", () => {
    const p = space.decode(new Float64Array(128), { v0Mps: 10 });
    expect([p.x[0], p.y[0], p.yaw[0]]).toEqual([
      expect.closeTo(1.0001451166, 9),
      expect.closeTo(0.000134667, 9),
      expect.closeTo(0.00026925587, 10),
    ]);
    expect(p.x[1]).toBeCloseTo(2.0005804301, 9);
    expect(p.x[31]).toBeCloseTo(32.1482164064, 9);
    expect(p.y[31]).toBeCloseTo(0.1391220668, 9);
    expect(p.x[63]).toBeCloseTo(64.5912158563, 9);
    expect(p.yaw[63]).toBeCloseTo(0.01738991686, 10);
  });

  test("speed may fall below zero: braking past standstill reverses", () => {
    const p = space.drive(new Float64Array(64).fill(-5), new Float64Array(64), 5);
    expect(p.x[63]).toBeLessThan(0);
  });
});

describe("path to actions", () => {
  test("a = 1, curvature 0.05 from 5 m/s", () => {
    const p = space.drive(new Float64Array(64).fill(1), new Float64Array(64).fill(0.05), 5);
    expect(p.x[9]).toBeCloseTo(5.430500126, 9);
    expect(p.y[63]).toBeCloseTo(37.3749214, 7);
    const e = space.encode(p, { v0Mps: 5 });
    const a = [0, 1, 31, 62, 63].map((i) => e.accelMps2[i]);
    const k = [0, 1, 31, 62, 63].map((i) => e.curvaturePerM[i]);
    expect(
      maxGap(a, [0.998883184, 0.9994610115, 0.9998749819, 0.9985825491, 0.9967792151]),
    ).toBeLessThan(1e-9);
    expect(
      maxGap(k, [0.0499813545, 0.0499822997, 0.0499937537, 0.049997505, 0.0499979977]),
    ).toBeLessThan(1e-9);
    const back = space.decode(e.action, { v0Mps: 5 });
    expect(meanDistance(p, back)).toBeCloseTo(0.0043642683, 9);
    expect(maxDistance(p, back)).toBeCloseTo(0.0124596, 7);
  });

  test("wavy actions from 8 m/s", () => {
    const t = indices.map((i) => 0.1 * i);
    const p = space.drive(
      t.map((s) => 1.5 * Math.sin(0.7 * s)),
      t.map((s) => 0.02 * Math.cos(0.5 * s)),
      8,
    );
    expect(p.x[31]).toBeCloseTo(28.8850001279, 9);
    expect(p.yaw[63]).toBeCloseTo(-0.1252175911, 9);
    const e = space.encode(p, { v0Mps: 8 });
    expect(
      maxGap(
        [0, 9, 31, 63].map((i) => e.accelMps2[i]),
        [-0.00113699, 0.88358515, 1.23849289, -1.44138164],
      ),
    ).toBeLessThan(1e-8);
    expect(
      maxGap(
        [0, 9, 31, 63].map((i) => e.curvaturePerM[i]),
        [0.02003469, 0.01800685, 0.00041587, -0.0200497],
      ),
    ).toBeLessThan(1e-8);
    expect(meanDistance(p, space.decode(e.action, { v0Mps: 8 }))).toBeCloseTo(0.0017, 7);
  });

  test("straight at 10 m/s with the speed taken from history", () => {
    const straight = space.drive(new Float64Array(64), new Float64Array(64), 10);
    const { action } = space.encode(straight, { history: arcHistory(10, 0) });
    expect(
      maxGap(
        [0, 1, 31, 63].map((i) => action[2 * i]),
        [-0.0386501943, -0.0409638337, -0.0426213337, -0.0465916174],
      ),
    ).toBeLessThan(1e-9);
    expect(action[1]).toBeCloseTo(-0.0102957744, 9);
  });

  test("mirroring a path negates curvature and leaves acceleration alone", () => {
    const control = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
      minLength: 64,
      maxLength: 64,
    });
    fc.assert(
      fc.property(control, control, fc.double({ min: 1, max: 20, noNaN: true }), (a, k, v0) => {
        const p = space.drive(
          a,
          k.map((v) => 0.1 * v),
          v0,
        );
        const e = space.encode(p, { v0Mps: v0 });
        const m = space.encode(mirrored(p), { v0Mps: v0 });
        expect(maxGap(e.accelMps2, m.accelMps2)).toBeLessThan(1e-9);
        expect(
          maxGap(
            e.curvaturePerM,
            m.curvaturePerM.map((v) => -v),
          ),
        ).toBeLessThan(1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test("wrapped headings mean the same as unwrapped ones", () => {
    const p = space.drive(new Float64Array(64), new Float64Array(64).fill(0.2), 6);
    const wrapped = { ...p, yaw: p.yaw.map((v) => Math.atan2(Math.sin(v), Math.cos(v))) };
    expect(p.yaw[63]).toBeGreaterThan(7);
    expect(
      maxGap(space.encode(p, { v0Mps: 6 }).action, space.encode(wrapped, { v0Mps: 6 }).action),
    ).toBeLessThan(1e-9);
  });

  test("NaN and wrong lengths are errors with the place", () => {
    const p = space.drive(new Float64Array(64), new Float64Array(64), 10);
    const broken = { ...p, y: p.y.map((v, i) => (i === 40 ? Number.NaN : v)) };
    expect(() => space.encode(broken, { v0Mps: 10 })).toThrow(/future y: value 40 of 64 is NaN/);
    expect(() => space.encode(p, { v0Mps: Number.NaN })).toThrow(GeomError);
    expect(() => space.decode(new Float64Array(126), { v0Mps: 1 })).toThrow(
      /126 rows; expected 128/,
    );
    expect(() => createActionSpace({ ...referenceActionSpace, accelStd: 0 })).toThrow(
      /accelStd is 0/,
    );
  });
});

describe("options", () => {
  test("the curvature clamp acts only where the released code blows up", () => {
    const slow = space.drive(new Float64Array(64), new Float64Array(64).fill(0.6), 0.15);
    const calm = createActionSpace({ ...referenceActionSpace, lowSpeed: kappaClamp });
    const raw = space.encode(slow, { v0Mps: 0.15 });
    const clamped = calm.encode(slow, { v0Mps: 0.15 });
    expect(Math.abs(raw.curvaturePerM[30])).toBeGreaterThan(0.33);
    expect(Math.max(...clamped.curvaturePerM.map(Math.abs))).toBe(0);
    const brisk = space.drive(new Float64Array(64), new Float64Array(64).fill(0.05), 8);
    expect(calm.encode(brisk, { v0Mps: 8 }).action).toEqual(
      space.encode(brisk, { v0Mps: 8 }).action,
    );
  });
});

const folder = goldenFolder("alpamayo/01_action_space");
describe.skipIf(folder === null)(
  "golden/alpamayo/01_action_space (skipped without ../shared)",
  () => {
    const t = folder === null ? new Map() : readTensors(`${folder}/fp64.safetensors`);
    const rows = Array.from({ length: 24 }, (_, i) => i);

    test("double precision: every output within 1e-9", () => {
      const worst: Record<string, number> = {};
      const note = (name: string, got: ArrayLike<number>, want: ArrayLike<number>) => {
        worst[name] = Math.max(worst[name] ?? 0, maxGap(got, want));
      };
      for (const i of rows) {
        const history = goldenPath(t, "hist_xyz", "hist_rot", i);
        const future = goldenPath(t, "fut_xyz", "fut_rot", i);
        const e = space.encode(future, { history });
        note("v0", [e.v0Mps], example(t, "v0", i));
        note("theta", e.thetaRad, example(t, "theta", i));
        note("v", e.speedMps, example(t, "v", i));
        note("accel", e.accelMps2, example(t, "accel", i));
        note("kappa", e.curvaturePerM, example(t, "kappa", i));
        note("action", e.action, example(t, "action", i));
        expect(e.isWithinBounds).toBe(example(t, "within_bounds", i)[0] === 1);
        note("recon", flat(space.decode(e.action, { history }), true), example(t, "recon_xyz", i));
        const given = space.encode(future, { v0Mps: example(t, "given_v0", i)[0] });
        note("given", given.action, example(t, "action_given_v0", i));
      }
      for (let i = 0; i < 8; i++) {
        const history = goldenPath(t, "hist_xyz", "hist_rot", 0);
        const p = space.decode(example(t, "rand_action", i), {
          v0Mps: example(t, "rand_v0", i)[0],
        });
        p.z.fill(history.z[15]);
        note("rand", flat(p, true), example(t, "rand_xyz", i));
      }
      for (const [name, gap] of Object.entries(worst)) {
        expect(gap, name).toBeLessThan(1e-9);
      }
    });

    test("the constants as loaded in bfloat16 are the stored ones", () => {
      const b = readTensors(`${folder}/bf16_constants.safetensors`);
      const as = actionSpaceConstants["bf16-as-loaded"];
      expect(b.get("accel_mean")?.data[0]).toBe(as.accelMean);
      expect(b.get("accel_std")?.data[0]).toBe(as.accelStd);
      expect(b.get("curvature_mean")?.data[0]).toBe(as.curvatureMean);
      expect(b.get("curvature_std")?.data[0]).toBe(as.curvatureStd);
    });
  },
);
