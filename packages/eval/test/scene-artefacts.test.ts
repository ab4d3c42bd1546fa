import type { ActorState } from "@causeway/data";
import { describe, expect, it } from "vitest";
import { actorsToClip, encodeJpegBase64, FilmBuilder, mapToJson } from "@causeway/eval";
import { imageFromRig, projectPath, projectPoint, projectRibbon } from "../src/report/camera.ts";
import { pathOf } from "./paths.ts";
import { cameras, egoBox, syntheticMap } from "./synthetic-scene.ts";

const car = (id: number, x: number, y: number, yaw = 0): ActorState => ({
  id,
  kind: "car",
  x,
  y,
  z: 0,
  yaw,
  speedMps: 0,
  lengthM: 4.5,
  widthM: 1.9,
  heightM: 1.5,
  braking: id === 1,
  indicator: "none",
});

describe("film builder", () => {
  const { map } = syntheticMap(0);
  const build = () => {
    const film = new FilmBuilder({
      sceneId: "s",
      kind: "k",
      policy: "model",
      seed: 1,
      stepSecs: 0.1,
      ego: egoBox,
      map,
      cameras: [{ name: "front", width: 4, height: 2, calibration: null }],
    });
    for (let frame = 0; frame < 4; frame++) {
      film.add({
        ego: { x: 10 * frame, y: 0, yaw: Math.PI / 2, speedMps: 10 },
        // Actor 1 is away in frame 2; actor 2 is far off throughout.
        actors: [...(frame === 2 ? [] : [car(1, 10 * frame + 5.123, 1)]), car(2, 500, 0)],
        lights: frame === 0 ? [] : [{ id: 7, color: frame === 3 ? "green" : "red" }],
        plan: frame === 1 ? pathOf(Array.from({ length: 8 }, (_, i) => [i + 1, 0])) : null,
        reasoning: frame < 2 ? "same text" : null,
        events: frame === 3 ? [{ kind: "offroad", text: "off-road" }] : [],
        cameras: frame % 2 === 0 ? new Map([["front", `jpeg${frame}`]]) : new Map(),
      });
    }
    return film.finish();
  };

  it("splits an actor that leaves and returns into two tracks, in centimetres", () => {
    expect(build().actors.map((a) => [a.firstFrame, a.x, a.braking])).toEqual([
      [0, [5.12, 15.12], "11"],
      [3, [35.12], "1"],
    ]);
  });

  it("turns plans into the world frame from the ego on, thinned", () => {
    // Ego at (10, 0) heading +y: 4 and 8 m ahead are (10, 4) and (10, 8).
    expect(build().plans).toEqual([{ frame: 1, x: [10, 10, 10], y: [0, 4, 8] }]);
  });

  it("keeps lights per frame, reasoning when it changes, events and pictures by frame", () => {
    const film = build();
    expect(film.lights).toEqual([{ id: 7, colors: "orrg" }]);
    expect(film.reasoning).toEqual([{ frame: 0, text: "same text" }]);
    expect(film.events).toEqual([{ frame: 3, kind: "offroad", text: "off-road" }]);
    expect(film.cameras[0].frames).toEqual([
      { frame: 0, jpeg: "jpeg0" },
      { frame: 2, jpeg: "jpeg2" },
    ]);
  });
});

describe("camera projection", () => {
  const front = cameras[0].calibration;
  const matrix = imageFromRig(front);

  it("puts a point straight ahead below the centre by f · height / depth", () => {
    const p = projectPoint(matrix, 11.7, 0);
    expect(p?.depthM).toBeCloseTo(10, 9);
    expect(p?.u).toBeCloseTo(front.cx, 9);
    expect(p?.v).toBeCloseTo(front.cy + (56 * 1.5) / 10, 9);
  });

  it("has left on the left, up above, and nothing behind", () => {
    expect(projectPoint(matrix, 11.7, 1)?.u).toBeCloseTo(front.cx - 5.6, 9);
    expect(projectPoint(matrix, 11.7, 0, 1.5)?.v).toBeCloseTo(front.cy, 9);
    expect(projectPoint(matrix, -3, 0)).toBeNull();
    expect(projectPath(matrix, [-2, -1], [0, 0])).toBe("");
    expect(projectRibbon(matrix, [-2, 10, 20], [0, 0, 0], [0, 0, 0], 2).startsWith("M")).toBe(true);
  });
});

describe("maps and actors in the rig frame", () => {
  it("turns world points into the rig frame and leaves out what is far", () => {
    const { map } = syntheticMap(0);
    const pose = { x: 10, y: 0, yaw: Math.PI / 2 };
    const local = mapToJson(map, { worldFromLocal: pose });
    // Lane 1 runs along world y = 1.75 on its left; in the rig that is 1.75 m ahead.
    expect(local.lanes[0].left.slice(0, 2)).toEqual([1.75, 70]);
    expect(mapToJson(map, { near: { x: [-50], y: [0] }, radiusM: 20 }).lanes.length).toBeLessThan(
      map.lanes.length,
    );
    const [actor] = actorsToClip([car(1, 10, 5, Math.PI / 2), car(2, 900, 0)], pose);
    expect([actor.x, actor.y, actor.yaw]).toEqual([5, 0, 0]);
  });

  it("encodes pictures as JPEG", async () => {
    const bytes = Buffer.from(
      await encodeJpegBase64({ width: 8, height: 4, pixels: new Uint8Array(96).fill(120) }),
      "base64",
    );
    expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  });
});
