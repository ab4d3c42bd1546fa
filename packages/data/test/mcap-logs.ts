/** Made-up ROS 2 and Foxglove recordings whose true motion is known: a car on a circle, seen by what is on it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quatFromYaw, yawOfQuat } from "@causeway/geom";
import { afterAll, beforeAll } from "vitest";
import { type Drive, encodeJpeg, findSource, type ReadOptions } from "../src/index.ts";
import { rigAt, speedMps, yawRateRadps } from "./fake-logs.ts";
import { numberedFrame } from "./numbered-frames.ts";
import { type LogMessage, type LogTopic, rosTime, writeLog } from "./topic-logs.ts";

export const startUs = 1_700_000_000_000_000;
export const seconds = 4;
/** base_link sits this far ahead of the rear axle, and this high. */
export const aheadM = 1.4;
export const upM = 0.3;
export const place = { x: 5000, y: -200, z: 31 };

/** Pose and twist of base_link in a map frame far from its origin, 50 Hz. */
export function baseAt(t: number) {
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
export async function jpeg(number: number): Promise<Uint8Array> {
  const made = jpegs.get(number) ?? (await encodeJpeg(numberedFrame(number)));
  jpegs.set(number, made);
  return made;
}

const zeros = new Float64Array(36);
export const odometryTopic: LogTopic = { topic: "/odom", schema: "nav_msgs/msg/Odometry" };

export function odometry(delayUs = 20_000): LogMessage[] {
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
export function circleErrors({ egoMotion: m }: Drive) {
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

/** A temporary folder for the recordings of one test file, removed after its tests. */
export function logFolder() {
  let dir = "";
  let mappings = 0;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "causeway-mcap-"));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const pathOf = (...names: string[]): string => join(dir, ...names);
  const mappingFile = async (text: string): Promise<string> => {
    const path = pathOf(`mapping-${mappings++}.yaml`);
    await writeFile(path, text);
    return path;
  };
  return {
    pathOf,
    mappingFile,
    /** Writes NAME/NAME.mcap. */
    async recording(
      name: string,
      topics: readonly LogTopic[],
      messages: readonly LogMessage[],
      options?: Parameters<typeof writeLog>[3],
    ): Promise<string> {
      const path = pathOf(name, `${name}.mcap`);
      await mkdir(pathOf(name), { recursive: true });
      await writeLog(path, topics, [...messages].sort(byLog), options);
      return path;
    },
    /** The first recording of a file or folder, by a mapping given as text. */
    async read(path: string, mapping: string, options: ReadOptions = {}): Promise<Drive> {
      const source = findSource("ros2");
      const file = await mappingFile(mapping);
      for await (const ref of source.list(path)) {
        return source.read(ref, { mapping: file, ...options });
      }
      throw new Error("no recording");
    },
  };
}

/** The rear axle in the frame base_link, as a mapping writes it. */
export const rig = `rig: { x: ${-aheadM}, z: ${-upM} }`;

/** Odometry at 50 Hz, a front camera at 30 Hz whose picture i is numbered i, its lens, and where it sits. */
export const carTopics: readonly LogTopic[] = [
  odometryTopic,
  { topic: "/tf_static", schema: "tf2_msgs/msg/TFMessage" },
  { topic: "/cam/front/image_raw/compressed", schema: "sensor_msgs/msg/CompressedImage" },
  { topic: "/cam/front/camera_info", schema: "sensor_msgs/msg/CameraInfo" },
  { topic: "/note", schema: "std_msgs/msg/String" },
];

export const carMapping = `
ego: { topic: /odom, ${rig} }
cameras:
  camera_front: { topic: /cam/front/image_raw/compressed, calibration: /cam/front/camera_info }
transforms: [/tf_static]
egoSize: { lengthM: 4.6, widthM: 1.9, heightM: 1.5, rearAxleToCenterM: 1.4 }
licence: mine
`;

export async function carMessages(): Promise<LogMessage[]> {
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
  return messages;
}
