/** The mapping of an MCAP recording: a first one that fits, one that is assumed, and wrong ones. */
import { mkdir } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import {
  detectFormat,
  type Drive,
  findSource,
  importDrives,
  openDataset,
  suggestMapping,
} from "../src/index.ts";
import {
  aheadM,
  baseAt,
  carMessages,
  carTopics,
  circleErrors,
  jpeg,
  logFolder,
  odometry,
  odometryTopic,
  seconds,
  startUs,
  upM,
} from "./mcap-logs.ts";
import { type LogMessage, type LogTopic, rosTime, writeLog } from "./topic-logs.ts";

const { pathOf, read, recording } = logFolder();
const source = findSource("mcap");

let path = "";
beforeAll(async () => {
  path = await recording("ros", carTopics, await carMessages());
});

/** The first recording of a file or folder, without a mapping. */
async function readUnmapped(path: string): Promise<Drive> {
  for await (const ref of source.list(path)) return source.read(ref);
  throw new Error("no recording");
}

const secondOdometry: LogTopic = { topic: "/wheel/odom", schema: "nav_msgs/msg/Odometry" };
const transformTopic: LogTopic = { topic: "/tf", schema: "tf2_msgs/msg/TFMessage" };
const poseTopic: LogTopic = { topic: "/pose", schema: "geometry_msgs/msg/PoseStamped" };

function transforms(parent: string, child: string): LogMessage[] {
  return Array.from({ length: seconds * 20 + 1 }, (_, i) => {
    const us = startUs + i * 50_000;
    const { position, orientation } = baseAt(i / 20);
    return {
      topic: "/tf",
      logUs: us,
      message: {
        transforms: [
          {
            header: { stamp: rosTime(us), frame_id: parent },
            child_frame_id: child,
            transform: { translation: position, rotation: orientation },
          },
        ],
      },
    };
  });
}

const poses = (): LogMessage[] =>
  odometry().map(({ logUs, message }) => {
    const { header, pose } = message as { header: object; pose: { pose: object } };
    return { topic: "/pose", logUs, message: { header, pose: pose.pose } };
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

describe("without a mapping", () => {
  test("the one that would be printed is taken, and the drive says so", async () => {
    const drive = await readUnmapped(path);
    const printed = (await suggestMapping(path)).replace(/ {2}rig: .*\n/, "");
    const { notes, ...rest } = (await read(path, printed)).source;
    expect(drive).toEqual({
      ...(await read(path, printed)),
      source: {
        ...rest,
        notes: [
          'No mapping was given. Assumed: ego motion /odom; cameras cam_front (/cam/front/image_raw/compressed); transforms /tf_static. "causeway import mcap RECORDING --print-mapping" prints it, to be corrected and given with --mapping.',
          ...notes,
        ],
      },
    });
    expect(notes.join()).toContain(
      'origin of the frame "base_link" is taken as the rear axle on the ground',
    );
    // The camera hangs on the frame of the odometry.
    expect(drive.cameras[0].calibration?.rigFromCamera.x).toBeCloseTo(0.5, 9);
  });

  test("a pose topic, or transforms between usual frames, will do", async () => {
    const byPose = await readUnmapped(await recording("pose", [poseTopic], poses()));
    const between = transforms("odom", "base_footprint");
    const byTree = await readUnmapped(await recording("tree", [transformTopic], between));
    const byOdometry = await read(
      await recording("odometry", [odometryTopic], odometry()),
      "ego: { topic: /odom, velocity: positions }",
    );
    expect(byPose.egoMotion).toEqual(byOdometry.egoMotion);
    expect(byTree.source.notes[0]).toContain("ego motion /tf (odom to base_footprint)");
    expect(byTree.egoMotion.x.at(-1)).toBeCloseTo(byOdometry.egoMotion.x.at(-1) ?? 0, 6);
    expect(byTree.egoMotion.stampUs).toHaveLength(81);
  });

  test("a camera that is sent twice is taken once; depth is no picture", async () => {
    const names = ["image_raw", "image_raw/compressed", "depth/image_raw/compressed"];
    const topics = [0, 1, 1].map((kind, i) => ({
      topic: `/left/${names[i]}`,
      schema: `sensor_msgs/msg/${["Image", "CompressedImage"][kind]}`,
    }));
    const picture = {
      topic: "/left/image_raw/compressed",
      logUs: startUs + 500_000,
      message: {
        header: { stamp: rosTime(startUs + 500_000), frame_id: "left" },
        format: "jpeg",
        data: await jpeg(5),
      },
    };
    const twice = await recording("twice", [odometryTopic, ...topics], [...odometry(), picture]);
    const drive = await readUnmapped(twice);
    expect(drive.cameras.map((c) => [c.name, c.frames.length])).toEqual([["left", 1]]);
    expect(drive.cameras[0].frames[0].bytes).toEqual(await jpeg(5));
    const text = await suggestMapping(twice);
    expect(text).toContain('# or topic: "/left/image_raw" # sensor_msgs/msg/Image');
    expect(text).toContain("# Not read: /left/depth/image_raw/compressed");
  });

  test.each<[string, readonly LogTopic[], () => LogMessage[], string]>([
    [
      "two odometries",
      [odometryTopic, secondOdometry],
      odometry,
      "2 topics could be the ego motion: /odom (nav_msgs/msg/Odometry, 201 messages), /wheel/odom (nav_msgs/msg/Odometry, 0 messages). Print one to start from with",
    ],
    [
      "a pose, which may be a goal, beside transforms",
      [poseTopic, transformTopic],
      () => [...poses(), ...transforms("map", "base_link")],
      "2 topics could be the ego motion: /pose (geometry_msgs/msg/PoseStamped, 201 messages), /tf (tf2_msgs/msg/TFMessage, 81 messages)",
    ],
    [
      "frames of other names",
      [transformTopic],
      () => transforms("earth", "camera"),
      "the frames of /tf have no usual names (camera, earth; expected one of map, odom, world, and one of base_link,",
    ],
    [
      "nothing that moves",
      [{ topic: "/note", schema: "std_msgs/msg/String" }],
      () => [],
      "no topic has odometry, poses or transforms; it has /note (std_msgs/msg/String)",
    ],
  ])("%s: the choices are listed", async (name, topics, messages, why) => {
    const unclear = await recording(name.replaceAll(/\W+/g, "-"), topics, messages());
    await expect(readUnmapped(unclear)).rejects.toThrow(`no mapping was given, and ${why}`);
    const text = await suggestMapping(unclear);
    const other = / could be the ego motion: \S+ .*?\), (\S+) /.exec(why)?.[1];
    if (other !== undefined) expect(text).toContain(`# or topic: ${other} (`);
  });

  test("in a folder, the clear ones are found by their format and imported, the others named", async () => {
    const folder = pathOf("mixed");
    await mkdir(folder);
    const write = (name: string, topics: LogTopic[]) =>
      writeLog(pathOf("mixed", `${name}.mcap`), topics, odometry());
    await write("clear", [odometryTopic]);
    await write("unclear", [odometryTopic, secondOdometry]);
    const found = await detectFormat(folder);
    expect(found.map((s) => s.format)).toEqual(["mcap"]);
    const result = await importDrives(found[0], folder, pathOf("mixed-set"));
    expect(result.skipped).toMatchObject([{ id: "mcap-unclear", code: "missing" }]);
    const drives = (await openDataset(pathOf("mixed-set"))).drives.map((d) => d.id);
    expect(drives).toEqual(["mcap-clear"]);
  });
});

test("mappings are refused with the field that is wrong and what to do", async () => {
  const path = await recording("plain", [odometryTopic], odometry());
  for await (const ref of source.list(path)) {
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
