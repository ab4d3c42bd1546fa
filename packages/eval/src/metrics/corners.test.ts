import { describe, expect, it } from "vitest";
import { pathOf, straight } from "../../test/paths.ts";
import {
  cornerDistanceMixture,
  cornerDistancePerTrajectory,
  cornerDistances,
  cornerDistancesM,
  cornersOfPath,
} from "./corners.ts";

describe("corner distance", () => {
  it("separates the optimistic mixture from whole trajectories", () => {
    // A: 0 m off in the first half, 4 m in the second. B: 1 m off throughout. Mixture stitches A then B: 0.5.
    const logged = straight(5, 0, 64);
    const a = pathOf(Array.from({ length: 64 }, (_, i) => [0.5 * (i + 1), i < 32 ? 0 : 4]));
    const b = straight(5, 1, 64);
    const { mixture, perTrajectory } = cornerDistances([a, b], logged);
    expect(mixture["6.4s"]).toBeCloseTo(0.5, 12);
    expect(perTrajectory["6.4s"]).toBeCloseTo(1, 12);
    expect(mixture["1s"]).toBe(0);
    expect(perTrajectory["1s"]).toBe(0);
  });

  it("sees heading that ADE does not", () => {
    // Half a turn in place: every corner moves to the opposite one, hypot(4, 3) = 5 m.
    const { perTrajectory } = cornerDistances(
      [pathOf(Array.from({ length: 5 }, () => [0, 0, Math.PI]))],
      pathOf(Array.from({ length: 5 }, () => [0, 0, 0])),
    );
    expect(perTrajectory["0.5s"]).toBeCloseTo(5, 12);
  });

  it("places a 4 x 3 x 2 m box around the pose", () => {
    const corners = cornersOfPath(pathOf([[10, 20, Math.PI / 2]]));
    const column = (a: number) =>
      Array.from({ length: 8 }, (_, c) => Math.round(corners[c * 3 + a] * 1e9) / 1e9);
    expect([Math.min(...column(0)), Math.max(...column(0))]).toEqual([8.5, 11.5]);
    expect([Math.min(...column(1)), Math.max(...column(1))]).toEqual([18, 22]);
    expect([Math.min(...column(2)), Math.max(...column(2))]).toEqual([-1, 1]);
  });

  it("never has the mixture above the best trajectory", () => {
    const logged = cornersOfPath(straight(3));
    const d = [straight(3, 1), straight(4, 0), straight(2, -0.5)].map((p) =>
      cornerDistancesM(cornersOfPath(p), logged),
    );
    expect(cornerDistanceMixture(d)).toBeLessThanOrEqual(cornerDistancePerTrajectory(d));
  });
});
