import type { RoadMap } from "@causeway/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectLaneActions, egoColumns, type EgoColumns, trackLanes } from "@causeway/label";
import { type Control, drive, driveCourse, ease, mirror } from "./profiles.ts";

type Lane = RoadMap["lanes"][number];
const lane = (id: number, points: [number, number][], more: Partial<Lane> = {}): Lane => {
  const line = { x: points.map((p) => p[0]), y: points.map((p) => p[1]) };
  return {
    id,
    centerline: line,
    left: line,
    right: line,
    leftMarking: "dashed",
    rightMarking: "solid",
    isJunction: false,
    successors: [],
    speedLimitMps: null,
    ...more,
  };
};
const mapOf = (lanes: readonly Lane[]): RoadMap => ({
  lanes,
  drivable: [],
  crosswalks: [],
  stopLines: [],
  lights: [],
});
const mirrorMap = (map: RoadMap): RoadMap => ({
  ...map,
  lanes: map.lanes.map((l) => ({
    ...l,
    centerline: { x: l.centerline.x, y: l.centerline.y.map((v) => -v) },
  })),
});

/** The road of `driveCourse` leaves the origin at 0.4 rad; lanes run along it, 3.5 m apart. */
const along = (metres: number, aside: number): [number, number] => [
  metres * Math.cos(0.4) - aside * Math.sin(0.4),
  metres * Math.sin(0.4) + aside * Math.cos(0.4),
];
const straightRoad = mapOf(
  [-3.5, 0, 3.5].flatMap((aside, k) => [
    lane(10 * k, [along(-20, aside), along(150, aside)], { successors: [10 * k + 1] }),
    lane(10 * k + 1, [along(150, aside), along(500, aside)]),
  ]),
);
const course = (offsetM: (t: number) => number) =>
  egoColumns(driveCourse({ v0Mps: 12, secs: 24, accelMps2: () => 0, offsetM }));
const actions = (columns: EgoColumns, map: RoadMap) => {
  const axis = detectLaneActions(columns, map);
  if (!axis.isAvailable) throw new Error(axis.reason);
  return axis.intervals.map((i) => i.action);
};

describe("lane meta-actions on a map", () => {
  test("keeping the lane over its successor is keeping; a change to each side is one", () => {
    expect(
      actions(
        course(() => 0),
        straightRoad,
      ),
    ).toEqual(["LaneKeep"]);
    const change = ease(8, 5);
    expect(
      actions(
        course((t) => 3.5 * change(t)),
        straightRoad,
      ),
    ).toEqual(["LaneKeep", "LeftLaneChange", "LaneKeep"]);
    const axis = detectLaneActions(
      course((t) => -3.5 * change(t)),
      straightRoad,
    );
    if (!axis.isAvailable) throw new Error(axis.reason);
    const [, found] = axis.intervals;
    expect(found.action).toBe("RightLaneChange");
    expect(found.confidence).toBeGreaterThan(0.9);
    // The ease has moved 10 % at 9.2 s and 90 % at 11.8 s.
    expect(found.startTick).toBeGreaterThan(80);
    expect(found.startTick).toBeLessThan(95);
    expect(found.endTick).toBeGreaterThan(115);
    expect(found.endTick).toBeLessThan(130);
    expect(found.stats.lateralM).toBeLessThan(-2);
  });

  test("aside and back inside the lane are two shifts, no change", () => {
    const [out, back] = [ease(6, 2.5), ease(14, 2.5)];
    expect(
      actions(
        course((t) => 1.3 * (out(t) - back(t))),
        straightRoad,
      ),
    ).toEqual(["LaneKeep", "SlightlyShiftLeft", "LaneKeep", "SlightlyShiftRight", "LaneKeep"]);
  });

  test("turning on junction lanes is a turn; a fork that is followed is no lane change", () => {
    const arc: [number, number][] = Array.from({ length: 17 }, (_, i) => {
      const a = (i / 16) * (Math.PI / 2);
      return [50 + 12 * Math.sin(a), 12 * (1 - Math.cos(a))];
    });
    const map = mapOf([
      lane(
        1,
        [
          [-10, 0],
          [50, 0],
        ],
        { successors: [2, 3] },
      ),
      lane(2, arc, { isJunction: true, successors: [4] }),
      lane(
        3,
        [
          [50, 0],
          [70, 0],
        ],
        { isJunction: true },
      ),
      lane(4, [
        [62, 12],
        [62, 120],
      ]),
    ]);
    const turn: Control[] = [
      { secs: 50 / 6 },
      { secs: (12 * Math.PI) / 2 / 6, curvaturePerM: 1 / 12 },
      { secs: 6 },
    ];
    expect(actions(drive(6, turn), map)).toEqual(["LaneKeep", "TurnLeft", "LaneKeep"]);
    expect(actions(mirror(drive(6, turn)), mirrorMap(map))).toEqual([
      "LaneKeep",
      "TurnRight",
      "LaneKeep",
    ]);
  });

  test("off the map is said, and without one the axis is not available", () => {
    const columns = course(() => 0);
    expect(detectLaneActions(columns, null).isAvailable).toBe(false);
    const far = mapOf([
      lane(1, [
        [1000, 1000],
        [1100, 1000],
      ]),
    ]);
    const axis = detectLaneActions(columns, far);
    expect(axis.isAvailable ? "" : axis.reason).toBe(
      "only 0 % of the way lies on lanes of the map",
    );
    const short = mapOf([lane(1, [along(-20, 0), along(160, 0)])]);
    expect(actions(columns, short)).toEqual(["LaneKeep", "OffLane"]);
  });

  test("a lane that runs the other way is not the car's", () => {
    const against = mapOf([lane(1, [along(400, 0), along(-20, 0)])]);
    expect(
      detectLaneActions(
        course(() => 0),
        against,
      ).isAvailable,
    ).toBe(false);
  });

  test("intervals tile the recording, and mirroring the world swaps the sides and nothing else", () => {
    const swap = (action: string) =>
      action.replace(/Left|Right/, (side) => (side === "Left" ? "Right" : "Left"));
    const move = fc.record({
      at: fc.double({ min: 3, max: 18, noNaN: true }),
      secs: fc.double({ min: 2, max: 6, noNaN: true }),
      by: fc.double({ min: -3.6, max: 3.6, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 3 }), (moves) => {
        const eases = moves.map((m) => ({ f: ease(m.at, m.secs), by: m.by }));
        const columns = course((t) => eases.reduce((sum, e) => sum + e.by * e.f(t), 0));
        const there = detectLaneActions(columns, straightRoad, 500_000);
        const back = detectLaneActions(mirror(columns), mirrorMap(straightRoad), 500_000);
        expect(back.isAvailable).toBe(there.isAvailable);
        if (!there.isAvailable || !back.isAvailable) return;
        expect(there.intervals[0].startTick).toBe(0);
        expect(there.intervals.at(-1)?.endTick).toBe(columns.x.length);
        there.intervals.forEach((i, k) => {
          expect(i.endTick).toBeGreaterThan(i.startTick);
          expect(i.startUs).toBe(500_000 + i.startTick * 100_000);
          if (k > 0) {
            expect(i.startTick).toBe(there.intervals[k - 1].endTick);
            expect(i.action).not.toBe(there.intervals[k - 1].action);
          }
        });
        expect(back.intervals.map((i) => [swap(i.action), i.startTick, i.endTick])).toEqual(
          there.intervals.map((i) => [i.action, i.startTick, i.endTick]),
        );
      }),
      { numRuns: 40 },
    );
  });

  test("the offset is positive to the left of the lane's centre", () => {
    const { offsetM } = trackLanes(
      course(() => 0),
      mapOf([lane(1, [along(-20, -0.8), along(500, -0.8)])]),
    );
    expect(offsetM[50]).toBeCloseTo(0.8, 6);
  });
});
