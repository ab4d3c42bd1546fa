/** A drive without ego motion: nothing is found or claimed, and every part says why. */
import { type Drive, handleOfDrive, noMotion } from "@causeway/data";
import {
  historyEvidence,
  inspectMotion,
  LabelError,
  oracleLabel,
  sceneEvidence,
  sceneLayers,
  TeacherError,
} from "@causeway/label";
import { expect, test } from "vitest";
import { lessonDrive } from "./lesson-drives.ts";

const lane = { x: [0, 50], y: [0, 0] };
const still: Drive = {
  ...lessonDrive(1),
  egoMotion: noMotion(),
  actors: [{ stampUs: 9_000_000, actors: [] }],
  lights: [{ stampUs: 9_000_000, lights: [{ id: 1, color: "red" }] }],
  map: {
    lanes: [
      {
        id: 1,
        centerline: lane,
        left: { x: [0, 50], y: [2, 2] },
        right: { x: [0, 50], y: [-2, -2] },
        leftMarking: "solid",
        rightMarking: "solid",
        isJunction: false,
        successors: [],
        speedLimitMps: null,
      },
    ],
    drivable: [],
    crosswalks: [],
    stopLines: [{ line: lane, lightId: 1, isStopSign: true }],
    lights: [{ id: 1, x: 20, y: 0, z: 4, yaw: Math.PI }],
  },
  decisions: [
    {
      stampUs: 9_000_000,
      decision: {
        longitudinal: "set_speed_tracking",
        lateral: "lane_keep",
        lateralSide: null,
        components: [],
        causeIds: [],
      },
    },
  ],
};

test("no axis of meta-actions is available, with a map too, and there is no keyframe", () => {
  const { series, metaActions, manoeuvres, keyframes, droppedKeyframes } = inspectMotion(
    still.egoMotion,
    undefined,
    still.map,
  );
  expect(Object.values(metaActions.axes)).toEqual(
    [1, 2, 3].map(() => ({ isAvailable: false, reason: "the drive has no ego motion" })),
  );
  expect([metaActions.tickCount, series.stampUs.length]).toEqual([0, 0]);
  expect([...manoeuvres, ...keyframes, ...droppedKeyframes]).toEqual([]);
});

test("the scene says nothing of what was in sight, so its rules abstain", async () => {
  const layers = await sceneLayers(handleOfDrive(still));
  expect(layers.track).toBeNull();
  expect(sceneEvidence(still.egoMotion, layers, 9_000_000)).toEqual({
    lights: null,
    agents: null,
    hasStopSign: null,
    lanes: null,
  });
});

test("neither the oracle nor a teacher has anything to go by", async () => {
  expect(() => oracleLabel(still, 9_000_000)).toThrow(LabelError);
  expect(() => oracleLabel(still, 9_000_000)).toThrow("the drive has no ego motion");
  const evidence = historyEvidence(handleOfDrive(still), 9_000_000);
  await expect(evidence).rejects.toThrow(TeacherError);
  await expect(evidence).rejects.toMatchObject({ kind: "no-motion" });
});
