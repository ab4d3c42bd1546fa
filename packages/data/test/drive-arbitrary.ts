/** Drives for tests: one that drives a circle, with every layer, and fast-check's arbitrary ones. */
import type { EgoMotion } from "@causeway/geom";
import fc from "fast-check";
import {
  componentCategories,
  type Drive,
  lateralDecisions,
  longitudinalDecisions,
  noMotion,
} from "../src/index.ts";

/** Constant speed and curvature on 10 Hz, exact. */
export function circleMotion(seconds: number, speedMps = 8, curvaturePerM = 0.02): EgoMotion {
  const n = Math.round(seconds * 10) + 1;
  const column = (f: (t: number) => number) =>
    Float64Array.from({ length: n }, (_, i) => f(i * 0.1));
  const yaw = (t: number) => speedMps * curvaturePerM * t;
  return {
    stampUs: Float64Array.from({ length: n }, (_, i) => i * 100_000),
    x: column((t) => Math.sin(yaw(t)) / curvaturePerM),
    y: column((t) => (1 - Math.cos(yaw(t))) / curvaturePerM),
    z: column(() => 0),
    qw: column((t) => Math.cos(yaw(t) / 2)),
    qx: column(() => 0),
    qy: column(() => 0),
    qz: column((t) => Math.sin(yaw(t) / 2)),
    vx: column((t) => speedMps * Math.cos(yaw(t))),
    vy: column((t) => speedMps * Math.sin(yaw(t))),
    vz: column(() => 0),
  };
}

/** A drive with all layers; pictures are whatever `picture` gives (by default 3 bytes that name them). */
export function circleDrive(
  id: string,
  seconds: number,
  picture: (camera: number, frame: number) => Uint8Array = (c, f) =>
    Uint8Array.of(c, f & 255, f >> 8),
): Drive {
  const egoMotion = circleMotion(seconds);
  const stamps = [...egoMotion.stampUs];
  const line = { x: [0, 10, 20], y: [1.75, 1.75, 1.75] };
  return {
    id,
    source: {
      format: "causeway-sim",
      licence: "Apache-2.0",
      scenario: "circle",
      seed: 7,
      notes: ["made by a test"],
    },
    durationUs: stamps[stamps.length - 1],
    egoMotion,
    egoSize: { lengthM: 4.6, widthM: 1.9, heightM: 1.6, rearAxleToCenterM: 1.3 },
    cameras: ["camera_front", "camera_left"].map((name, c) => ({
      name,
      calibration: {
        model: "pinhole",
        width: 16,
        height: 8,
        fx: 9.5,
        fy: 9.25,
        cx: 8,
        cy: 4,
        rigFromCamera: { x: 1.5, y: 0.1 * c, z: 1.4, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 },
      },
      frames: stamps.map((stampUs, f) => ({ stampUs, encoding: "jpeg", bytes: picture(c, f) })),
    })),
    actors: stamps.map((stampUs, i) => ({
      stampUs,
      actors: [
        {
          id: 3,
          kind: "car",
          x: 20 + i * 0.1,
          y: 2,
          z: 0,
          yaw: 0.1,
          speedMps: 1,
          lengthM: 4.5,
          widthM: 1.8,
          heightM: 1.5,
          braking: i % 2 === 0,
          indicator: "left",
        },
      ],
    })),
    lights: stamps.map((stampUs) => ({ stampUs, lights: [{ id: 1, color: "red" }] })),
    map: {
      lanes: [
        {
          id: 38109167,
          centerline: { x: [0, 10, 20], y: [0, 0, 0] },
          left: line,
          right: { x: [0, 10, 20], y: [-1.75, -1.75, -1.75] },
          leftMarking: "dashed",
          rightMarking: "solid",
          isJunction: false,
          successors: [4, 5],
          speedLimitMps: 13.9,
        },
      ],
      drivable: [{ x: [0, 20, 20, 0], y: [-2, -2, 2, 2] }],
      crosswalks: [],
      stopLines: [{ line: { x: [20, 20], y: [-1.75, 0] }, lightId: 1, isStopSign: false }],
      lights: [{ id: 1, x: 24, y: 0, z: 4, yaw: Math.PI }],
    },
    route: [
      { stampUs: 0, command: "straight", distanceM: null },
      { stampUs: 500_000, command: "left", distanceM: 11.25 },
    ],
    decisions: stamps.map((stampUs) => ({
      stampUs,
      decision: {
        longitudinal: "stop_static_constraint",
        lateral: "lane_keep",
        lateralSide: null,
        components: [
          {
            id: "light:1",
            category: "traffic_light",
            kind: "red_light",
            attributes: { distanceM: 22.1, state: "red", isAhead: true },
          },
        ],
        causeIds: ["light:1"],
      },
    })),
  };
}

/** Any finite double, tiny and huge ones too; -0 only where the file keeps it. */
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const jsonDouble = double.map((v) => v + 0);
const metres = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e5, max: 1e5 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const mapId = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const text = fc.string({ unit: "grapheme", maxLength: 30 });

const stampsArbitrary = (max: number) =>
  fc
    .uniqueArray(fc.integer({ min: 0, max }), { maxLength: 8 })
    .map((stamps) => stamps.sort((a, b) => a - b));

const rows = <T>(max: number, row: fc.Arbitrary<T>) =>
  stampsArbitrary(max).chain((stamps) =>
    fc
      .array(row, { minLength: stamps.length, maxLength: stamps.length })
      .map((values) => values.map((value, i) => ({ stampUs: stamps[i], ...value }))),
  );

const polyline = fc
  .array(fc.tuple(double, double), { maxLength: 6 })
  .map((points) => ({ x: points.map((p) => p[0]), y: points.map((p) => p[1]) }));

const marking = fc.constantFrom("solid" as const, "dashed" as const, "none" as const);

const durationUs = 20_000_000;

/** Slow random walks with random unit quaternions and uneven times. */
const motion: fc.Arbitrary<EgoMotion> = fc
  .array(
    fc.tuple(fc.integer({ min: 20_000, max: 200_000 }), fc.tuple(metres, metres, metres, metres)),
    {
      minLength: 2,
      maxLength: 20,
    },
  )
  .map((steps) => {
    let t = 0;
    const stampUs = Float64Array.from(steps, ([dt]) => {
      t += dt;
      return t;
    });
    const small = (k: number) => Float64Array.from(steps, ([, v]) => (v[k] / 1e5) * 0.7);
    const angle = Float64Array.from(steps, ([, v]) => v[3]);
    return {
      stampUs,
      x: small(0),
      y: small(1),
      z: small(2),
      qw: angle.map(Math.cos),
      qx: angle.map((a) => Math.sin(a) * 0.6),
      qy: angle.map((a) => -Math.sin(a) * 0.8),
      qz: angle.map(() => -0),
      vx: small(2),
      vy: small(1),
      vz: small(0),
    };
  });

const calibration = fc.record({
  model: fc.constant("pinhole" as const),
  width: fc.integer({ min: 1, max: 65535 }),
  height: fc.integer({ min: 1, max: 65535 }),
  fx: double,
  fy: double,
  cx: double,
  cy: double,
  rigFromCamera: fc.record({
    x: double,
    y: double,
    z: double,
    qw: double,
    qx: double,
    qy: double,
    qz: double,
  }),
});

const frame = fc.record({
  encoding: fc.constantFrom("jpeg" as const, "png" as const),
  bytes: fc.uint8Array({ maxLength: 300 }),
});

const actor = fc.record({
  id: int32,
  kind: fc.constantFrom("car", "truck", "pedestrian", "cyclist", "other" as const),
  x: double,
  y: double,
  z: double,
  yaw: double,
  speedMps: double,
  lengthM: double,
  widthM: double,
  heightM: double,
  braking: fc.boolean(),
  indicator: fc.constantFrom("none" as const, "left" as const, "right" as const),
});

const decision = fc.record({
  longitudinal: fc.option(fc.constantFrom(...longitudinalDecisions)),
  lateral: fc.option(fc.constantFrom(...lateralDecisions)),
  lateralSide: fc.option(fc.constantFrom("left" as const, "right" as const)),
  components: fc.array(
    fc.record({
      id: text,
      category: fc.constantFrom(...componentCategories),
      kind: text,
      attributes: fc.dictionary(
        text.filter((key) => key !== "__proto__"),
        fc.oneof(text, jsonDouble, fc.boolean()),
        { maxKeys: 4, noNullPrototype: true },
      ),
    }),
    { maxLength: 3 },
  ),
  causeIds: fc.array(text, { maxLength: 3 }),
});

const planColumn = fc
  .array(jsonDouble, { minLength: 64, maxLength: 64 })
  .map((values) => Float64Array.from(values));
const plan = fc.record({ x: planColumn, y: planColumn, z: planColumn, yaw: planColumn });

const roadMap = fc.record({
  lanes: fc.array(
    fc.record({
      id: mapId,
      centerline: polyline,
      left: polyline,
      right: polyline,
      leftMarking: marking,
      rightMarking: marking,
      isJunction: fc.boolean(),
      successors: fc.array(mapId, { maxLength: 3 }),
      speedLimitMps: fc.option(double),
    }),
    { maxLength: 4 },
  ),
  drivable: fc.array(polyline, { maxLength: 2 }),
  crosswalks: fc.array(polyline, { maxLength: 2 }),
  stopLines: fc.array(
    fc.record({ line: polyline, lightId: fc.option(mapId), isStopSign: fc.boolean() }),
    { maxLength: 2 },
  ),
  lights: fc.array(fc.record({ id: mapId, x: double, y: double, z: double, yaw: double }), {
    maxLength: 2,
  }),
});

const questionFrame = fc.record({
  questions: fc.array(fc.record({ kind: text, question: text, answer: text }), { maxLength: 4 }),
  objects: fc.array(
    fc.record({
      name: text,
      category: fc.option(text),
      status: fc.option(text),
      description: fc.option(text),
      boxPx: fc.option(fc.tuple(jsonDouble, jsonDouble, jsonDouble, jsonDouble)),
    }),
    { maxLength: 3 },
  ),
});

/** Any drive that a file can hold. */
export const anyDrive: fc.Arbitrary<Drive> = fc.record({
  id: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
  source: fc.record(
    {
      format: text,
      licence: text,
      scenario: fc.option(text),
      seed: fc.option(fc.integer()),
      recording: text,
      notes: fc.array(text, { maxLength: 3 }),
    },
    { requiredKeys: ["format", "licence", "scenario", "seed", "notes"], noNullPrototype: true },
  ),
  durationUs: fc.constant(durationUs),
  egoMotion: motion,
  egoSize: fc.option(
    fc.record({
      lengthM: jsonDouble,
      widthM: jsonDouble,
      heightM: jsonDouble,
      rearAxleToCenterM: jsonDouble,
    }),
  ),
  cameras: fc.uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z0-9_]{1,12}$/),
      calibration: fc.option(calibration),
      frames: rows(durationUs, frame),
    }),
    { maxLength: 3, selector: (c) => c.name },
  ),
  actors: fc.option(rows(durationUs, fc.record({ actors: fc.array(actor, { maxLength: 4 }) }))),
  lights: fc.option(
    rows(
      durationUs,
      fc.record({
        lights: fc.array(
          fc.record({
            id: int32,
            color: fc.constantFrom("red", "yellow", "green", "off" as const),
          }),
          { maxLength: 3 },
        ),
      }),
    ),
  ),
  map: fc.option(roadMap),
  route: fc.option(
    rows(
      durationUs,
      fc.record({
        command: fc.constantFrom(
          "straight",
          "left",
          "right",
          "lane_change_left",
          "lane_change_right" as const,
        ),
        distanceM: fc.option(jsonDouble),
      }),
    ),
  ),
  decisions: fc.option(rows(durationUs, fc.record({ decision }))),
  takeovers: rows(durationUs, fc.record({ path: plan })),
  questions: rows(durationUs, questionFrame),
});

/** The same without ego motion. */
export const anyStillDrive: fc.Arbitrary<Drive> = anyDrive.map((drive) => ({
  ...drive,
  egoMotion: noMotion(),
}));
