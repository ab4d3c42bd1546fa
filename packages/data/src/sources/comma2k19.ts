/**
 * comma2k19 segments: NumPy arrays without extension, camera poses in earth-centred coordinates at 20 Hz.
 * A folder that holds `global_pose/` is a segment; the folder above it is the route, one recording.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  angleBetween,
  type EgoMotion,
  multiplyQuat,
  normalizeQuat,
  type Quat,
  quatFromMatrix,
  quatFromYawPitchRoll,
  rotateByQuat,
  conjugateQuat,
  yawOfQuat,
} from "@causeway/geom";
import { checkMotion, driveIdFrom, motionGaps } from "../check-drive.ts";
import type { CameraStream, Drive, PinholeCalibration } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { openVideo } from "../video/open-video.ts";
import {
  type CameraMount,
  type CameraPoses,
  mountArm,
  rigFromCameraPoses,
} from "./camera-poses.ts";
import { enuFromEcefAt, geodeticFromEcef } from "./earth.ts";
import { readNpy } from "./npy.ts";
import {
  type DriveRef,
  type DriveSource,
  gapLimitUs,
  type ReadOptions,
  requireIncreasing,
} from "./source.ts";
import { keptFrames, picturesOf, wantsCamera } from "./video-pictures.ts";

const arrays = [
  "frame_times",
  "frame_positions",
  "frame_velocities",
  "frame_orientations",
] as const;

/** The camera is behind the windscreen; the data set does not say where. Its turn against the car is measured per drive. */
export const commaMountM = { aheadM: 1.9, leftM: 0, upM: 1.22 } as const;

/** Below this the direction of travel says little about where the car points. */
const minCalibrationSpeedMps = 5;
const minCalibrationRows = 100;

/** Raw stream with one frame per row of `frame_times`. */
const videoName = "video.hevc";
const cameraName = "camera_front";
/** Pinhole of the data set's own notebooks, for pictures of 1164 x 874. */
const lens = { width: 1164, height: 874, fx: 910, fy: 910, cx: 582, cy: 437 } as const;
/** Camera axes (z forward, x right, y down) seen from the rig when it looks straight ahead. */
const rigFromStraightCamera: Quat = { w: 0.5, x: -0.5, y: 0.5, z: -0.5 };

/** The two cars of the data set, by the first part of the route name. */
const cars: Readonly<Record<string, NonNullable<Drive["egoSize"]>>> = {
  b0c9d2329ad1606b: { lengthM: 4.6, widthM: 1.85, heightM: 1.7, rearAxleToCenterM: 1.3 },
  "99c94dc769b5d96e": { lengthM: 4.52, widthM: 1.8, heightM: 1.43, rearAxleToCenterM: 1.35 },
};

/** Forward-right-down axes to forward-left-up: half a turn about x. */
const rightDownFromLeftUp: Quat = { w: 0, x: 1, y: 0, z: 0 };

interface Track extends CameraPoses {
  /** East-north-up, m/s. */
  readonly velocity: readonly (readonly [number, number, number])[];
}

async function readTrack(folder: string): Promise<Track> {
  const file = (name: (typeof arrays)[number]) => join(folder, "global_pose", name);
  const times = await readNpy(file("frame_times"), [null]);
  const n = times.shape[0];
  if (n < 2) {
    throw new FormatError(
      "truncated",
      { path: file("frame_times") },
      `${n} times; expected at least 2. The segment is empty; leave it out.`,
    );
  }
  const positions = await readNpy(file("frame_positions"), [n, 3]);
  const velocities = await readNpy(file("frame_velocities"), [n, 3]);
  const orientations = await readNpy(file("frame_orientations"), [n, 4]);
  for (const [name, { values, shape }] of [
    ["frame_times", times],
    ["frame_positions", positions],
    ["frame_velocities", velocities],
    ["frame_orientations", orientations],
  ] as const) {
    const width = shape[1] ?? 1;
    const bad = values.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) {
      throw new FormatError(
        "value",
        { path: file(name), row: Math.floor(bad / width) + 1 },
        `column ${(bad % width) + 1} is ${values[bad]}; expected a finite number. Leave this segment out, or repair the row.`,
      );
    }
  }
  requireIncreasing(file("frame_times"), "time", times.values);
  const p = positions.values;
  const radiusM = Math.hypot(p[0], p[1], p[2]);
  if (!(radiusM > 6.3e6 && radiusM < 6.4e6)) {
    throw new FormatError(
      "value",
      { path: file("frame_positions"), row: 1 },
      `position is ${radiusM.toFixed(0)} m from the centre of the earth; expected earth-centred (ECEF) metres near the surface, 6.36e6 … 6.38e6.`,
    );
  }
  const origin = [p[0], p[1], p[2]];
  const enuFromEcef = enuFromEcefAt(geodeticFromEcef(p[0], p[1], p[2]));
  const enuFromEcefQuat = quatFromMatrix(enuFromEcef);
  const turn = (x: number, y: number, z: number): [number, number, number] => [
    enuFromEcef[0] * x + enuFromEcef[1] * y + enuFromEcef[2] * z,
    enuFromEcef[3] * x + enuFromEcef[4] * y + enuFromEcef[5] * z,
    enuFromEcef[6] * x + enuFromEcef[7] * y + enuFromEcef[8] * z,
  ];
  const position = [];
  const velocity = [];
  const rotation: Quat[] = [];
  for (let i = 0; i < n; i++) {
    position.push(turn(p[3 * i] - origin[0], p[3 * i + 1] - origin[1], p[3 * i + 2] - origin[2]));
    const v = velocities.values;
    velocity.push(turn(v[3 * i], v[3 * i + 1], v[3 * i + 2]));
    const o = orientations.values;
    const raw: Quat = { w: o[4 * i], x: o[4 * i + 1], y: o[4 * i + 2], z: o[4 * i + 3] };
    const length = Math.hypot(raw.w, raw.x, raw.y, raw.z);
    if (Math.abs(length - 1) > 1e-3) {
      throw new FormatError(
        "value",
        { path: file("frame_orientations"), row: i + 1 },
        `quaternion has length ${length}; expected 1. The row is damaged.`,
      );
    }
    rotation.push(
      multiplyQuat(enuFromEcefQuat, multiplyQuat(normalizeQuat(raw), rightDownFromLeftUp)),
    );
  }
  const t0 = times.values[0];
  return {
    stampUs: times.values.map((t) => Math.round((t - t0) * 1e6)),
    position,
    velocity,
    rotation,
  };
}

const median = (values: number[]): number => {
  values.sort((a, b) => a - b);
  return values[values.length >> 1];
};

/** How the camera is turned against the direction of travel: medians over the rows that are fast enough, or null. */
function measureTurn(track: Track): { yawRad: number; pitchRad: number } | null {
  const yaw: number[] = [];
  const pitch: number[] = [];
  track.velocity.forEach(([x, y, z], i) => {
    if (Math.hypot(x, y, z) < minCalibrationSpeedMps) return;
    const v = rotateByQuat(conjugateQuat(track.rotation[i]), x, y, z);
    // Seen from the camera the car moves to the right of the axis when the camera looks left.
    yaw.push(-Math.atan2(v.y, v.x));
    pitch.push(Math.atan2(v.z, Math.hypot(v.x, v.y)));
  });
  if (yaw.length < minCalibrationRows) return null;
  return { yawRad: median(yaw), pitchRad: median(pitch) };
}

/** Velocity of the rig origin: the camera's, less what the car's turning adds at the camera's place. */
function setVelocity(
  motion: ReturnType<typeof rigFromCameraPoses>,
  track: Track,
  mount: CameraMount,
): void {
  const n = motion.stampUs.length;
  const arms = Array.from({ length: n }, (_, i) =>
    mountArm({ w: motion.qw[i], x: motion.qx[i], y: motion.qy[i], z: motion.qz[i] }, mount),
  );
  for (let i = 0; i < n; i++) {
    const a = Math.max(0, i - 1);
    const b = Math.min(n - 1, i + 1);
    const dt = (motion.stampUs[b] - motion.stampUs[a]) * 1e-6;
    motion.vx[i] = track.velocity[i][0] - (arms[b].x - arms[a].x) / dt;
    motion.vy[i] = track.velocity[i][1] - (arms[b].y - arms[a].y) / dt;
    motion.vz[i] = track.velocity[i][2] - (arms[b].z - arms[a].z) / dt;
  }
}

/** The turn as a compass would show it: median heading of the camera less that of the rig. */
function headingTurnRad(motion: EgoMotion, track: Track): number {
  return median(
    track.rotation.map((q, i) =>
      angleBetween(
        yawOfQuat({ w: motion.qw[i], x: motion.qx[i], y: motion.qy[i], z: motion.qz[i] }),
        yawOfQuat(q),
      ),
    ),
  );
}

function calibrationOf(mount: CameraMount): PinholeCalibration {
  const q = multiplyQuat(
    quatFromYawPitchRoll(mount.yawRad, mount.pitchRad, 0),
    rigFromStraightCamera,
  );
  const { aheadM: x, leftM: y, upM: z } = mount;
  const rigFromCamera = { x, y, z, qw: q.w, qx: q.x, qy: q.y, qz: q.z };
  return { model: "pinhole", ...lens, rigFromCamera };
}

/** Pictures of the segment's video; the stream has no times of its own, its frames are the rows of the poses. */
async function readPictures(
  path: string,
  stampUs: Float64Array,
  mount: CameraMount,
  options: ReadOptions,
): Promise<{ cameras: CameraStream[]; note: string }> {
  if ((await stat(path).catch(() => null)) === null) {
    return { cameras: [], note: `No pictures: the segment has no ${videoName}.` };
  }
  if (!wantsCamera(cameraName, options)) return { cameras: [], note: "No pictures imported." };
  // The rate only fills the index: times come from the poses.
  const video = await openVideo(path, { rawFps: 20 });
  const numFrames = video.index.ptsUs.length;
  const what = `${numFrames} frames and ${stampUs.length} rows of frame_times`;
  if (numFrames !== stampUs.length && !options.includeInvalid) {
    throw new FormatError(
      "value",
      { path },
      `has ${what}; expected as many: which frame belongs to which time is not known. The video is cut: fetch it again, or import it with invalid recordings included.`,
    );
  }
  const known = stampUs.subarray(0, Math.min(numFrames, stampUs.length));
  const kept = keptFrames(known, { fromUs: 0, toUs: stampUs[stampUs.length - 1] }, options);
  const frames = await picturesOf(video, known, kept, options);
  const isWhole = video.width === lens.width && video.height === lens.height;
  return {
    cameras: [{ name: cameraName, calibration: isWhole ? calibrationOf(mount) : null, frames }],
    note:
      numFrames === stampUs.length
        ? `Pictures from ${videoName}: its frame i is shown at row i of frame_times.`
        : `${videoName}: ${what}; the first ones are taken to belong together.`,
  };
}

const degrees = (rad: number) => ((rad * 180) / Math.PI).toFixed(2);

export const comma2k19Source: DriveSource = {
  format: "comma2k19",
  aliases: ["comma"],
  version: 2,

  async recognizes(path) {
    for await (const _ of this.list(path)) return true;
    return false;
  },

  async *list(path) {
    if (!(await stat(path)).isDirectory()) return;
    const entries = await readdir(path, { withFileTypes: true });
    if (entries.some((e) => e.isDirectory() && e.name === "global_pose")) {
      const ref: DriveRef = {
        format: comma2k19Source.format,
        id: driveIdFrom("comma2k19", basename(dirname(path)), basename(path)),
        path,
        files: [
          ...arrays.map((name) => join(path, "global_pose", name)),
          ...(entries.some((e) => e.name === videoName) ? [join(path, videoName)] : []),
        ],
      };
      yield ref;
      return;
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.isDirectory()) yield* comma2k19Source.list(join(path, entry.name));
    }
  },

  async read(ref, options = {}): Promise<Drive> {
    const track = await readTrack(ref.path);
    const turn = measureTurn(track);
    const mount: CameraMount = { ...commaMountM, yawRad: 0, pitchRad: 0, ...turn };
    const motion = rigFromCameraPoses(track, mount);
    setVelocity(motion, track, mount);
    const posePath = join(ref.path, "global_pose");
    checkMotion(motion, { path: posePath });
    const route = basename(dirname(ref.path));
    const gaps = motionGaps(motion, gapLimitUs);
    const pictures = await readPictures(join(ref.path, videoName), track.stampUs, mount, options);
    return {
      id: ref.id,
      source: {
        format: comma2k19Source.format,
        licence: "MIT",
        scenario: null,
        seed: null,
        recording: driveIdFrom("comma2k19", route),
        notes: [
          turn === null
            ? "Too slow to measure how the camera is turned against the car: heading is the camera's."
            : `The camera looks ${degrees(headingTurnRad(motion, track))} degrees to the left of travel and ${degrees(mount.pitchRad)} degrees below it (medians above ${minCalibrationSpeedMps} m/s); removed from the heading and pitch.`,
          `Poses are of the camera, assumed ${mount.aheadM} m ahead of the rear axle and ${mount.upM} m above the ground.`,
          "World: east, north, up at the first pose.",
          pictures.note,
          ...gaps.map(
            (g) =>
              `Gap of ${((g.toUs - g.fromUs) * 1e-6).toFixed(2)} s after row ${g.row}: no samples there.`,
          ),
        ],
      },
      durationUs: motion.stampUs[motion.stampUs.length - 1],
      egoMotion: motion,
      egoSize: cars[route.slice(0, 16)] ?? null,
      cameras: pictures.cameras,
      actors: null,
      lights: null,
      map: null,
      route: null,
      decisions: null,
    };
  },
};
