import { createRng } from "@causeway/geom";
import { describe, expect, it } from "vitest";
import { drawFlowSample, flowTime, flowTimes, integrateFlow } from "./flow-matching.ts";

describe("flow matching", () => {
  it("draws training times by inverting Beta(1.5, 1)", () => {
    const expected = {
      0.1: 0.783771974,
      0.25: 0.602546587,
      0.5: 0.369669436,
      0.75: 0.17434367,
      0.9: 0.067762418,
    };
    for (const [u, t] of Object.entries(expected)) expect(flowTime(Number(u))).toBeCloseTo(t, 8);
    const rng = createRng(1);
    let sum = 0;
    for (let i = 0; i < 20000; i++) sum += flowTime(rng.next());
    expect(sum / 20000).toBeCloseTo(0.3996, 2);
  });

  it("reaches the action from any noise when the field is the exact straight-line velocity", async () => {
    const action = Float32Array.of(0.3, -1.2, 4);
    const start = Float32Array.of(1, 0.5, -2);
    const states = await integrateFlow(start, 10, (x, t) =>
      x.map((v, i) => ((action[i] as number) - v) / (1 - t)),
    );
    action.forEach((value, i) => expect((states.at(-1) as Float32Array)[i]).toBeCloseTo(value, 5));
  });

  it("never asks for the field at t = 1", async () => {
    const asked: number[] = [];
    await integrateFlow(Float32Array.of(0), 4, (x, t) => {
      asked.push(t);
      return x;
    });
    expect(asked).toEqual([0, 0.25, 0.5, 0.75]);
    expect(flowTimes(10).at(-1)).toBe(1);
  });

  it("gives noisy + (1 - t) * target = action", () => {
    const action = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const { noisy, target, time } = drawFlowSample(createRng(3), action, 4);
    expect(time).toHaveLength(3);
    action.forEach((x, i) => {
      const t = time[Math.floor(i / 4)] as number;
      expect((noisy[i] as number) + (1 - t) * (target[i] as number)).toBeCloseTo(x, 5);
    });
  });
});
