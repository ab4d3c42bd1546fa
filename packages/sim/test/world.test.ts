import { buildScene, scenarioKinds, startState, World } from "@causeway/sim";
import { describe, expect, it } from "vitest";
import { Expert } from "../src/expert/expert.ts";
import { stepBicycle } from "../src/vehicle/bicycle.ts";
import { signalColor, twoPhaseSignal } from "../src/world/signals.ts";

describe("traffic", () => {
  it("never drives into the car ahead on its lane", () => {
    let pairs = 0;
    for (const kind of scenarioKinds) {
      const scene = buildScene({ kind, seed: 31 });
      const world = new World(scene);
      const expert = new Expert(scene, false);
      const ego = startState(scene);
      for (let t = 0; t < 200; t++) {
        const command = expert.drive(world, ego);
        world.step(ego, expert.egoS);
        stepBicycle(ego, command.accelMps2, command.curvaturePerM, 0.1);
        for (let i = 0; i < world.numCars; i++) {
          for (let j = 0; j < world.numCars; j++) {
            const a = scene.cars[i];
            const b = scene.cars[j];
            if (i === j || a.route !== b.route || a.startOffsetM !== 0 || b.startOffsetM !== 0)
              continue;
            if (world.carActive[i] === 0 || world.carActive[j] === 0) continue;
            if (world.carS[j] <= world.carS[i]) continue;
            pairs++;
            const gap = world.carS[j] - world.carS[i] - 0.5 * (a.lengthM + b.lengthM);
            expect(gap, `${scene.id} cars ${i} ${j} tick ${t}`).toBeGreaterThan(0);
          }
        }
      }
    }
    expect(pairs).toBeGreaterThan(100);
  });

  it("a clone runs on by itself and leaves the original alone", () => {
    const scene = buildScene({ kind: "mixed", seed: 6 });
    const world = new World(scene);
    const ego = startState(scene);
    for (let t = 0; t < 20; t++) world.step(ego, 0);
    const before = world.actorStates();
    const copy = world.clone();
    for (let t = 0; t < 30; t++) copy.step(ego, 0);
    expect(world.actorStates()).toEqual(before);
    for (let t = 0; t < 30; t++) world.step(ego, 0);
    expect(world.actorStates()).toEqual(copy.actorStates());
    expect(world.lightStates()).toEqual(copy.lightStates());
  });
});

describe("signals", () => {
  const plan = twoPhaseSignal(0, 10, 8, 0);

  it("go green, yellow, red, green and keep that order on both axes", () => {
    for (const axis of [0, 1] as const) {
      const order: string[] = [];
      for (let t = 0; t < 80; t += 0.1) {
        const color = signalColor(plan, axis, t);
        if (order[order.length - 1] !== color) order.push(color);
      }
      for (let i = 1; i < order.length; i++) {
        const after = { green: "yellow", yellow: "red", red: "green" }[order[i - 1]];
        expect(order[i]).toBe(after);
      }
      expect(order.length).toBeGreaterThan(6);
    }
  });

  it("never show both axes anything but red on one of them", () => {
    for (let t = -30; t < 60; t += 0.05) {
      expect([signalColor(plan, 0, t), signalColor(plan, 1, t)]).toContain("red");
    }
  });

  it("yellow lasts 3 s", () => {
    expect(signalColor(plan, 0, 9.9)).toBe("green");
    expect(signalColor(plan, 0, 10)).toBe("yellow");
    expect(signalColor(plan, 0, 12.9)).toBe("yellow");
    expect(signalColor(plan, 0, 13)).toBe("red");
  });
});
