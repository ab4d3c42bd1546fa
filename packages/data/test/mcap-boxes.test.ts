/** Boxes of ROS 2 and Foxglove recordings, in the car's frame and in the world's. */
import { quatFromYaw } from "@causeway/geom";
import { expect, test } from "vitest";
import { rigAt } from "./fake-logs.ts";
import {
  aheadM,
  baseAt,
  logFolder,
  odometry,
  odometryTopic,
  place,
  rig,
  startUs,
  upM,
} from "./mcap-logs.ts";
import { foxgloveTime, type LogMessage, rosTime } from "./topic-logs.ts";

const { read, recording } = logFolder();

const kinds = "kinds: { truck: [bus], pedestrian: [person] }";
/** A bus that drives along y = 7 with 4 m/s, in the axes of the drive. */
const busAt = (t: number) => ({ x: 20 + 4 * t, y: 7 });

test("detections in the car's frame stand in the world, with kind and speed", async () => {
  const topic = { topic: "/objects", schema: "vision_msgs/msg/Detection3DArray" };
  const messages: LogMessage[] = Array.from({ length: 41 }, (_, i) => {
    const t = i / 10 - 0.1;
    const us = startUs + Math.round(t * 1e6);
    const rig = rigAt(t, 0.4);
    const [dx, dy] = [busAt(t).x - rig.x, busAt(t).y - rig.y];
    const [cos, sin] = [Math.cos(rig.yaw), Math.sin(rig.yaw)];
    const q = quatFromYaw(-rig.yaw);
    const detection = {
      header: { stamp: rosTime(us), frame_id: "base_link" },
      results: [{ hypothesis: { class_id: "city_bus", score: 0.9 } }],
      bbox: {
        center: {
          position: { x: cos * dx + sin * dy - aheadM, y: -sin * dx + cos * dy, z: 1.6 - upM },
          orientation: { x: q.x, y: q.y, z: q.z, w: q.w },
        },
        size: { x: 11, y: 2.5, z: 3.2 },
      },
      id: "bus",
    };
    const header = { stamp: rosTime(us), frame_id: "base_link" };
    return { topic: "/objects", logUs: us + 5000, message: { header, detections: [detection] } };
  });
  const path = await recording("detections", [odometryTopic, topic], [...odometry(), ...messages]);
  const drive = await read(
    path,
    `ego: { topic: /odom, ${rig} }\nboxes: { topic: /objects, ${kinds} }`,
  );
  // The first message is from before the first pose.
  expect(drive.actors).toHaveLength(40);
  expect(drive.source.notes.join()).toContain(
    "1 messages of boxes outside the ego motion left out",
  );
  drive.actors?.forEach(({ stampUs, actors: [bus, ...more] }, i) => {
    expect([stampUs, more]).toEqual([i * 100_000, []]);
    expect(bus).toMatchObject({ id: 1, kind: "truck", lengthM: 11, widthM: 2.5, heightM: 3.2 });
    const truth = busAt(i / 10);
    expect(Math.hypot(bus.x - truth.x, bus.y - truth.y, bus.z)).toBeLessThan(1e-6);
    expect(Math.abs(bus.yaw)).toBeLessThan(1e-6);
    expect(bus.speedMps).toBeCloseTo(i === 0 ? 0 : 4, 4);
  });
});

test("cubes of a scene in the world's frame; a frame that nothing joins is refused", async () => {
  const topic = { topic: "/scene", schema: "foxglove.SceneUpdate" };
  const scene = (frame_id: string): LogMessage[] => [
    {
      topic: "/scene",
      logUs: startUs + 1_000_000,
      message: {
        entities: [
          {
            timestamp: foxgloveTime(startUs + 1_000_000),
            frame_id,
            id: "w1",
            metadata: [{ key: "class", value: "Person" }],
            cubes: [
              {
                pose: {
                  position: { x: baseAt(0).position.x + 5, y: place.y, z: place.z + 0.9 },
                  orientation: { x: 0, y: 0, z: 0, w: 1 },
                },
                size: { x: 0.5, y: 0.6, z: 1.8 },
              },
            ],
          },
        ],
      },
    },
  ];
  const mapping = `ego: { topic: /odom, ${rig} }\nboxes: { topic: /scene, ${kinds} }`;
  const good = await recording("scene", [odometryTopic, topic], [...odometry(), ...scene("map")]);
  const [frame] = (await read(good, mapping)).actors ?? [];
  expect(frame.stampUs).toBe(1_000_000);
  expect(frame.actors[0]).toMatchObject({ kind: "pedestrian", y: 0, widthM: 0.6 });
  expect(frame.actors[0].x).toBeCloseTo(5 + aheadM * Math.cos(0.4), 9);
  expect(frame.actors[0].z).toBeCloseTo(0, 9);
  const lost = await recording("lost", [odometryTopic, topic], [...odometry(), ...scene("moon")]);
  await expect(read(lost, mapping)).rejects.toThrow('no transform from "base_link" to "moon"');
});
