import type { ActorState, PinholeCalibration } from "@causeway/data";
import { identitySe3 } from "@causeway/geom";
import { describe, expect, it } from "vitest";
import { perceptionChannels, perceptionTargets } from "./targets.ts";

/** 100 x 60 px, 90 degrees, 1.5 m above the rig origin, looking along x. */
const camera: PinholeCalibration = {
  model: "pinhole",
  width: 100,
  height: 60,
  fx: 50,
  fy: 50,
  cx: 50,
  cy: 30,
  rigFromCamera: { x: 0, y: 0, z: 1.5, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 },
};
const grid = { rows: 3, columns: 5 };
const car = (x: number, y: number, over: Partial<ActorState> = {}): ActorState => ({
  id: 1,
  kind: "car",
  x,
  y,
  z: 0,
  yaw: 0,
  speedMps: 8,
  lengthM: 4,
  widthM: 2,
  heightM: 1.5,
  braking: false,
  indicator: "none",
  ...over,
});
const empty = {
  worldFromRig: identitySe3,
  actors: [],
  lights: [],
  map: { lights: [], stopLines: [] },
};
/** "channel@row,column" of every cell that is set. */
const cellsOf = (scene: Parameters<typeof perceptionTargets>[0]): string[] =>
  [...perceptionTargets(scene, camera, grid)].flatMap((value, i) => {
    const cell = Math.floor(i / perceptionChannels.length);
    const name = perceptionChannels[i % perceptionChannels.length];
    return value > 0 ? [`${name}@${Math.floor(cell / 5)},${cell % 5}`] : [];
  });

describe("perception targets", () => {
  it("mark a car ahead by distance in the cells that its box covers", () => {
    // At 20 m the near face is 18 m off: 5.6 px wide around the middle, from the horizon row 30 to row 34.2.
    expect(cellsOf({ ...empty, actors: [car(20, 0)] }).sort()).toEqual([
      "vehicle@1,2",
      "vehicle_ahead_25m@1,2",
    ]);
  });

  it("mark braking and standing cars as such", () => {
    const seen = cellsOf({ ...empty, actors: [car(10, 0, { braking: true, speedMps: 0 })] });
    for (const name of ["braking_vehicle", "vehicle_ahead_slow", "vehicle_ahead_12m"])
      expect(seen).toContain(`${name}@1,2`);
  });

  it("put a car on the left into the left cells and not into the corridor", () => {
    const seen = cellsOf({ ...empty, actors: [car(20, 12)] });
    expect(seen).toContain("vehicle@1,0");
    expect(seen.some((s) => s.startsWith("vehicle_ahead"))).toBe(false);
  });

  it("see nothing behind the camera or beyond 80 m", () => {
    expect(cellsOf({ ...empty, actors: [car(-20, 0), car(120, 0)] })).toEqual([]);
  });

  it("tell people from vehicles", () => {
    const person = car(15, 1, { kind: "pedestrian", lengthM: 0.5, widthM: 0.5, heightM: 1.8 });
    expect(cellsOf({ ...empty, actors: [person] }).map((s) => s.split("@")[0])).toEqual([
      "person",
      "person_ahead",
    ]);
  });

  it("read the colour of lamps that face the car only", () => {
    const light = { id: 7, x: 30, y: 0, z: 5, yaw: Math.PI };
    const scene = (yaw: number) => ({
      ...empty,
      lights: [{ id: 7, color: "red" as const }],
      map: { lights: [{ ...light, yaw }], stopLines: [] },
    });
    expect(cellsOf(scene(Math.PI))).toEqual(["red_light@1,2"]);
    expect(cellsOf(scene(0))).toEqual([]);
  });
});
