/** Rig motion from an odometry, pose or transform topic of any recording. */
import {
  angleBetween,
  composeSe3,
  type EgoMotion,
  quatFromYawPitchRoll,
  rotateByQuat,
  rotationOf,
  type Se3,
  se3From,
  yawOfQuat,
} from "@causeway/geom";
import { FormatError } from "../errors.ts";
import { newMotion } from "../motion-columns.ts";
import { type FrameTree, plainFrame } from "./frame-tree.ts";
import { localSlopes } from "./local-slope.ts";
import type { RigOffset, TopicMapping } from "./topic-mapping.ts";
import type { TopicMessage } from "./topic-messages.ts";

interface Vector {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** One pose of the vehicle frame, absolute time. */
export interface EgoRow {
  readonly stampUs: number;
  readonly worldFromVehicle: Se3;
  /** Velocity and turn rate in the vehicle frame, where the message has them. */
  readonly twist: { readonly linear: Vector; readonly angular: Vector } | null;
  readonly world: string;
  /** "" where the message does not name it. */
  readonly vehicle: string;
}

export function egoRowOf({ kind, logUs, view }: TopicMessage, clock: "stamp" | "log"): EgoRow {
  const stampUs = stampOf(view, logUs, clock);
  const world = view.has("header.frame_id") ? view.text("header.frame_id") : frameOf(view);
  const isNested = view.has("pose.pose");
  const row = {
    stampUs,
    worldFromVehicle: view.pose(isNested ? "pose.pose" : "pose"),
    world: plainFrame(world),
  };
  if (kind !== "odometry") return { ...row, twist: null, vehicle: "" };
  return {
    ...row,
    twist: {
      linear: view.vector("twist.twist.linear"),
      angular: view.vector("twist.twist.angular"),
    },
    vehicle: view.has("child_frame_id") ? plainFrame(view.text("child_frame_id")) : "",
  };
}

const frameOf = (view: TopicMessage["view"]): string =>
  view.has("frame_id") ? view.text("frame_id") : "";

/** Time of a message: its own stamp (`header.stamp` or `timestamp`), or when it was logged. */
export function stampOf(view: TopicMessage["view"], logUs: number, clock: "stamp" | "log"): number {
  if (clock === "log") return logUs;
  return view.timeUs(view.has("header") ? "header.stamp" : "timestamp");
}

/** Poses of the vehicle where only transforms are recorded: at the times of the most frequent link on the way. */
export function egoRowsOfTree(
  tree: FrameTree,
  world: string,
  vehicle: string,
  place: { readonly path: string },
): EgoRow[] {
  const times = tree.timesOf(world, vehicle);
  if (times === null || times.length === 0) {
    throw new FormatError(
      "missing",
      place,
      `${times === null ? "no chain of transforms" : "no moving transform"} from "${world}" to "${vehicle}" (mapping: ego.world, ego.vehicle); frames in it: ${tree.frames.join(", ") || "none"}. Name two of them that a moving transform joins.`,
    );
  }
  const rows: EgoRow[] = [];
  for (const stampUs of times) {
    const worldFromVehicle = tree.at(world, vehicle, stampUs);
    if (worldFromVehicle !== null) {
      rows.push({ stampUs, worldFromVehicle, twist: null, world, vehicle });
    }
  }
  return rows;
}

export interface TopicMotion {
  readonly motion: EgoMotion;
  /** Absolute time of the drive's 0. */
  readonly startUs: number;
  /** The drive's origin in the poses' world frame, m. */
  readonly origin: { readonly x: number; readonly y: number; readonly z: number };
  readonly notes: readonly string[];
}

const radians = (deg: number): number => (deg * Math.PI) / 180;

export function se3OfOffset(o: RigOffset): Se3 {
  const q = quatFromYawPitchRoll(radians(o.yawDeg), radians(o.pitchDeg), radians(o.rollDeg));
  return se3From(o.x, o.y, o.z, q);
}

export const noOffset: RigOffset = { x: 0, y: 0, z: 0, yawDeg: 0, pitchDeg: 0, rollDeg: 0 };

export function motionOfRows(
  path: string,
  all: readonly EgoRow[],
  ego: TopicMapping["ego"],
): TopicMotion {
  // The same measurement sent twice.
  const rows = all.filter((row, i) => i === 0 || row.stampUs !== all[i - 1].stampUs);
  if (rows.length < 2) {
    throw new FormatError(
      "value",
      { path },
      `topic ${ego.topic} has ${rows.length} poses; expected at least 2. The recording is empty, or all its times are the same: with "clock: log" the times of the recorder are taken.`,
    );
  }
  const back = rows.findIndex((row, i) => i > 0 && row.stampUs < rows[i - 1].stampUs);
  if (back > 0) {
    throw new FormatError(
      "value",
      { path, row: back + 1 },
      `topic ${ego.topic}: time ${(rows[back].stampUs * 1e-6).toFixed(6)} s comes after ${(rows[back - 1].stampUs * 1e-6).toFixed(6)} s; expected increasing times. Cut the recording there, or take the recorder's times with "clock: log".`,
    );
  }
  const startUs = rows[0].stampUs;
  const vehicleFromRig = se3OfOffset(ego.rig ?? noOffset);
  const motion = newMotion(Float64Array.from(rows, (r) => r.stampUs - startUs));
  const first = composeSe3(rows[0].worldFromVehicle, vehicleFromRig);
  for (const [i, row] of rows.entries()) {
    const p = composeSe3(row.worldFromVehicle, vehicleFromRig);
    motion.x[i] = p.x - first.x;
    motion.y[i] = p.y - first.y;
    motion.z[i] = p.z - first.z;
    const length = Math.hypot(p.qw, p.qx, p.qy, p.qz);
    motion.qw[i] = p.qw / length;
    motion.qx[i] = p.qx / length;
    motion.qy[i] = p.qy / length;
    motion.qz[i] = p.qz / length;
  }
  const hasTwist = rows.some((r) => r.twist !== null && Math.hypot(...xyz(r.twist.linear)) > 1e-6);
  if (ego.velocity === "twist" && !hasTwist) {
    throw new FormatError(
      "missing",
      { path },
      `topic ${ego.topic} has no twist, or only zeros, and the mapping asks for it (ego.velocity). Take the positions instead.`,
    );
  }
  const byTwist = hasTwist && ego.velocity !== "positions";
  if (byTwist) {
    for (const [i, { twist, worldFromVehicle }] of rows.entries()) {
      if (twist === null) continue;
      // The rig turns with the car: its arm adds to the velocity of the vehicle frame.
      const { linear: v, angular: w } = twist;
      const { x, y, z } = vehicleFromRig;
      const world = rotateByQuat(
        rotationOf(worldFromVehicle),
        v.x + w.y * z - w.z * y,
        v.y + w.z * x - w.x * z,
        v.z + w.x * y - w.y * x,
      );
      motion.vx[i] = world.x;
      motion.vy[i] = world.y;
      motion.vz[i] = world.z;
    }
  } else {
    motion.vx.set(localSlopes(motion.stampUs, motion.x));
    motion.vy.set(localSlopes(motion.stampUs, motion.y));
    motion.vz.set(localSlopes(motion.stampUs, motion.z));
  }
  requireForward(path, motion, `topic ${ego.topic}`, "ego.rig.yawDeg in the mapping turns the rig");
  const repeats = all.length - rows.length;
  return {
    motion,
    startUs,
    origin: { x: first.x, y: first.y, z: first.z },
    notes: [
      `Ego motion from ${ego.topic}; ${byTwist ? "velocity from its twist" : "velocity is the slope of the positions over 0.2 s"}.`,
      ego.rig === undefined
        ? `The origin of the frame "${rows[0].vehicle || (ego.vehicle ?? "vehicle")}" is taken as the rear axle on the ground.`
        : `The rear axle is at (${ego.rig.x}, ${ego.rig.y}, ${ego.rig.z}) m in the vehicle frame, as the mapping says.`,
      `World: frame "${rows[0].world}", taken as right-handed with z up, its origin moved to the first pose.`,
      ...(repeats > 0 ? [`${repeats} poses with the time of the one before left out.`] : []),
    ],
  };
}

const xyz = ({ x, y, z }: Vector): [number, number, number] => [x, y, z];

const minHeadingSpeedMps = 3;
const maxHeadingErrorRad = 0.6;
const minHeadingRows = 10;

/** A car travels along its x axis: another axis order, a mirrored world or a camera's pose shows here. */
export function requireForward(
  path: string,
  motion: EgoMotion,
  what: string,
  remedy: string,
): void {
  const errors: number[] = [];
  for (let i = 0; i < motion.stampUs.length; i++) {
    if (Math.hypot(motion.vx[i], motion.vy[i]) < minHeadingSpeedMps) continue;
    const q = { w: motion.qw[i], x: motion.qx[i], y: motion.qy[i], z: motion.qz[i] };
    errors.push(angleBetween(yawOfQuat(q), Math.atan2(motion.vy[i], motion.vx[i])));
  }
  if (errors.length < minHeadingRows) return;
  errors.sort((a, b) => Math.abs(a) - Math.abs(b));
  const median = errors[errors.length >> 1];
  if (Math.abs(median) > maxHeadingErrorRad) {
    throw new FormatError(
      "value",
      { path },
      `${what}: the car travels ${((median * 180) / Math.PI).toFixed(0)} degrees off its x axis (median of ${errors.length} rows above ${minHeadingSpeedMps} m/s); expected x forward, y left, z up, yaw counter-clockwise. Check the axes; ${remedy}.`,
    );
  }
}
