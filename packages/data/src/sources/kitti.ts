/**
 * KITTI odometry ground truth: one pose a line, 12 numbers, world-from-camera of the left grey camera, camera axes.
 * There are no times; the scanner turns at a nominal 10 Hz.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { multiplyQuat, type Quat, quatFromMatrix } from "@causeway/geom";
import { checkMotion, driveIdFrom } from "../check-drive.ts";
import type { Drive } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";
import {
  type CameraMount,
  type CameraPoses,
  rigFromCameraPoses,
  smoothedRate,
} from "./camera-poses.ts";
import type { DriveRef, DriveSource } from "./source.ts";

const stepUs = 100_000;
const maxFileBytes = 256 * 2 ** 20;
const posesName = /^\d{2,}\.txt$/;

/**
 * Slip against curvature in sequences 00, 03, 05, 06, 07 puts the camera 0.91 … 1.00 m ahead of the point that does not
 * slip (tyres slip a little, so the axle is a little further back). Height from the published sensor sketch.
 */
export const kittiMount: CameraMount = { aheadM: 1, leftM: 0, upM: 1.65, yawRad: 0, pitchRad: 0 };

/** World axes: x forward of the first camera, y left, z up; the camera's are x right, y down, z forward. */
const worldFromCameraAxes: Quat = { w: 0.5, x: -0.5, y: 0.5, z: -0.5 };

/** Parses the pose lines; an error names the line. */
export function parseKittiPoses(text: string, path: string): CameraPoses {
  const position: [number, number, number][] = [];
  const rotation: Quat[] = [];
  const lines = text.split("\n");
  while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
  lines.forEach((line, i) => {
    const place = { path, row: i + 1 };
    const words = line.trim().split(/\s+/);
    if (words.length !== 12) {
      throw new FormatError(
        "format",
        place,
        `${line.trim() === "" ? 0 : words.length} columns; expected 12 (a 3x4 matrix, row by row). The file is damaged or not a KITTI pose file.`,
      );
    }
    const m = words.map(Number);
    const bad = m.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) {
      throw new FormatError(
        "value",
        place,
        `column ${bad + 1} is "${words[bad]}"; expected a finite number. Repair the line or cut the file there.`,
      );
    }
    const r = [m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]];
    const skew = Math.max(
      ...[0, 3, 6].flatMap((a) =>
        [0, 3, 6].map((b) =>
          Math.abs(r[a] * r[b] + r[a + 1] * r[b + 1] + r[a + 2] * r[b + 2] - (a === b ? 1 : 0)),
        ),
      ),
    );
    if (skew > 1e-3) {
      throw new FormatError(
        "value",
        place,
        `the 3x3 part is no rotation (its rows are off by ${skew.toPrecision(3)}); expected an orthonormal matrix. The file is damaged.`,
      );
    }
    const determinant =
      r[0] * (r[4] * r[8] - r[5] * r[7]) -
      r[1] * (r[3] * r[8] - r[5] * r[6]) +
      r[2] * (r[3] * r[7] - r[4] * r[6]);
    if (determinant < 0) {
      throw new FormatError(
        "value",
        place,
        "the 3x3 part is a mirror and no rotation (determinant -1): its axes are left-handed; expected right-handed ones. Every left would become a right: fix the writer of the file.",
      );
    }
    const [tx, ty, tz] = [m[3], m[7], m[11]];
    position.push([tz, -tx, -ty]);
    // a-from-b with both sides' axes turned: B · R · Bᵀ, and Bᵀ turns camera axes to forward-left-up.
    const q = quatFromMatrix(r);
    rotation.push(
      multiplyQuat(multiplyQuat(worldFromCameraAxes, q), { w: 0.5, x: 0.5, y: -0.5, z: 0.5 }),
    );
  });
  return { stampUs: Float64Array.from(position, (_, i) => i * stepUs), position, rotation };
}

export const kittiSource: DriveSource = {
  format: "kitti-odometry",
  aliases: ["kitti"],
  version: 1,

  async recognizes(path) {
    for await (const _ of this.list(path)) return true;
    return false;
  },

  async *list(path) {
    const info = await stat(path);
    const ref = (file: string): DriveRef => ({
      format: kittiSource.format,
      id: driveIdFrom("kitti-odometry", basename(file, ".txt")),
      path: dirname(file),
      files: [file],
    });
    if (info.isFile()) {
      if (posesName.test(basename(path))) yield ref(path);
      return;
    }
    const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    for (const entry of entries) {
      const child = join(path, entry.name);
      if (entry.isFile() && posesName.test(entry.name)) yield ref(child);
      else if (entry.isDirectory()) yield* kittiSource.list(child);
    }
  },

  async read(ref): Promise<Drive> {
    const [path] = ref.files;
    const text = Buffer.from(await readWholeFile(path, maxFileBytes)).toString();
    const motion = rigFromCameraPoses(parseKittiPoses(text, path), kittiMount);
    for (const axis of ["x", "y", "z"] as const) {
      motion[`v${axis}`].set(smoothedRate(motion[axis], stepUs * 1e-6));
    }
    checkMotion(motion, { path });
    return {
      id: ref.id,
      source: {
        format: kittiSource.format,
        licence: "CC BY-NC-SA 3.0",
        scenario: null,
        seed: null,
        notes: [
          "The file has no times: 10 Hz assumed (the real step is said to be near 0.104 s, so speeds come out some 4 % high).",
          `Poses are of the left grey camera, assumed ${kittiMount.aheadM} m ahead of the rear axle, ${kittiMount.upM} m above the ground, looking straight ahead.`,
          "Velocity is the slope of a cubic over 9 poses.",
          "World: x is forward of the first camera, not gravity-aligned.",
        ],
      },
      durationUs: motion.stampUs[motion.stampUs.length - 1],
      egoMotion: motion,
      egoSize: null,
      cameras: [],
      actors: null,
      lights: null,
      map: null,
      route: null,
      decisions: null,
    };
  },
};
