/** Ego motion of ROS 2 and Foxglove recordings: odometry, poses and transforms whose truth is known. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createFrameTree } from "../src/sources/frame-tree.ts";
import { localSlopes } from "../src/sources/local-slope.ts";
import {
  baseAt,
  carMapping,
  carMessages,
  carTopics,
  circleErrors,
  logFolder,
  odometry,
  odometryTopic,
  rig,
  seconds,
  startUs,
} from "./mcap-logs.ts";
import { foxgloveTime, type LogMessage, rosTime, writeLog } from "./topic-logs.ts";

const { pathOf, read, recording } = logFolder();

describe("odometry", () => {
  let path = "";
  beforeAll(async () => {
    path = await recording("ros", carTopics, await carMessages());
  });

  test("odometry gives the motion of the rear axle at the times of the measurement", async () => {
    const drive = await read(path, carMapping);
    const errors = circleErrors(drive);
    expect(errors.position).toBeLessThan(1e-9);
    expect(errors.yaw).toBeLessThan(1e-9);
    expect(errors.velocity).toBeLessThan(1e-9);
    expect(drive.durationUs).toBe(seconds * 1e6);
    expect([drive.id, drive.source.licence]).toEqual(["mcap-ros", "mine"]);
    expect(drive.source.facts?.recordedUs).toBe(startUs);
    expect(drive.egoSize?.lengthM).toBe(4.6);
  });

  test("times of the recorder can be taken instead of the stamps", async () => {
    const drive = await read(path, `${carMapping}clock: log`);
    expect(drive.source.facts?.recordedUs).toBe(startUs + 20_000);
    expect(circleErrors(drive).position).toBeLessThan(1e-9);
  });

  test("a rosbag2 folder is one recording over its files; a topic may miss in some of them", async () => {
    const folder = pathOf("bag");
    await mkdir(folder);
    await writeFile(join(folder, "metadata.yaml"), "rosbag2_bagfile_information: {}\n");
    const rows = odometry();
    for (const [i, part] of [rows.slice(0, 90), rows.slice(90, 100), rows.slice(100)].entries()) {
      // Bag 10 comes after bag 9.
      await writeLog(join(folder, `bag_${i + 8}.mcap`), [odometryTopic], part);
    }
    await writeLog(
      join(folder, "bag_11.mcap"),
      [{ topic: "/note", schema: "std_msgs/msg/String" }],
      [],
    );
    const drive = await read(folder, `ego: { topic: /odom, ${rig} }`);
    expect(drive.id).toBe("mcap-bag");
    expect(circleErrors(drive).position).toBeLessThan(1e-9);
    expect(drive.egoMotion.stampUs).toHaveLength(201);
  });
});

describe("poses and transforms", () => {
  test("a chain of moving and fixed transforms is followed and interpolated", async () => {
    const messages: LogMessage[] = [];
    const still = { translation: { x: 3, y: 4, z: 0 }, rotation: { x: 0, y: 0, z: 0, w: 1 } };
    for (let i = 0; i <= seconds * 20; i++) {
      const us = startUs + i * 50_000;
      const { position, orientation } = baseAt(i / 20);
      const transforms = [
        {
          header: { stamp: rosTime(us), frame_id: "odom" },
          child_frame_id: "base_link",
          transform: { translation: position, rotation: orientation },
        },
      ];
      if (i % 10 === 0) {
        transforms.push({
          header: { stamp: rosTime(us), frame_id: "/map" },
          child_frame_id: "odom",
          transform: still,
        });
      }
      messages.push({ topic: "/tf", logUs: us, message: { transforms } });
    }
    const path = await recording(
      "tf",
      [{ topic: "/tf", schema: "tf2_msgs/msg/TFMessage" }],
      messages,
    );
    const drive = await read(path, `ego: { topic: /tf, world: map, vehicle: base_link, ${rig} }`);
    const errors = circleErrors(drive);
    expect(errors.position).toBeLessThan(1e-9);
    // Slopes of a parabola on a circle; rig velocity from positions alone.
    expect(errors.velocity).toBeLessThan(0.02);
    await expect(
      read(path, "ego: { topic: /tf, world: earth, vehicle: base_link }"),
    ).rejects.toThrow(
      'no chain of transforms from "earth" to "base_link" (mapping: ego.world, ego.vehicle); frames in it: base_link, map, odom.',
    );
    await expect(read(path, "ego: { topic: /tf }")).rejects.toThrow("ego.world is missing");
  });

  test("poses in JSON, in LZ4 chunks, give velocity by the slope of the positions", async () => {
    const topic = { topic: "/pose", schema: "foxglove.PoseInFrame" };
    const messages = Array.from({ length: seconds * 10 + 1 }, (_, i) => {
      const us = startUs + i * 100_000;
      const { position, orientation } = baseAt(i / 10);
      const pose = { position, orientation };
      return {
        topic: "/pose",
        logUs: us,
        message: { timestamp: foxgloveTime(us), frame_id: "map", pose },
      };
    });
    const path = await recording("pose", [topic], messages, { compression: "lz4" });
    const drive = await read(path, `ego: { topic: /pose, ${rig} }`);
    const errors = circleErrors(drive);
    expect(errors.position).toBeLessThan(1e-9);
    expect(errors.velocity).toBeLessThan(0.04);
  });
});

describe("pieces", () => {
  test("slopes of a parabola are exact at uneven times, also at the ends", () => {
    const steps = fc.array(fc.integer({ min: 1000, max: 120_000 }), {
      minLength: 2,
      maxLength: 40,
    });
    const factor = fc.integer({ min: -50, max: 50 });
    fc.assert(
      fc.property(steps, factor, factor, (gaps, b, c) => {
        let at = 0;
        const stamps = Float64Array.from([0, ...gaps], (gap) => (at += gap));
        const values = stamps.map((us) => 7 + b * us * 1e-6 + c * (us * 1e-6) ** 2);
        localSlopes(stamps, values).forEach((slope, i) => {
          expect(slope).toBeCloseTo(b + 2 * c * stamps[i] * 1e-6, 4);
        });
      }),
    );
  });

  test("slopes do not reach over a gap", () => {
    const stamps = Float64Array.of(0, 1e5, 2e5, 9e5, 10e5, 11e5, 20e5);
    const values = Float64Array.of(0, 1, 2, 100, 98, 96, 5);
    const slopes = [...localSlopes(stamps, values)].map((v) => Math.round(v * 1e6) / 1e6);
    expect(slopes).toEqual([10, 10, 10, -20, -20, -20, 0]);
  });

  test("frames: loops and second parents do no harm", () => {
    const tree = createFrameTree();
    const identity = { x: 1, y: 0, z: 0, qw: 1, qx: 0, qy: 0, qz: 0 };
    const add = (parent: string, child: string) =>
      tree.add({ parent, child, stampUs: 0, parentFromChild: identity, isStatic: true });
    expect([add("a", "b"), add("b", "c"), add("c", "a")]).toEqual([true, true, true]);
    expect(add("x", "b")).toBe(false);
    // A loop has two ways round; both are chains of the transforms that were given.
    expect([2, -1]).toContain(tree.at("a", "c", 5)?.x);
    expect(tree.at("b", "b", 5)?.x).toBe(0);
    expect(tree.at("a", "z", 5)).toBeNull();
  });
});
