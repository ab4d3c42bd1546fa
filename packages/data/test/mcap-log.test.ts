/** ROS 2 and Foxglove recordings through a mapping, on made-up logs whose true motion is known, and on bad ones. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quatFromYaw, yawOfQuat } from "@causeway/geom";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decodeImage,
  type Drive,
  encodeJpeg,
  findVideoBackend,
  findSource,
  importDrives,
  openDataset,
  suggestMapping,
  writeDrive,
  writeVideo,
} from "../src/index.ts";
import { createFrameTree } from "../src/sources/frame-tree.ts";
import { localSlopes } from "../src/sources/local-slope.ts";
import { rigAt, speedMps, yawRateRadps } from "./fake-logs.ts";
import { numberedFrame, readFrameNumber } from "./numbered-frames.ts";
import { foxgloveTime, type LogMessage, type LogTopic, rosTime, writeLog } from "./topic-logs.ts";

const hasVideo = (await findVideoBackend()) !== null;
if (!hasVideo) console.warn("mcap-log.test.ts: video cases skipped, no video decoder here");

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "causeway-mcap-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const startUs = 1_700_000_000_000_000;
const seconds = 4;
/** base_link sits this far ahead of the rear axle, and this high. */
const aheadM = 1.4;
const upM = 0.3;
const place = { x: 5000, y: -200, z: 31 };

/** Pose and twist of base_link in a map frame far from its origin, 50 Hz. */
function baseAt(t: number) {
  const rig = rigAt(t, 0.4);
  const q = quatFromYaw(rig.yaw);
  return {
    position: {
      x: rig.x + aheadM * Math.cos(rig.yaw) + place.x,
      y: rig.y + aheadM * Math.sin(rig.yaw) + place.y,
      z: upM + place.z,
    },
    orientation: { x: q.x, y: q.y, z: q.z, w: q.w },
    linear: { x: speedMps, y: yawRateRadps * aheadM, z: 0 },
    angular: { x: 0, y: 0, z: yawRateRadps },
  };
}

const jpegs = new Map<number, Uint8Array>();
async function jpeg(number: number): Promise<Uint8Array> {
  const made = jpegs.get(number) ?? (await encodeJpeg(numberedFrame(number)));
  jpegs.set(number, made);
  return made;
}

const zeros = new Float64Array(36);
const odometryTopic: LogTopic = { topic: "/odom", schema: "nav_msgs/msg/Odometry" };

function odometry(delayUs = 20_000): LogMessage[] {
  return Array.from({ length: seconds * 50 + 1 }, (_, i) => {
    const us = startUs + i * 20_000;
    const { position, orientation, linear, angular } = baseAt(i / 50);
    return {
      topic: "/odom",
      logUs: us + delayUs,
      message: {
        header: { stamp: rosTime(us), frame_id: "map" },
        child_frame_id: "base_link",
        pose: { pose: { position, orientation }, covariance: zeros },
        twist: { twist: { linear, angular }, covariance: zeros },
      },
    };
  });
}

/** Largest distances from the circle that the rear axle drives, in the map's axes. */
function circleErrors({ egoMotion: m }: Drive) {
  const out = { position: 0, yaw: 0, velocity: 0 };
  for (let i = 0; i < m.stampUs.length; i++) {
    const truth = rigAt((m.stampUs[i] as number) * 1e-6, 0.4);
    const yaw = yawOfQuat({ w: m.qw[i], x: m.qx[i], y: m.qy[i], z: m.qz[i] });
    const miss = Math.hypot(m.x[i] - truth.x, m.y[i] - truth.y, m.z[i]);
    out.position = Math.max(out.position, miss);
    out.yaw = Math.max(out.yaw, Math.abs(yaw - truth.yaw));
    const vx = m.vx[i] - speedMps * Math.cos(truth.yaw);
    const vy = m.vy[i] - speedMps * Math.sin(truth.yaw);
    out.velocity = Math.max(out.velocity, Math.hypot(vx, vy, m.vz[i]));
  }
  return out;
}

const byLog = (a: LogMessage, b: LogMessage) => a.logUs - b.logUs;

async function recording(
  name: string,
  topics: readonly LogTopic[],
  messages: readonly LogMessage[],
  options?: Parameters<typeof writeLog>[3],
): Promise<string> {
  const path = join(dir, name, `${name}.mcap`);
  await mkdir(join(dir, name), { recursive: true });
  await writeLog(path, topics, [...messages].sort(byLog), options);
  return path;
}

let mappings = 0;
async function mappingFile(text: string): Promise<string> {
  const path = join(dir, `mapping-${mappings++}.yaml`);
  await writeFile(path, text);
  return path;
}

async function read(path: string, mapping: string, options = {}): Promise<Drive> {
  const source = findSource("ros2");
  const file = await mappingFile(mapping);
  for await (const ref of source.list(path)) return source.read(ref, { mapping: file, ...options });
  throw new Error("no recording");
}

const rig = `rig: { x: ${-aheadM}, z: ${-upM} }`;

describe("ROS 2", () => {
  const topics: LogTopic[] = [
    odometryTopic,
    { topic: "/tf_static", schema: "tf2_msgs/msg/TFMessage" },
    { topic: "/cam/front/image_raw/compressed", schema: "sensor_msgs/msg/CompressedImage" },
    { topic: "/cam/front/camera_info", schema: "sensor_msgs/msg/CameraInfo" },
    { topic: "/note", schema: "std_msgs/msg/String" },
  ];
  const mapping = `
ego: { topic: /odom, ${rig} }
cameras:
  camera_front: { topic: /cam/front/image_raw/compressed, calibration: /cam/front/camera_info }
transforms: [/tf_static]
egoSize: { lengthM: 4.6, widthM: 1.9, heightM: 1.5, rearAxleToCenterM: 1.4 }
licence: mine
`;
  let path = "";
  beforeAll(async () => {
    const messages = odometry();
    messages.push({ topic: "/note", logUs: startUs, message: { data: "hello" } });
    const stamped = (us: number, frame_id: string) => ({ stamp: rosTime(us), frame_id });
    messages.push({
      topic: "/tf_static",
      logUs: startUs - 50_000,
      message: {
        transforms: [
          {
            header: stamped(startUs - 9_000_000, "base_link"),
            child_frame_id: "cam",
            transform: {
              translation: { x: 0.5, y: 0.1, z: 1 },
              rotation: { x: 0, y: 0, z: 0, w: 1 },
            },
          },
          {
            header: stamped(startUs - 9_000_000, "cam"),
            child_frame_id: "cam_optical",
            transform: {
              translation: { x: 0, y: 0, z: 0 },
              rotation: { x: -0.5, y: 0.5, z: -0.5, w: 0.5 },
            },
          },
        ],
      },
    });
    messages.push({
      topic: "/cam/front/camera_info",
      logUs: startUs,
      message: {
        header: stamped(startUs, "cam_optical"),
        width: 160,
        height: 96,
        distortion_model: "plumb_bob",
        d: [0.1, 0, 0, 0, 0],
        k: [120, 0, 80, 0, 121, 48, 0, 0, 1],
        r: [1, 0, 0, 0, 1, 0, 0, 0, 1],
        p: [120, 0, 80, 0, 0, 121, 48, 0, 0, 0, 1, 0],
      },
    });
    // 30 Hz from before the first pose on.
    for (let i = 0; i < seconds * 30; i++) {
      const us = startUs - 100_000 + Math.round((i * 1e6) / 30);
      messages.push({
        topic: "/cam/front/image_raw/compressed",
        logUs: us + 30_000,
        message: {
          header: stamped(us, "cam_optical"),
          format: "rgb8; jpeg compressed bgr8",
          data: await jpeg(i),
        },
      });
    }
    path = await recording("ros", topics, messages);
  });

  test("odometry gives the motion of the rear axle at the times of the measurement", async () => {
    const drive = await read(path, mapping);
    const errors = circleErrors(drive);
    expect(errors.position).toBeLessThan(1e-9);
    expect(errors.yaw).toBeLessThan(1e-9);
    expect(errors.velocity).toBeLessThan(1e-9);
    expect(drive.durationUs).toBe(seconds * 1e6);
    expect([drive.id, drive.source.licence]).toEqual(["mcap-ros", "mine"]);
    expect(drive.source.facts?.recordedUs).toBe(startUs);
    expect(drive.egoSize?.lengthM).toBe(4.6);
  });

  test("pictures are those of the 10 Hz grid, unchanged, and the transforms place the camera", async () => {
    const drive = await read(path, mapping);
    const [camera] = drive.cameras;
    expect(camera.name).toBe("camera_front");
    const numbers = await Promise.all(
      camera.frames.map(async (f) => readFrameNumber(await decodeImage(f.bytes))),
    );
    // Frame 3 is shown at 0 s, frame 3 k + 3 at k / 10 s; the last one is at 3.867 s.
    expect(numbers).toEqual([...Array.from({ length: 39 }, (_, k) => 3 * k + 3), 119]);
    expect(camera.frames[1].bytes).toEqual(await jpeg(6));
    expect(camera.frames[1].stampUs).toBe(100_000);
    const { rigFromCamera, ...lens } = camera.calibration ?? ({} as never);
    expect(lens).toEqual({
      model: "pinhole",
      width: 160,
      height: 96,
      fx: 120,
      fy: 121,
      cx: 80,
      cy: 48,
    });
    const want = { x: 1.9, y: 0.1, z: 1.3, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 };
    for (const [key, value] of Object.entries(want)) {
      expect(rigFromCamera[key as keyof typeof want]).toBeCloseTo(value, 12);
    }
    const notes = drive.source.notes.join("\n");
    expect(notes).toContain("lens distortion (plumb_bob) is not removed");
    expect(notes).toContain("3 pictures outside the ego motion left out");
  });

  test("all pictures, no pictures, and a mount from the mapping", async () => {
    const all = await read(path, mapping, { picturesHz: null });
    expect(all.cameras[0].frames).toHaveLength(117);
    expect((await read(path, mapping, { cameras: [] })).cameras).toEqual([]);
    const mounted = mapping
      .replace("camera_info }", "camera_info, mount: { x: 1, y: 0, z: 1.5, yawDeg: 90 } }")
      .replace("transforms: [/tf_static]", "");
    const { rigFromCamera } = (await read(path, mounted)).cameras[0].calibration ?? ({} as never);
    // The lens looks left: camera z is rig y.
    expect(rigFromCamera.qw ** 2).toBeCloseTo(0.5, 9);
    expect([rigFromCamera.x, rigFromCamera.z]).toEqual([1, 1.5]);
    const lost = await read(path, mapping.replace("transforms: [/tf_static]", ""));
    expect(lost.cameras[0].calibration).toBeNull();
    expect(lost.source.notes.join()).toContain('no transform from "base_link" to "cam_optical"');
  });

  test("times of the recorder can be taken instead of the stamps", async () => {
    const drive = await read(path, `${mapping}clock: log`);
    expect(drive.source.facts?.recordedUs).toBe(startUs + 20_000);
    expect(circleErrors(drive).position).toBeLessThan(1e-9);
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

  test("a rosbag2 folder is one recording over its files; a topic may miss in some of them", async () => {
    const folder = join(dir, "bag");
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

  test("raw pictures are packed, whatever the order of their colours", async () => {
    const { width, height, pixels } = numberedFrame(513);
    const data = new Uint8Array(pixels.length + height * 5);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < 3 * width; x++) {
        data[y * (3 * width + 5) + x] = pixels[3 * y * width + x - (x % 3) + 2 - (x % 3)];
      }
    }
    const topic = { topic: "/raw", schema: "sensor_msgs/msg/Image" };
    const picture = (encoding: string) => ({
      topic: "/raw",
      logUs: startUs + 100_000,
      message: {
        header: { stamp: rosTime(startUs + 100_000), frame_id: "c" },
        width,
        height,
        encoding,
        is_bigendian: 0,
        step: 3 * width + 5,
        data,
      },
    });
    const mapping = `ego: { topic: /odom, ${rig} }\ncameras: { raw: { topic: /raw } }`;
    const good = await recording("raw", [odometryTopic, topic], [...odometry(), picture("bgr8")]);
    const [frame] = (await read(good, mapping)).cameras[0].frames;
    expect(readFrameNumber(await decodeImage(frame.bytes))).toBe(513);
    const bayer = await recording(
      "bayer",
      [odometryTopic, topic],
      [...odometry(), picture("bayer_rggb8")],
    );
    await expect(read(bayer, mapping)).rejects.toThrow("bayer_rggb8");
  });
});

describe("Foxglove", () => {
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

  test("protobuf: a drive file of ours, read as a foreign recording, gives the same drive", async () => {
    const path = await recording("ours-from", [odometryTopic], odometry());
    const drive = await read(path, `ego: { topic: /odom, ${rig} }`);
    const calibration = {
      model: "pinhole",
      width: 160,
      height: 96,
      fx: 100,
      fy: 100,
      cx: 80,
      cy: 48,
      rigFromCamera: { x: 1.5, y: 0, z: 1.4, qw: 0.5, qx: -0.5, qy: 0.5, qz: -0.5 },
    } as const;
    const frames = await Promise.all(
      Array.from({ length: 10 }, async (_, k) => ({
        stampUs: k * 100_000,
        encoding: "jpeg" as const,
        bytes: await jpeg(k),
      })),
    );
    const whole = { ...drive, id: "ours", cameras: [{ name: "front", calibration, frames }] };
    await mkdir(join(dir, "ours"));
    await writeDrive(whole, join(dir, "ours", "ours.mcap"));
    expect(await findSource("mcap").recognizes(join(dir, "ours"))).toBe(false);
    expect(await findSource("mcap").recognizes(path)).toBe(true);
    const back = await read(
      join(dir, "ours"),
      `
ego: { topic: /tf, world: world, vehicle: rig }
cameras: { front: { topic: /camera/front, calibration: /calibration/front } }
transforms: [/tf]
`,
    );
    expect(back.cameras).toEqual(whole.cameras);
    for (const column of ["stampUs", "x", "y", "qz"] as const) {
      const worst = back.egoMotion[column].map((v, i) => Math.abs(v - whole.egoMotion[column][i]));
      expect(Math.max(...worst)).toBeLessThan(1e-9);
    }
  });

  test.skipIf(!hasVideo).each(["h264", "h265"] as const)(
    "%s video: each message is a frame with its own time, what comes before a key frame is left out",
    async (format) => {
      const clip = join(dir, `${format}.mp4`);
      await writeVideo(
        Array.from({ length: 40 }, (_, i) => numberedFrame(i)),
        clip,
        { width: 160, height: 96, fps: 20, gop: 10 },
      );
      const raw = join(dir, `units.${format}`);
      const [codec, filter, kind] =
        format === "h264"
          ? ["libx264", "h264_metadata=aud=insert", "h264"]
          : ["libx265", "hevc_metadata=aud=insert", "hevc"];
      const args = ["-nostdin", "-y", "-loglevel", "error", "-i", clip, "-c:v", codec];
      const params = "bframes=0:keyint=10:scenecut=0";
      if (format === "h265") args.push("-x265-params", `${params}:log-level=none`);
      else args.push("-x264-params", params);
      const done = spawnSync("ffmpeg", [...args, "-bsf:v", filter, "-f", kind, raw]);
      expect(done.stderr.toString()).toBe("");
      // An access unit delimiter begins each frame.
      const bytes = await readFile(raw);
      const starts: number[] = [];
      for (let i = 0; i + 4 < bytes.length; i++) {
        const isDelimiter =
          format === "h264" ? (bytes[i + 4] & 31) === 9 : bytes[i + 4] >> 1 === 35;
        if (bytes.readUInt32BE(i) === 1 && isDelimiter) starts.push(i);
      }
      expect(starts).toHaveLength(40);
      const units = starts.map((at, i) => bytes.subarray(at, starts[i + 1] ?? bytes.length));
      const video = units.slice(3).map((unit, i) => {
        const us = startUs + 100_000 + i * 55_000;
        return {
          topic: "/video",
          logUs: us,
          message: {
            timestamp: foxgloveTime(us),
            frame_id: "cam",
            format,
            data: unit.toString("base64"),
          },
        };
      });
      const topics = [odometryTopic, { topic: "/video", schema: "foxglove.CompressedVideo" }];
      const path = await recording(format, topics, [...odometry(), ...video]);
      const drive = await read(
        path,
        `ego: { topic: /odom, ${rig} }\ncameras: { v: { topic: /video } }`,
        { picturesHz: null },
      );
      const [{ frames }] = drive.cameras;
      const numbers = await Promise.all(
        frames.map(async (f) => readFrameNumber(await decodeImage(f.bytes))),
      );
      // Frames 3 … 9 cannot be decoded: the next key frame is 10.
      expect(numbers).toEqual(Array.from({ length: 30 }, (_, i) => i + 10));
      expect(frames.map((f) => f.stampUs)).toEqual(numbers.map((n) => 100_000 + (n - 3) * 55_000));
      expect(drive.source.notes.join()).toContain(
        "7 video frames before the first key frame left out",
      );
    },
  );
});

describe("boxes", () => {
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
    const path = await recording(
      "detections",
      [odometryTopic, topic],
      [...odometry(), ...messages],
    );
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
});

describe("bad input", () => {
  test("mappings are refused with the field that is wrong and what to do", async () => {
    const path = await recording("plain", [odometryTopic], odometry());
    const source = findSource("mcap");
    for await (const ref of source.list(path)) {
      await expect(source.read(ref)).rejects.toThrow("--print-mapping");
      await expect(source.read(ref, { mapping: join(dir, "none.yaml") })).rejects.toThrow(
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

  test("a batch goes on over every kind of bad recording and names each once", async () => {
    const folder = join(dir, "batch");
    await mkdir(folder);
    const write = (name: string, messages: LogMessage[], topics = [odometryTopic]) =>
      writeLog(join(folder, `${name}.mcap`), topics, messages);
    const changed = (change: (row: ReturnType<typeof copyOf>, i: number) => void) =>
      odometry().map((m, i) => {
        const row = copyOf(m);
        change(row, i);
        return row;
      });
    const copyOf = (m: LogMessage) =>
      structuredClone(m) as {
        topic: string;
        logUs: number;
        message: {
          header: { stamp: { sec: number; nanosec: number } };
          pose: {
            pose: {
              position: { x: number; y: number };
              orientation: { x: number; y: number; z: number; w: number };
            };
          };
        };
      };
    await write("a-good", odometry());
    await write("b-empty", []);
    await write("c-other", [], [{ topic: "/note", schema: "std_msgs/msg/String" }]);
    await write(
      "d-back",
      changed((r, i) => {
        if (i === 70) r.message.header.stamp = rosTime(startUs);
      }),
    );
    await write(
      "e-nan",
      changed((r, i) => {
        if (i === 9) r.message.pose.pose.position.x = Number.NaN;
      }),
    );
    await write(
      "f-turn",
      changed((r) => {
        const { orientation } = r.message.pose.pose;
        orientation.w = 2;
      }),
    );
    await write(
      "g-sideways",
      changed((r) => {
        const q = quatFromYaw(yawOfQuat(r.message.pose.pose.orientation) + Math.PI / 2);
        r.message.pose.pose.orientation = { x: q.x, y: q.y, z: q.z, w: q.w };
      }).map((r) => ({ ...r, message: { ...r.message, twist: { twist: {} } } })),
    );
    await write("h-cut-message", [
      ...odometry().slice(0, 5),
      { topic: "/odom", logUs: startUs + 200_000, message: new Uint8Array([0, 1, 0, 0, 9]) },
    ]);
    await write("i-ros1", [], [{ ...odometryTopic, encoding: "ros1" }]);
    await write(
      "j-zero",
      changed((r) => {
        r.message.header.stamp = { sec: 0, nanosec: 0 };
      }),
    );
    await write(
      "k-jump",
      changed((r, i) => {
        if (i > 100) r.message.pose.pose.position.y += 500;
      }),
    );
    await write("l-cut", odometry());
    await truncate(join(folder, "l-cut.mcap"), 3000);
    await writeFile(join(folder, "m-text.mcap"), "not a recording");
    await writeFile(join(folder, "n-none.mcap"), "");
    const mapping = await mappingFile(`ego: { topic: /odom, ${rig} }`);
    const out = join(dir, "batch-set");
    const result = await importDrives(findSource("mcap"), folder, out, { read: { mapping } });
    expect(result.imported).toBe(1);
    const why: Record<string, string> = {
      "b-empty": "has 0 poses; expected at least 2",
      "c-other": 'has no topic "/odom" (mapping: ego.topic); it has /note (std_msgs/msg/String)',
      "d-back": "row 71: topic /odom: time 1700000000.000000 s comes after 1700000001.380000 s",
      "e-nan":
        "topic /odom at 1700000000.200000 s: pose.pose.position.x is NaN; expected a finite number",
      "f-turn": "pose.pose.orientation is of length 2",
      "g-sideways": "the car travels -89 degrees off its x axis",
      "h-cut-message": "cannot be decoded with its schema",
      "i-ros1": "topic /odom is encoded as ros1 with schema ros1msg; expected cdr",
      "j-zero": 'Put "clock: log" into the mapping',
      "k-jump": "position jumps 500",
      "l-cut": "the file ends after 3000 bytes without a footer",
      "m-text": "not an MCAP file",
      "n-none": "the file is empty",
    };
    expect(result.skipped.map((s) => s.id)).toEqual(Object.keys(why).map((n) => `mcap-${n}`));
    for (const { id, error } of result.skipped) {
      expect(error).toContain(why[id.slice(5)]);
      expect(error).not.toContain("\n");
    }
    const listed = (await readFile(join(out, "skipped.jsonl"), "utf8")).trim().split("\n");
    expect(listed.map((l) => (JSON.parse(l) as { id: string }).id)).toEqual(
      result.skipped.map((s) => s.id),
    );
    const set = await openDataset(out);
    expect(set.drives.map((d) => d.id)).toEqual(["mcap-a-good"]);
    // Nothing changed: nothing is done again. Another mapping is another input.
    const again = await importDrives(findSource("mcap"), folder, out, { read: { mapping } });
    expect([again.imported, again.unchanged]).toEqual([0, 1]);
    await writeFile(mapping, "ego: { topic: /odom }");
    const other = await importDrives(findSource("mcap"), folder, out, { read: { mapping } });
    expect([other.imported, other.unchanged]).toEqual([1, 0]);
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
