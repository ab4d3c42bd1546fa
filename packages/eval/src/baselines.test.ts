import { describe, expect, it } from "vitest";
import { historyOf, pathOf } from "../test/paths.ts";
import { constantTurnRateAcceleration, constantVelocity, fitMotion } from "./baselines.ts";

const mirror = (p: ReturnType<typeof historyOf>) => ({
  ...p,
  y: p.y.map((v) => -v),
  yaw: p.yaw.map((v) => -v),
});

describe("kinematic baselines", () => {
  it("go on straight at the speed of now", () => {
    const plan = constantVelocity(historyOf(12, 0, 0));
    expect(plan.x.length).toBe(64);
    expect(plan.x[0]).toBeCloseTo(1.2, 9);
    expect(plan.x[63]).toBeCloseTo(76.8, 9);
    expect(Math.max(...plan.y.map(Math.abs))).toBeLessThan(1e-12);
  });

  it("recover acceleration and turn rate and follow the arc", () => {
    const fit = fitMotion(historyOf(8, 0.6, 0.1));
    expect(fit.speedMps).toBeCloseTo(8, 3);
    expect(fit.accelMps2).toBeCloseTo(0.6, 3);
    expect(fit.yawRateRadps).toBeCloseTo(0.1, 9);
    // Constant speed on a circle of radius 80 m: exact position after 6.4 s.
    const arc = constantTurnRateAcceleration(historyOf(8, 0, 0.1));
    expect(arc.x[63]).toBeCloseTo(80 * Math.sin(0.64), 2);
    expect(arc.y[63]).toBeCloseTo(80 * (1 - Math.cos(0.64)), 2);
    expect(arc.yaw[63]).toBeCloseTo(0.64, 9);
  });

  it("stop and stand when braking, at v²/2a", () => {
    const plan = constantTurnRateAcceleration(historyOf(4, -2, 0.2));
    expect(Math.hypot(plan.x[63], plan.y[63])).toBeLessThan(4.001);
    expect(plan.x[19]).toBeCloseTo(plan.x[63], 3);
    expect(plan.yaw[63]).toBeCloseTo(0.4, 3);
    // Never backwards.
    for (let i = 1; i < 64; i++) expect(plan.x[i]).toBeGreaterThanOrEqual(plan.x[i - 1] - 1e-12);
    const straight = constantTurnRateAcceleration(historyOf(4, -2, 0));
    expect(straight.x[63]).toBeCloseTo(4, 3);
  });

  it("stay put when standing, with noise in the poses and heading", () => {
    const noisy = pathOf(
      Array.from({ length: 16 }, (_, i) => [
        i === 15 ? 0 : 0.002 * (i % 2),
        0.001 * (i % 3),
        0.01 * (i % 2),
      ]),
    );
    for (const plan of [constantVelocity(noisy), constantTurnRateAcceleration(noisy)]) {
      expect(Math.max(...plan.x, ...plan.y, ...plan.yaw)).toBe(0);
    }
    // Just stopped: the fit still sees the braking, the plan must not reverse.
    const stopped = historyOf(0, 0, 0);
    for (let i = 0; i < 10; i++) stopped.x[i] = -0.5 * ((10 - i) * 0.1) ** 2 * 3;
    expect(constantTurnRateAcceleration(stopped).x[63]).toBe(0);
  });

  it("follow a vehicle that reverses", () => {
    expect(constantVelocity(historyOf(-2, 0, 0)).x[63]).toBeCloseTo(-12.8, 9);
  });

  it("mirror left and right", () => {
    const left = constantTurnRateAcceleration(historyOf(9, -0.4, 0.13));
    const right = constantTurnRateAcceleration(mirror(historyOf(9, -0.4, 0.13)));
    for (let i = 0; i < 64; i++) {
      expect(right.x[i]).toBeCloseTo(left.x[i], 12);
      expect(right.y[i]).toBeCloseTo(-left.y[i], 12);
    }
  });

  it("name the pose count that is too small", () => {
    expect(() => fitMotion(pathOf([[0, 0]]))).toThrow(/1 poses/);
  });
});
