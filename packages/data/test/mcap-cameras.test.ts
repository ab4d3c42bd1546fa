/** Cameras of ROS 2 and Foxglove recordings: which pictures at which time, lenses, places on the car, video. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeImage, findSource, findVideoBackend, writeDrive, writeVideo } from "../src/index.ts";
import {
  carMapping,
  carMessages,
  carTopics,
  jpeg,
  logFolder,
  odometry,
  odometryTopic,
  rig,
  startUs,
} from "./mcap-logs.ts";
import { numberedFrame, readFrameNumber } from "./numbered-frames.ts";
import { foxgloveTime, rosTime } from "./topic-logs.ts";

const hasVideo = (await findVideoBackend()) !== null;
if (!hasVideo) console.warn("mcap-cameras.test.ts: video cases skipped, no video decoder here");

const { pathOf, read, recording } = logFolder();

describe("ROS 2", () => {
  let path = "";
  beforeAll(async () => {
    path = await recording("ros", carTopics, await carMessages());
  });

  test("pictures are those of the 10 Hz grid, unchanged, and the transforms place the camera", async () => {
    const drive = await read(path, carMapping);
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
    const all = await read(path, carMapping, { picturesHz: null });
    expect(all.cameras[0].frames).toHaveLength(117);
    expect((await read(path, carMapping, { cameras: [] })).cameras).toEqual([]);
    const mounted = carMapping
      .replace("camera_info }", "camera_info, mount: { x: 1, y: 0, z: 1.5, yawDeg: 90 } }")
      .replace("transforms: [/tf_static]", "");
    const { rigFromCamera } = (await read(path, mounted)).cameras[0].calibration ?? ({} as never);
    // The lens looks left: camera z is rig y.
    expect(rigFromCamera.qw ** 2).toBeCloseTo(0.5, 9);
    expect([rigFromCamera.x, rigFromCamera.z]).toEqual([1, 1.5]);
    const lost = await read(path, carMapping.replace("transforms: [/tf_static]", ""));
    expect(lost.cameras[0].calibration).toBeNull();
    expect(lost.source.notes.join()).toContain('no transform from "base_link" to "cam_optical"');
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
    await mkdir(pathOf("ours"));
    await writeDrive(whole, pathOf("ours", "ours.mcap"));
    expect(await findSource("mcap").recognizes(pathOf("ours"))).toBe(false);
    expect(await findSource("mcap").recognizes(path)).toBe(true);
    const back = await read(
      pathOf("ours"),
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
      const clip = pathOf(`${format}.mp4`);
      await writeVideo(
        Array.from({ length: 40 }, (_, i) => numberedFrame(i)),
        clip,
        { width: 160, height: 96, fps: 20, gop: 10 },
      );
      const raw = pathOf(`units.${format}`);
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
