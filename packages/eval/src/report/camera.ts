/** Projection of ground paths into a pinhole camera: image = K * camera-from-rig, rig z = 0 on the road. */
import type { PinholeCalibration } from "@causeway/data";

/** Row-major 3x4 matrix: [u w, v w, w] = M [x, y, z, 1] with rig metres in and pixels out. */
export function imageFromRig(calibration: PinholeCalibration): number[] {
  const { fx, fy, cx, cy, rigFromCamera: t } = calibration;
  const { qw: w, qx: x, qy: y, qz: z } = t;
  // Columns of rig-from-camera are the camera axes in the rig frame; its transpose turns rig into camera.
  const r = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
  const cameraFromRig = [0, 1, 2].map((i) => {
    const axis = [r[0][i], r[1][i], r[2][i]];
    return [...axis, -(axis[0] * t.x + axis[1] * t.y + axis[2] * t.z)];
  });
  const [right, down, forward] = cameraFromRig;
  return [
    ...right.map((v, i) => fx * v + cx * forward[i]),
    ...down.map((v, i) => fy * v + cy * forward[i]),
    ...forward,
  ];
}

/** Pixel of a rig point and its depth in m; null when it is behind or nearly in the camera plane. */
export function projectPoint(
  matrix: readonly number[],
  x: number,
  y: number,
  z = 0,
): { readonly u: number; readonly v: number; readonly depthM: number } | null {
  const row = (i: number) => matrix[i] * x + matrix[i + 1] * y + matrix[i + 2] * z + matrix[i + 3];
  const depthM = row(8);
  if (depthM < 0.5) return null;
  return { u: row(0) / depthM, v: row(4) / depthM, depthM };
}

/** SVG path data of a planar path seen by the camera; only the part ahead of it. Pixels with one decimal. */
export function projectPath(
  matrix: readonly number[],
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  zs?: ArrayLike<number>,
): string {
  let d = "";
  let pen = false;
  for (let i = 0; i < xs.length; i++) {
    const p = projectPoint(matrix, xs[i], ys[i], zs === undefined ? 0 : zs[i]);
    if (p === null) {
      pen = false;
      continue;
    }
    d += `${pen ? "L" : "M"}${p.u.toFixed(1)} ${p.v.toFixed(1)}`;
    pen = true;
  }
  return d;
}

/** A path as a strip of `widthM` on the road, closed polygon in pixels; empty when it is not in view. */
export function projectRibbon(
  matrix: readonly number[],
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  yaws: ArrayLike<number>,
  widthM: number,
): string {
  const left: string[] = [];
  const right: string[] = [];
  for (let i = 0; i < xs.length; i++) {
    const dx = (-Math.sin(yaws[i]) * widthM) / 2;
    const dy = (Math.cos(yaws[i]) * widthM) / 2;
    const l = projectPoint(matrix, xs[i] + dx, ys[i] + dy);
    const r = projectPoint(matrix, xs[i] - dx, ys[i] - dy);
    if (l === null || r === null) continue;
    left.push(`${l.u.toFixed(1)} ${l.v.toFixed(1)}`);
    right.push(`${r.u.toFixed(1)} ${r.v.toFixed(1)}`);
  }
  return left.length < 2 ? "" : `M${[...left, ...right.reverse()].join("L")}Z`;
}
