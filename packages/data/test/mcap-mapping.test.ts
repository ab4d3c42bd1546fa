/** The mapping of an MCAP recording: a first one that fits, and wrong ones. */
import { beforeAll, expect, test } from "vitest";
import { findSource, suggestMapping } from "../src/index.ts";
import {
  aheadM,
  carMessages,
  carTopics,
  circleErrors,
  logFolder,
  odometry,
  odometryTopic,
  upM,
} from "./mcap-logs.ts";

const { pathOf, read, recording } = logFolder();
const source = findSource("mcap");

let path = "";
beforeAll(async () => {
  path = await recording("ros", carTopics, await carMessages());
});

test("a first mapping names ego motion, cameras and transforms, and can be used as it is", async () => {
  const text = await suggestMapping(path);
  expect(text).toContain('topic: "/odom" # nav_msgs/msg/Odometry, 201 messages');
  expect(text).toContain("# Not read: /note (std_msgs/msg/String)");
  const drive = await read(
    path,
    text.replace("x: 0, y: 0, z: 0", `x: ${-aheadM}, y: 0, z: ${-upM}`),
  );
  expect(circleErrors(drive).position).toBeLessThan(1e-9);
  expect(drive.cameras.map((c) => [c.name, c.calibration?.fx])).toEqual([["cam_front", 120]]);
});

test("mappings are refused with the field that is wrong and what to do", async () => {
  const path = await recording("plain", [odometryTopic], odometry());
  for await (const ref of source.list(path)) {
    await expect(source.read(ref)).rejects.toThrow("--print-mapping");
    await expect(source.read(ref, { mapping: pathOf("none.yaml") })).rejects.toThrow(
      "cannot be read",
    );
  }
  await expect(read(path, "ego: [")).rejects.toThrow("mapping: not valid YAML");
  await expect(read(path, "ego: { topc: /odom }")).rejects.toThrow("mapping: ego");
  await expect(read(path, "ego: { topic: /odo }")).rejects.toThrow(
    'has no topic "/odo" (mapping: ego.topic); it has /odom (nav_msgs/msg/Odometry). Correct the mapping.',
  );
  await expect(
    read(path, "ego: { topic: /odom }\ncameras: { a: { topic: /odom } }"),
  ).rejects.toThrow(
    'topic "/odom" (mapping: cameras.a.topic) has schema nav_msgs/msg/Odometry; expected one of sensor_msgs/CompressedImage',
  );
});
