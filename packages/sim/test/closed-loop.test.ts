import {
  constantVelocityPolicy,
  expertPolicy,
  type Observation,
  type Plan,
  type Policy,
  runClosedLoop,
} from "@causeway/sim";
import { describe, expect, it } from "vitest";

const scenes = [
  { kind: "slow_for_lead", seed: 21 },
  { kind: "turn_right", seed: 22 },
  { kind: "yield_to_vru", seed: 23 },
] as const;

const still = (): Plan => ({
  path: {
    x: new Float64Array(64),
    y: new Float64Array(64),
    z: new Float64Array(64),
    yaw: new Float64Array(64),
  },
  reasoning: "stay",
});

/** Remembers what it was given. */
function spy(
  answer: (observations: readonly Observation[]) => Plan[],
): Policy & { calls: Observation[][] } {
  const calls: Observation[][] = [];
  return {
    name: "spy",
    calls,
    act: async (observations) => {
      calls.push([...observations]);
      return answer(observations);
    },
  };
}

describe("runClosedLoop", () => {
  it("asks once per replan for all scenes together", async () => {
    const policy = spy((observations) => observations.map(still));
    await runClosedLoop({
      scenes,
      policy,
      steps: 20,
      replanEverySteps: 5,
      cameras: [],
      record: false,
    });
    expect(policy.calls.length).toBe(4);
    for (const call of policy.calls) expect(call.length).toBe(3);
    expect(policy.calls.map((call) => call[0].stampUs)).toEqual([
      1_600_000, 2_100_000, 2_600_000, 3_100_000,
    ]);
  });

  it("gives four frames a camera, 0.1 s apart, and a full history that ends at the identity", async () => {
    const policy = spy((observations) => observations.map(still));
    await runClosedLoop({
      scenes: [scenes[0]],
      policy,
      steps: 12,
      replanEverySteps: 6,
      record: false,
    });
    const dense = spy((observations) => observations.map(still));
    await runClosedLoop({ scenes: [scenes[0]], policy: dense, steps: 12, record: false });
    const sparse = policy.calls[1][0];
    const every = dense.calls[6][0];
    expect(sparse.stampUs).toBe(every.stampUs);
    expect([...sparse.cameras.keys()]).toEqual([
      "camera_front_wide_120fov",
      "camera_cross_left_120fov",
      "camera_cross_right_120fov",
      "camera_front_tele_30fov",
    ]);
    // Rendering only what is needed must not change what is seen.
    for (const [name, frames] of sparse.cameras) {
      expect(frames.length).toBe(4);
      const same = every.cameras.get(name) ?? [];
      expect(frames.every((f, i) => Buffer.compare(f.pixels, same[i].pixels) === 0)).toBe(true);
    }
    expect(sparse.history.x.length).toBe(16);
    for (const column of [sparse.history.x, sparse.history.y, sparse.history.yaw]) {
      expect(Math.abs(column[15])).toBe(0);
    }
    for (let i = 1; i < 16; i++) {
      expect(sparse.history.x[i]).toBeGreaterThanOrEqual(sparse.history.x[i - 1] - 1e-9);
    }
  });

  it("is deterministic, and a scene does not depend on its company", async () => {
    const run = (list: readonly (typeof scenes)[number][]) =>
      runClosedLoop({
        scenes: list,
        policy: expertPolicy(),
        steps: 40,
        replanEverySteps: 4,
        cameras: [],
      });
    const together = await run(scenes);
    const again = await run(scenes);
    const text = (value: unknown) => JSON.stringify(value);
    expect(text(again.map((r) => r.ticks)) === text(together.map((r) => r.ticks))).toBe(true);
    const alone = await run([scenes[2]]);
    expect(text(alone[0].ticks) === text(together[2].ticks)).toBe(true);
  });

  it("gives a scene score of 0 to a plan that is not a number, and says why", async () => {
    const policy = spy((observations) =>
      observations.map(() => {
        const plan = still();
        plan.path.x[3] = Number.NaN;
        return plan;
      }),
    );
    const [result] = await runClosedLoop({ scenes: [scenes[0]], policy, steps: 10, cameras: [] });
    expect([result.end, result.score, result.epdms]).toEqual(["invalid_plan", 0, 0]);
  });

  it("refuses a policy that answers with the wrong number of plans", async () => {
    const policy = spy(() => []);
    await expect(
      runClosedLoop({ scenes, policy, steps: 5, cameras: [], record: false }),
    ).rejects.toThrow(/returned 0 plans for 3 observations/);
  });

  it("perfect tracking puts the ego on the plan", async () => {
    const policy = constantVelocityPolicy();
    const [result] = await runClosedLoop({
      scenes: [{ kind: "no_yield_vru", seed: 4 }],
      policy,
      steps: 10,
      cameras: [],
      control: "perfect",
    });
    const { ego: a } = result.ticks[16];
    const { ego: b } = result.ticks[26 - 1];
    expect(Math.hypot(b.x - a.x, b.y - a.y)).toBeCloseTo(0.9 * a.speedMps, 6);
    expect(b.yaw).toBeCloseTo(a.yaw, 9);
  });

  it("a car that stands still gets no progress where the expert drives on", async () => {
    const policy = spy((observations) => observations.map(still));
    const [result] = await runClosedLoop({
      scenes: [{ kind: "curvy_road", seed: 9 }],
      policy,
      cameras: [],
    });
    expect(result.metrics.collisionAtFault).toBe(false);
    // It brakes from its starting speed, so it covers its stopping distance.
    expect(result.progress).toBeLessThan(0.25);
    expect(result.score).toBeCloseTo(result.progress / 0.8, 12);
  });
});
