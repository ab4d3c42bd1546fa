/** What must hold of every `Drive` before it is written: parse once at the edge, trust inside. */
import type { EgoMotion } from "@causeway/geom";
import type { Drive, Polyline, RoadMap } from "./drive.ts";
import { FormatError, type InputPlace } from "./errors.ts";
import { hasMotion, motionColumns } from "./motion-columns.ts";
import { futureCount } from "./sample.ts";

export interface MotionLimits {
  /** Faster than any road vehicle: a wrong unit or a jump of the localisation. */
  readonly maxSpeedMps: number;
  /** Steps of the position imply a speed; two times of one pose can be inexact, so it may be higher. */
  readonly maxStepSpeedMps: number;
  readonly quatTolerance: number;
}
export const motionLimits: MotionLimits = {
  maxSpeedMps: 80,
  maxStepSpeedMps: 100,
  quatTolerance: 1e-3,
};

/** Where the rows of a motion came from, so that an error names the row of the file and not the index of an array. */
export interface MotionOrigin {
  readonly path: string;
  /** Row or line of the source (from 1) for row i of the motion. Default: i + 1. */
  rowOf?(i: number): number;
}

/** Throws a `FormatError` that names file, row and value unless the motion is finite, ordered and plausible. */
export function checkMotion(
  motion: EgoMotion,
  origin: MotionOrigin,
  limits: MotionLimits = motionLimits,
): void {
  const { stampUs } = motion;
  const n = stampUs.length;
  const at = (i: number): InputPlace => ({ path: origin.path, row: origin.rowOf?.(i) ?? i + 1 });
  if (n < 2) {
    throw new FormatError(
      "value",
      { path: origin.path },
      `${n} poses; expected at least 2. The recording is empty or was cut.`,
    );
  }
  for (const name of motionColumns) {
    if (motion[name].length !== n) {
      throw new FormatError(
        "value",
        { path: origin.path },
        `column ${name} has ${motion[name].length} rows and the times have ${n}; expected as many.`,
      );
    }
  }
  for (let i = 0; i < n; i++) {
    const t = stampUs[i];
    if (!Number.isInteger(t) || t < 0) {
      throw new FormatError(
        "value",
        at(i),
        `time is ${t} us; expected whole microseconds from the start of the drive, 0 or more.`,
      );
    }
    if (i > 0 && t <= stampUs[i - 1]) {
      throw new FormatError(
        "value",
        at(i),
        `time ${t} us comes after ${stampUs[i - 1]} us; expected strictly increasing times. Sort the rows and drop repeats, or cut the recording there.`,
      );
    }
    for (const name of motionColumns) {
      if (!Number.isFinite(motion[name][i])) {
        throw new FormatError(
          "value",
          at(i),
          `${name} is ${motion[name][i]}; expected a finite number. Repair the row or cut the recording there.`,
        );
      }
    }
    const length = Math.hypot(motion.qw[i], motion.qx[i], motion.qy[i], motion.qz[i]);
    if (Math.abs(length - 1) > limits.quatTolerance) {
      throw new FormatError(
        "value",
        at(i),
        `quaternion has length ${length}; expected 1 within ${limits.quatTolerance}. Check the column order (w, x, y, z).`,
      );
    }
    if (i > 0) {
      const step = Math.hypot(
        motion.x[i] - motion.x[i - 1],
        motion.y[i] - motion.y[i - 1],
        motion.z[i] - motion.z[i - 1],
      );
      const stepSpeed = step / ((t - stampUs[i - 1]) * 1e-6);
      // Neighbours a few microseconds apart make any rounding of the position look like a jump.
      if (stepSpeed > limits.maxStepSpeedMps && step > 0.5) {
        throw new FormatError(
          "value",
          at(i),
          `position jumps ${step.toFixed(1)} m in ${(t - stampUs[i - 1]) * 1e-6} s (${stepSpeed.toFixed(0)} m/s); expected at most ${limits.maxStepSpeedMps} m/s. Cut the recording there.`,
        );
      }
    }
  }
  // After the positions: a jump there spoils the velocities of its neighbours.
  for (let i = 0; i < n; i++) {
    const speed = Math.hypot(motion.vx[i], motion.vy[i], motion.vz[i]);
    if (speed > limits.maxSpeedMps) {
      throw new FormatError(
        "value",
        at(i),
        `speed is ${speed.toFixed(1)} m/s; expected at most ${limits.maxSpeedMps}. Check the unit, or cut out the jump.`,
      );
    }
  }
}

/** Gaps between rows longer than `limitUs`: no sample spans one. */
export function motionGaps(
  motion: EgoMotion,
  limitUs: number,
): readonly { readonly row: number; readonly fromUs: number; readonly toUs: number }[] {
  const gaps = [];
  for (let i = 1; i < motion.stampUs.length; i++) {
    const fromUs = motion.stampUs[i - 1];
    const toUs = motion.stampUs[i];
    if (toUs - fromUs > limitUs) gaps.push({ row: i, fromUs, toUs });
  }
  return gaps;
}

/** Ids become file names and parts of sample ids. */
export const driveIdPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const cameraNamePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Makes any text usable as (part of) a drive id: other characters become "_". */
export function driveIdFrom(...parts: readonly string[]): string {
  const id = parts.map((p) => p.replace(/[^A-Za-z0-9._-]+/g, "_")).join("-");
  return id.replace(/^[.-]+/, "_").slice(0, 128);
}

/** Throws a `FormatError` unless the drive can be written and read back the same. */
export function checkDrive(drive: Drive): void {
  const place: InputPlace = { path: `drive ${drive.id}` };
  const fail = (what: string): never => {
    throw new FormatError("value", place, what);
  };
  if (!driveIdPattern.test(drive.id)) {
    fail(
      `id ${JSON.stringify(drive.id)} is no file name; expected letters, digits, ".", "_" and "-", at most 128. Use driveIdFrom().`,
    );
  }
  if (hasMotion(drive)) checkMotion(drive.egoMotion, { path: `${place.path} egoMotion` });
  const lastUs = drive.egoMotion.stampUs.at(-1) ?? 0;
  if (!Number.isInteger(drive.durationUs) || drive.durationUs < lastUs) {
    fail(
      `durationUs is ${drive.durationUs}; expected whole microseconds, at least ${lastUs} (the last pose).`,
    );
  }
  const stamps = (what: string, rows: readonly { readonly stampUs: number }[]) => {
    rows.forEach(({ stampUs }, i) => {
      const before = i === 0 ? -1 : rows[i - 1].stampUs;
      if (!Number.isInteger(stampUs) || stampUs <= before || stampUs > drive.durationUs) {
        fail(
          `${what} row ${i + 1} has stamp ${stampUs} us after ${before} us; expected whole microseconds, strictly increasing, within 0 … ${drive.durationUs}.`,
        );
      }
    });
  };
  const finite = (what: string, value: object) => {
    for (const [key, v] of Object.entries(value)) {
      if (typeof v === "number" && !Number.isFinite(v)) {
        fail(`${what}.${key} is ${v}; expected a finite number.`);
      }
    }
  };
  if (drive.egoSize !== null) finite("egoSize", drive.egoSize);
  if (drive.source.seed !== null) finite("source", drive.source);
  const names = new Set<string>();
  for (const camera of drive.cameras) {
    if (!cameraNamePattern.test(camera.name) || names.has(camera.name)) {
      fail(
        `camera name ${JSON.stringify(camera.name)}; expected letters, digits, "_", "." and "-", each name once.`,
      );
    }
    names.add(camera.name);
    stamps(`camera ${camera.name}`, camera.frames);
    const { lens } = camera;
    if (lens !== undefined) {
      const { rigFromCamera, forward, backward, ...rest } = lens;
      finite(`camera ${camera.name} lens`, rest);
      finite(`camera ${camera.name} lens forward`, forward);
      finite(`camera ${camera.name} lens backward`, backward);
      finite(`camera ${camera.name} rigFromCamera`, rigFromCamera);
    }
    if (camera.calibration !== null) {
      const { rigFromCamera, ...intrinsics } = camera.calibration;
      finite(`camera ${camera.name} calibration`, intrinsics);
      finite(`camera ${camera.name} rigFromCamera`, rigFromCamera);
      for (const size of [intrinsics.width, intrinsics.height]) {
        if (!Number.isInteger(size) || size < 1 || size > 65535) {
          fail(
            `camera ${camera.name} is ${intrinsics.width}x${intrinsics.height}; expected pixels, 1 … 65535.`,
          );
        }
      }
    }
  }
  if (drive.actors !== null) {
    stamps("actors", drive.actors);
    drive.actors.forEach(({ actors }, row) => {
      for (const actor of actors) {
        finite(`actors row ${row + 1} actor ${actor.id}`, actor);
        if ((actor.id | 0) !== actor.id) {
          fail(`actors row ${row + 1} has id ${actor.id}; expected a 32-bit integer.`);
        }
      }
    });
  }
  if (drive.lights !== null) stamps("lights", drive.lights);
  if (drive.route !== null) {
    stamps("route", drive.route);
    drive.route.forEach((step, i) => finite(`route row ${i + 1}`, step));
  }
  if (drive.decisions !== null) {
    stamps("decisions", drive.decisions);
    drive.decisions.forEach(({ decision }, row) => {
      for (const c of decision.components) {
        finite(`decisions row ${row + 1} component ${c.id}`, c.attributes);
      }
    });
  }
  if (drive.reasoning !== undefined) stamps("reasoning", drive.reasoning);
  if (drive.questions !== undefined) {
    stamps("questions", drive.questions);
    drive.questions.forEach(({ objects }, row) => {
      for (const { name, boxPx } of objects)
        if (boxPx !== null) finite(`questions row ${row + 1} object ${name} boxPx`, boxPx);
    });
  }
  if (drive.takeovers !== undefined) {
    stamps("takeovers", drive.takeovers);
    drive.takeovers.forEach(({ path }, row) => {
      for (const column of [path.x, path.y, path.z, path.yaw]) {
        if (column.length !== futureCount || !column.every(Number.isFinite))
          fail(`takeovers row ${row + 1}: expected ${futureCount} finite rows.`);
      }
    });
  }
  if (drive.map !== null) checkMap(drive.map, fail);
}

function checkMap(map: RoadMap, fail: (what: string) => never): void {
  const line = (what: string, polyline: Polyline) => {
    if (polyline.x.length !== polyline.y.length) {
      fail(`${what} has ${polyline.x.length} x and ${polyline.y.length} y; expected as many.`);
    }
    for (let i = 0; i < polyline.x.length; i++) {
      if (!Number.isFinite(polyline.x[i]) || !Number.isFinite(polyline.y[i])) {
        fail(`${what} point ${i} is (${polyline.x[i]}, ${polyline.y[i]}); expected finite metres.`);
      }
    }
  };
  const integer = (what: string, id: number | null) => {
    if (id !== null && !Number.isSafeInteger(id)) fail(`${what} is ${id}; expected an integer.`);
  };
  for (const lane of map.lanes) {
    integer("map lane id", lane.id);
    for (const id of lane.successors) integer(`map lane ${lane.id} successor`, id);
    line(`map lane ${lane.id} centerline`, lane.centerline);
    line(`map lane ${lane.id} left`, lane.left);
    line(`map lane ${lane.id} right`, lane.right);
    if (lane.speedLimitMps !== null && !Number.isFinite(lane.speedLimitMps)) {
      fail(
        `map lane ${lane.id} speedLimitMps is ${lane.speedLimitMps}; expected a number or null.`,
      );
    }
  }
  map.drivable.forEach((ring, i) => line(`map drivable ${i}`, ring));
  map.crosswalks.forEach((ring, i) => line(`map crosswalk ${i}`, ring));
  map.stopLines.forEach((stop, i) => {
    line(`map stop line ${i}`, stop.line);
    integer(`map stop line ${i} lightId`, stop.lightId);
  });
  for (const light of map.lights) {
    integer("map light id", light.id);
    for (const v of [light.x, light.y, light.z, light.yaw]) {
      if (!Number.isFinite(v)) fail(`map light ${light.id} has ${v}; expected finite numbers.`);
    }
  }
}
