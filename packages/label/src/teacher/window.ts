/**
 * What a teacher is shown of a keyframe, in two halves that never meet before call 2.
 *
 * The history half is read through a recording that has been cut at t0: its rows after t0 are gone before anything is
 * computed, values are taken from the last row at or before a time and never interpolated, and pictures are chosen among those
 * that had been taken. So no smoothing, spline or detector can carry a later byte into call 1.
 */
import {
  type CameraIndex,
  type DriveHandle,
  navText,
  routeAt,
  type RouteStep,
} from "@causeway/data";
import {
  type EgoMotion,
  lastAtOrBefore,
  rotationAtRow,
  wrapAngle,
  yawOfQuat,
} from "@causeway/geom";
import type { MetaActionAxis, MetaActions } from "../meta-actions/tidy.ts";
import { TeacherError } from "./teacher-error.ts";

export interface WindowOptions {
  readonly historySecs: number;
  readonly futureSecs: number;
  /** Step of pictures and ego rows. */
  readonly stepSecs: number;
  /** Cameras to show, in this order; null: the first camera that looks ahead. */
  readonly cameras: readonly string[] | null;
}
export const defaultWindow: WindowOptions = {
  historySecs: 2,
  futureSecs: 6,
  stepSecs: 0.5,
  cameras: null,
};

/** One row of the ego table, rig frame of t0, left positive. */
export interface EgoRow {
  /** Seconds relative to t0. */
  readonly secs: number;
  readonly speedMps: number;
  /** Mean over the step before; null in the first row. */
  readonly accelMps2: number | null;
  readonly headingRad: number;
  readonly xM: number;
  readonly yM: number;
}

export interface TimedPicture {
  /** Seconds relative to t0, by the picture's own time stamp. */
  readonly secs: number;
  readonly bytes: Uint8Array;
  readonly mime: string;
}
export interface CameraPictures {
  readonly camera: string;
  readonly pictures: readonly TimedPicture[];
}

export interface HistoryEvidence {
  readonly ego: readonly EgoRow[];
  readonly cameras: readonly CameraPictures[];
  /** Navigation text at t0. */
  readonly navText: string | null;
}

export interface ActionSpan {
  readonly action: string;
  readonly fromSecs: number;
  readonly toSecs: number;
}
export interface FutureEvidence {
  readonly ego: readonly EgoRow[];
  readonly cameras: readonly CameraPictures[];
  readonly longitudinal: readonly ActionSpan[];
  readonly lateral: readonly ActionSpan[];
  /** Null without a map, or off its lanes. */
  readonly lane: readonly ActionSpan[] | null;
}

/** A picture older than this at its time is not shown for it. */
const maxPictureAgeUs = 250_000;
const maxRowAgeUs = 250_000;

/** Rows at or before `endUs`; nothing after it is kept. */
export function cutMotion(motion: EgoMotion, endUs: number): EgoMotion {
  const n = lastAtOrBefore(motion.stampUs, endUs) + 1;
  const { stampUs, x, y, z, qw, qx, qy, qz, vx, vy, vz } = motion;
  const cut = (column: Float64Array) => column.slice(0, n);
  return {
    stampUs: cut(stampUs),
    x: cut(x),
    y: cut(y),
    z: cut(z),
    qw: cut(qw),
    qx: cut(qx),
    qy: cut(qy),
    qz: cut(qz),
    vx: cut(vx),
    vy: cut(vy),
    vz: cut(vz),
  };
}

function rowAt(motion: EgoMotion, timeUs: number, where: string): number {
  const i = lastAtOrBefore(motion.stampUs, timeUs);
  if (i < 0 || timeUs - motion.stampUs[i] > maxRowAgeUs) {
    throw new TeacherError(
      "no-motion",
      `${where}: no ego row within ${maxRowAgeUs / 1000} ms before ${timeUs} us; the window leaves the recording or falls into a gap. Choose another keyframe.`,
    );
  }
  return i;
}

/** Times of the table in seconds relative to t0, both ends included. */
function timesOf(fromSecs: number, toSecs: number, stepSecs: number): number[] {
  const n = Math.round((toSecs - fromSecs) / stepSecs);
  return Array.from({ length: n + 1 }, (_, i) => Math.round((fromSecs + i * stepSecs) * 1e6) / 1e6);
}

function egoRows(
  motion: EgoMotion,
  t0Us: number,
  times: readonly number[],
  where: string,
): EgoRow[] {
  const yawAt = (i: number) => yawOfQuat(rotationAtRow(motion, i));
  const origin = rowAt(motion, t0Us, where);
  const yaw0 = yawAt(origin);
  const [cos, sin] = [Math.cos(yaw0), Math.sin(yaw0)];
  let before: { readonly speed: number; readonly secs: number } | null = null;
  return times.map((secs) => {
    const i = rowAt(motion, t0Us + Math.round(secs * 1e6), where);
    const yaw = yawAt(i);
    const speed = motion.vx[i] * Math.cos(yaw) + motion.vy[i] * Math.sin(yaw);
    const [dx, dy] = [motion.x[i] - motion.x[origin], motion.y[i] - motion.y[origin]];
    const row: EgoRow = {
      secs,
      speedMps: speed,
      accelMps2: before === null ? null : (speed - before.speed) / (secs - before.secs),
      headingRad: wrapAngle(yaw - yaw0),
      xM: cos * dx + sin * dy,
      yM: -sin * dx + cos * dy,
    };
    before = { speed, secs };
    return row;
  });
}

const looksAhead = (c: CameraIndex): boolean => /front|ahead|image_0?2|center/i.test(c.name);

function chosenCameras(drive: DriveHandle, wanted: WindowOptions["cameras"]): CameraIndex[] {
  const known = drive.cameras.map((c) => c.name).join(", ") || "none";
  if (wanted === null) {
    const first =
      drive.cameras.find((c) => /front_wide/.test(c.name)) ??
      drive.cameras.find(looksAhead) ??
      drive.cameras[0];
    if (first === undefined) {
      throw new TeacherError(
        "no-pictures",
        `drive ${drive.id}: has no camera, so a teacher cannot see it. Import the drive with its pictures.`,
      );
    }
    return [first];
  }
  return wanted.map((name) => {
    const found = drive.cameras.find((c) => c.name === name);
    if (found === undefined) {
      throw new TeacherError(
        "no-pictures",
        `drive ${drive.id}: has no camera "${name}"; it has ${known}.`,
      );
    }
    return found;
  });
}

/** Pictures nearest before each time, each once, none before `fromUs` or after `toUs`. */
async function picturesOf(
  drive: DriveHandle,
  options: WindowOptions,
  t0Us: number,
  times: readonly number[],
  fromUs: number,
  toUs: number,
): Promise<CameraPictures[]> {
  const out: CameraPictures[] = [];
  for (const { name, stampsUs } of chosenCameras(drive, options.cameras)) {
    const rows = new Set<number>();
    for (const secs of times) {
      const timeUs = t0Us + Math.round(secs * 1e6);
      const i = lastAtOrBefore(stampsUs, timeUs);
      if (i < 0 || timeUs - stampsUs[i] > maxPictureAgeUs) continue;
      if (stampsUs[i] < fromUs || stampsUs[i] > toUs) continue;
      rows.add(i);
    }
    const indices = [...rows];
    if (indices.length < Math.ceil(times.length / 2)) {
      throw new TeacherError(
        "no-pictures",
        `drive ${drive.id} camera ${name}: ${indices.length} of ${times.length} pictures of the window at ${t0Us} us are there; expected at least half. Choose another keyframe or camera.`,
      );
    }
    const frames = await drive.frames(name, indices);
    out.push({
      camera: name,
      pictures: frames.map((f) => ({
        secs: (f.stampUs - t0Us) / 1e6,
        bytes: f.bytes,
        mime: `image/${f.encoding}`,
      })),
    });
  }
  return out;
}

/** The half that call 1 may see. Takes no meta-actions and no keyframe reason: both know the future. */
export async function historyEvidence(
  drive: DriveHandle,
  t0Us: number,
  options: WindowOptions = defaultWindow,
): Promise<HistoryEvidence> {
  const where = `drive ${drive.id}@${t0Us}`;
  const times = timesOf(-options.historySecs, 0, options.stepSecs);
  const route: readonly RouteStep[] | null =
    drive.route?.filter((step) => step.stampUs <= t0Us) ?? null;
  return {
    ego: egoRows(cutMotion(drive.egoMotion, t0Us), t0Us, times, where),
    cameras: await picturesOf(drive, options, t0Us, times, 0, t0Us),
    navText: navText(routeAt(route, t0Us)),
  };
}

const spans = <A extends string>(
  axis: MetaActionAxis<A>,
  t0Us: number,
  endUs: number,
): ActionSpan[] =>
  (axis.isAvailable ? axis.intervals : [])
    .filter((i) => i.endUs > t0Us && i.startUs < endUs)
    .map((i) => ({
      action: i.action,
      fromSecs: Math.max(0, (i.startUs - t0Us) / 1e6),
      toSecs: (Math.min(endUs, i.endUs) - t0Us) / 1e6,
    }));

/** The half that only call 2 sees: what the car did after t0. */
export async function futureEvidence(
  drive: DriveHandle,
  t0Us: number,
  actions: MetaActions,
  options: WindowOptions = defaultWindow,
): Promise<FutureEvidence> {
  const where = `drive ${drive.id}@${t0Us}`;
  const times = timesOf(0, options.futureSecs, options.stepSecs);
  const endUs = t0Us + Math.round(options.futureSecs * 1e6);
  return {
    ego: egoRows(drive.egoMotion, t0Us, times, where),
    // The picture of t0 is the last one that call 1 saw; from there on it is the future.
    cameras: await picturesOf(drive, options, t0Us, times, t0Us - maxPictureAgeUs, endUs),
    longitudinal: spans(actions.axes.longitudinal, t0Us, endUs),
    lateral: spans(actions.axes.lateral, t0Us, endUs),
    lane: actions.axes.lane.isAvailable ? spans(actions.axes.lane, t0Us, endUs) : null,
  };
}
