/** Writes small logs in the formats that are imported: a car on a left circle with a camera ahead of its rear axle. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  matrixFromQuat,
  multiplyQuat,
  type Quat,
  quatFromMatrix,
  quatFromYaw,
} from "@causeway/geom";
import * as arrow from "apache-arrow";
import * as lz4 from "lz4js";
import { ecefFromGeodetic, enuFromEcefAt } from "../src/sources/earth.ts";

export const speedMps = 10;
export const yawRateRadps = 0.1;

/** Rig pose at a time: heading starts at `yaw0`. */
export function rigAt(t: number, yaw0 = 0) {
  const yaw = yaw0 + yawRateRadps * t;
  const r = speedMps / yawRateRadps;
  return {
    x: r * (Math.sin(yaw) - Math.sin(yaw0)),
    y: -r * (Math.cos(yaw) - Math.cos(yaw0)),
    yaw,
  };
}

/** NumPy version 1 array of doubles. */
export function npy(shape: readonly number[], values: ArrayLike<number>, descr = "<f8"): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const header = `${text.padEnd(128 - 10 - 1)}\n`;
  const head = Buffer.alloc(10);
  head.write("\x93NUMPY", "latin1");
  head[6] = 1;
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, Buffer.from(header), Buffer.from(Float64Array.from(values).buffer)]);
}

export interface CommaLog {
  readonly seconds: number;
  /** Camera turned left of the car and downwards. */
  readonly turnLeftRad: number;
  readonly downRad: number;
  readonly aheadM: number;
  readonly upM: number;
}

/** Writes a comma2k19 segment at `<dir>/<route>/<segment>` and returns that folder. */
export async function writeCommaLog(dir: string, log: CommaLog): Promise<string> {
  const folder = join(dir, "aaaaaaaaaaaaaaaa|2018-01-01--00-00-00", "3");
  await mkdir(join(folder, "global_pose"), { recursive: true });
  const place = { latRad: 0.65, lonRad: -2.13, altM: 30 };
  const ecef = ecefFromGeodetic(place);
  const e = enuFromEcefAt(place);
  const ecefFromEnu = (x: number, y: number, z: number) => [
    e[0] * x + e[3] * y + e[6] * z,
    e[1] * x + e[4] * y + e[7] * z,
    e[2] * x + e[5] * y + e[8] * z,
  ];
  const enuFromEcefQuat = quatFromMatrix(e);
  const ecefFromEnuQuat: Quat = {
    w: enuFromEcefQuat.w,
    x: -enuFromEcefQuat.x,
    y: -enuFromEcefQuat.y,
    z: -enuFromEcefQuat.z,
  };
  const down: Quat = { w: Math.cos(log.downRad / 2), x: 0, y: Math.sin(log.downRad / 2), z: 0 };
  const n = log.seconds * 20;
  const times: number[] = [];
  const positions: number[] = [];
  const velocities: number[] = [];
  const orientations: number[] = [];
  for (let i = 0; i < n; i++) {
    const t = i / 20;
    const rig = rigAt(t, 0.5);
    const [cos, sin] = [Math.cos(rig.yaw), Math.sin(rig.yaw)];
    times.push(1000 + t);
    const p = ecefFromEnu(rig.x + log.aheadM * cos, rig.y + log.aheadM * sin, log.upM);
    positions.push(ecef[0] + p[0], ecef[1] + p[1], ecef[2] + p[2]);
    // The camera swings outwards by yaw rate times its distance from the axle.
    const swing = yawRateRadps * log.aheadM;
    velocities.push(...ecefFromEnu(speedMps * cos - swing * sin, speedMps * sin + swing * cos, 0));
    const enuFromCamera = multiplyQuat(quatFromYaw(rig.yaw + log.turnLeftRad), down);
    // Camera axes forward, right, down.
    const q = multiplyQuat(
      ecefFromEnuQuat,
      multiplyQuat(enuFromCamera, { w: 0, x: 1, y: 0, z: 0 }),
    );
    orientations.push(q.w, q.x, q.y, q.z);
  }
  const write = (name: string, shape: number[], values: number[]) =>
    writeFile(join(folder, "global_pose", name), npy(shape, values));
  await write("frame_times", [n], times);
  await write("frame_positions", [n, 3], positions);
  await write("frame_velocities", [n, 3], velocities);
  await write("frame_orientations", [n, 4], orientations);
  return folder;
}

/** Lines of a KITTI pose file: the camera `aheadM` before the rig, axes x right, y down, z forward. */
export function kittiLines(poses: number, aheadM: number): string[] {
  const b = [
    [0, 0, 1],
    [-1, 0, 0],
    [0, -1, 0],
  ];
  const lines = [];
  for (let i = 0; i < poses; i++) {
    const rig = rigAt(i / 10);
    const r = matrixFromQuat(quatFromYaw(rig.yaw));
    const p = [rig.x + aheadM * Math.cos(rig.yaw) - aheadM, rig.y + aheadM * Math.sin(rig.yaw), 0];
    const rows = [0, 1, 2].map((row) => {
      const turned = [0, 1, 2].map((col) => {
        let sum = 0;
        for (let j = 0; j < 3; j++)
          for (let k = 0; k < 3; k++) sum += b[j][row] * r[3 * j + k] * b[k][col];
        return sum;
      });
      return [...turned, b[0][row] * p[0] + b[1][row] * p[1] + b[2][row] * p[2]];
    });
    lines.push(
      rows
        .flat()
        .map((v) => v.toExponential(9))
        .join(" "),
    );
  }
  return lines;
}

type Column = readonly number[] | readonly bigint[] | readonly string[];

/** Feather file with LZ4 buffers, as the data set's are. */
export function feather(columns: Readonly<Record<string, Column>>): Uint8Array {
  arrow.compressionRegistry.set(arrow.CompressionType.LZ4_FRAME, {
    encode: (bytes) => lz4.compress(bytes),
    decode: (bytes) => lz4.decompress(bytes),
  });
  const vectors = Object.fromEntries(
    Object.entries(columns).map(([name, values]) => {
      const first = values[0];
      if (typeof first === "bigint") {
        return [name, arrow.vectorFromArray(values as bigint[], new arrow.Int64())];
      }
      if (typeof first === "string") {
        return [name, arrow.vectorFromArray(values as string[], new arrow.Utf8())];
      }
      return [name, arrow.vectorFromArray(values as number[], new arrow.Float64())];
    }),
  );
  return arrow.tableToIPC(new arrow.Table(vectors), "file", arrow.CompressionType.LZ4_FRAME);
}

/** Far from zero, as real city frames and clocks are. */
export const cityOrigin = { x: 5000, y: -2000, z: 66 };
export const firstNs = 315966253572412942n;
export const axleM = 0.33;

export async function writeArgoverse2Log(dir: string, seconds = 12): Promise<string> {
  const folder = join(dir, "7fab-log");
  await mkdir(join(folder, "map"), { recursive: true });
  const t: bigint[] = [];
  for (let i = 0; i <= seconds * 100; i++) {
    const ns = firstNs + BigInt(i) * 10_000_000n;
    t.push(ns);
    // A near-duplicate 40 ns later whose position is a few centimetres off, as unions of sensor clocks have.
    if (i % 7 === 3) t.push(ns + 40n);
  }
  const rows = t.map((ns, i) => {
    const rig = rigAt(Number(ns - firstNs) * 1e-9);
    const isDuplicate = i > 0 && ns - t[i - 1] < 1000n;
    return { ns, x: rig.x + (isDuplicate ? 0.04 : 0), y: rig.y, q: quatFromYaw(rig.yaw) };
  });
  await writeFile(
    join(folder, "city_SE3_egovehicle.feather"),
    feather({
      timestamp_ns: t,
      qw: rows.map((r) => r.q.w),
      qx: rows.map(() => 0),
      qy: rows.map(() => 0),
      qz: rows.map((r) => r.q.z),
      tx_m: rows.map((r) => r.x + cityOrigin.x),
      ty_m: rows.map((r) => r.y + cityOrigin.y),
      tz_m: rows.map(() => cityOrigin.z + axleM),
    }),
  );
  // One parked car at city (origin + (30, 5)), seen from the moving ego, and one box of the ego itself.
  const boxes = Array.from({ length: seconds * 10 }, (_, i) => {
    const at = i * 0.1;
    const rig = rigAt(at);
    const [dx, dy] = [30 - rig.x, 5 - rig.y];
    return {
      ns: firstNs + BigInt(i) * 100_000_000n,
      x: dx * Math.cos(rig.yaw) + dy * Math.sin(rig.yaw),
      y: -dx * Math.sin(rig.yaw) + dy * Math.cos(rig.yaw),
      q: quatFromYaw(0.7 - rig.yaw),
    };
  });
  const both = <T>(car: readonly T[], ego: T) => [...car, ...car.map(() => ego)];
  await writeFile(
    join(folder, "annotations.feather"),
    feather({
      timestamp_ns: [...boxes, ...boxes].map((b) => b.ns),
      track_uuid: both(
        boxes.map(() => "a-track"),
        "ego",
      ),
      category: both(
        boxes.map(() => "REGULAR_VEHICLE"),
        "EGO_VEHICLE",
      ),
      length_m: both(
        boxes.map(() => 4.5),
        4.877,
      ),
      width_m: both(
        boxes.map(() => 1.9),
        2,
      ),
      height_m: both(
        boxes.map(() => 1.5),
        1.473,
      ),
      qw: both(
        boxes.map((b) => b.q.w),
        1,
      ),
      qx: both(
        boxes.map(() => 0),
        0,
      ),
      qy: both(
        boxes.map(() => 0),
        0,
      ),
      qz: both(
        boxes.map((b) => b.q.z),
        0,
      ),
      tx_m: both(
        boxes.map((b) => b.x),
        0,
      ),
      ty_m: both(
        boxes.map((b) => b.y),
        0,
      ),
      tz_m: both(
        boxes.map(() => 0.75 - axleM),
        0,
      ),
    }),
  );
  await writeFile(join(folder, "map", "log_map_archive_7fab-log.json"), JSON.stringify(cityMap()));
  return folder;
}

/** One lane without a centre line, one bicycle lane, a crossing and a drivable area, in city coordinates. */
export function cityMap() {
  const at = (x: number, y: number) => ({ x: x + cityOrigin.x, y: y + cityOrigin.y, z: 66 });
  const lane = (id: number, type: string) => ({
    id,
    is_intersection: false,
    lane_type: type,
    left_lane_boundary: [at(0, 2), at(10, 2), at(40, 2)],
    left_lane_mark_type: "DASHED_WHITE",
    right_lane_boundary: [at(0, -2), at(40, -2)],
    right_lane_mark_type: "DOUBLE_SOLID_YELLOW",
    successors: [99],
    predecessors: [],
    left_neighbor_id: null,
    right_neighbor_id: null,
  });
  return {
    lane_segments: { 7: lane(7, "VEHICLE"), 8: lane(8, "BIKE") },
    drivable_areas: { 1: { id: 1, area_boundary: [at(0, -3), at(40, -3), at(40, 3)] } },
    pedestrian_crossings: {
      2: { id: 2, edge1: [at(20, -2), at(20, 2)], edge2: [at(23, -2), at(23, 2)] },
    },
  };
}

/** A row of a CARLA manifest; tests damage it. */
export interface CarlaRow {
  [key: string]: string | number | null;
}

/** A left turn of 1.2 rad in CARLA's left-handed coordinates, after a straight; 10 Hz. */
export function carlaLeftTurn(): CarlaRow[] {
  const rows: CarlaRow[] = [];
  let [x, y, yaw] = [10, 50, 0.3];
  for (let i = 0; i < 120; i++) {
    const isTurning = i >= 60 && i < 100;
    rows.push({
      episode_id: "ep0",
      frame_id: 2 * i,
      timestamp: 30 + i / 10,
      speed: 5,
      command: i > 50 ? "left" : "lane_follow",
      steer: isTurning ? -0.3 : 0,
      vehicle_x: x,
      vehicle_y: y,
      vehicle_z: 0,
      vehicle_yaw_deg: (yaw * 180) / Math.PI,
      planner_state: i < 30 ? "car_follow" : "lane_follow",
      follow_target_id: i < 30 ? 7 : null,
      follow_target_distance_m: i < 30 ? 12 : null,
      follow_target_speed_mps: i < 30 ? 5 : null,
      town_id: "Town01",
      route_id: "r1",
    });
    if (isTurning) yaw -= 0.03;
    x += 0.5 * Math.cos(yaw);
    y += 0.5 * Math.sin(yaw);
  }
  return rows;
}
