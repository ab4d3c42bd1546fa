/** Cameras of the simulated car: names and order as in PhysicalAI-AV, pinhole instead of f-theta. */
import type { PinholeCalibration } from "@causeway/data";

export interface CameraSpec {
  /** e.g. "camera_front_wide_120fov". */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Full horizontal field of view, rad. */
  readonly hfovRad: number;
  /** Row of the horizon as a share of the height. */
  readonly horizon: number;
  /** Mounting in the rig: metres, and yaw (left positive). No roll or pitch. */
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
}

export interface CameraSize {
  readonly width: number;
  readonly height: number;
}

const degrees = Math.PI / 180;

/**
 * Front wide, cross left, cross right, front telephoto: the released models' set. The pinhole front camera sees 100 degrees: at 160 px wide the 120 degrees of
 * its namesake would leave 46 px per unit of tangent and a car at 30 m under 3 px; 100 degrees give 67.
 */
export function defaultCameras(size: CameraSize = { width: 160, height: 96 }): CameraSpec[] {
  const base = { ...size, horizon: 0.42 };
  return [
    {
      ...base,
      name: "camera_front_wide_120fov",
      hfovRad: 100 * degrees,
      x: 1.7,
      y: 0,
      z: 1.5,
      yaw: 0,
    },
    {
      ...base,
      name: "camera_cross_left_120fov",
      hfovRad: 100 * degrees,
      x: 1.9,
      y: 0.8,
      z: 1.35,
      yaw: 68 * degrees,
    },
    {
      ...base,
      name: "camera_cross_right_120fov",
      hfovRad: 100 * degrees,
      x: 1.9,
      y: -0.8,
      z: 1.35,
      yaw: -68 * degrees,
    },
    {
      ...base,
      name: "camera_front_tele_30fov",
      hfovRad: 34 * degrees,
      horizon: 0.5,
      x: 1.7,
      y: 0,
      z: 1.5,
      yaw: 0,
    },
  ];
}

/** The cameras of the rig with these names, in the order given; an unknown name is an error that lists the known ones. */
export function camerasNamed(names: readonly string[], size?: CameraSize): CameraSpec[] {
  const rig = defaultCameras(size);
  return names.map((name) => {
    const camera = rig.find((c) => c.name === name);
    if (camera === undefined)
      throw new RangeError(
        `cameras: the simulated car has no "${name}". Known: ${rig.map((c) => c.name).join(", ")}`,
      );
    return camera;
  });
}

/** Camera index of the model family (PhysicalAI-AV order) for a camera name, or null. */
export function modelCameraIndex(name: string): number | null {
  const index = [
    "camera_cross_left_120fov",
    "camera_front_wide_120fov",
    "camera_cross_right_120fov",
    "camera_rear_left_70fov",
    "camera_rear_tele_30fov",
    "camera_rear_right_70fov",
    "camera_front_tele_30fov",
  ].indexOf(name);
  return index < 0 ? null : index;
}

export const focalPx = (camera: CameraSpec): number =>
  (0.5 * camera.width) / Math.tan(0.5 * camera.hfovRad);

/** The calibration that the drive records. Camera axes: x right, y down, z forward. */
export function calibrationOf(camera: CameraSpec): PinholeCalibration {
  const f = focalPx(camera);
  // rig-from-camera at yaw 0 is (w, x, y, z) = (1, -1, 1, -1) / 2; a yaw about rig z goes in front of it.
  const c = Math.cos(0.5 * camera.yaw);
  const s = Math.sin(0.5 * camera.yaw);
  return {
    model: "pinhole",
    width: camera.width,
    height: camera.height,
    fx: f,
    fy: f,
    cx: 0.5 * camera.width,
    cy: camera.horizon * camera.height,
    rigFromCamera: {
      x: camera.x,
      y: camera.y,
      z: camera.z,
      qw: 0.5 * (c + s),
      qx: 0.5 * (-c - s),
      qy: 0.5 * (c - s),
      qz: 0.5 * (-c + s),
    },
  };
}
