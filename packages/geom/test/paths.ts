/** LocalPath from golden tensors and from formulas. */
import type { LocalPath } from "@causeway/geom";
import { example, type Tensor } from "./safetensors.ts";

/** Example i of xyz [B, n, 3] and rot [B, n, 3, 3]. */
export function goldenPath(
  tensors: Map<string, Tensor>,
  xyzName: string,
  rotName: string | null,
  i: number,
): LocalPath {
  const xyz = example(tensors, xyzName, i);
  const rot = rotName === null ? null : example(tensors, rotName, i);
  const n = xyz.length / 3;
  const column = (k: number) => Float64Array.from({ length: n }, (_, j) => xyz[3 * j + k]);
  const yaw = Float64Array.from({ length: n }, (_, j) =>
    rot === null ? 0 : Math.atan2(rot[9 * j + 3], rot[9 * j]),
  );
  return { x: column(0), y: column(1), z: column(2), yaw };
}

/** 16 history poses at speed v on curvature k, the last one the identity. */
export function arcHistory(v: number, k: number): LocalPath {
  const at = (i: number) => {
    const s = v * 0.1 * (i - 15);
    return k === 0 ? [s, 0, 0] : [Math.sin(k * s) / k, (1 - Math.cos(k * s)) / k, k * s];
  };
  const column = (c: number) => Float64Array.from({ length: 16 }, (_, i) => at(i)[c]);
  return { x: column(0), y: column(1), z: new Float64Array(16), yaw: column(2) };
}

export function maxGap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const gap = Math.abs(a[i] - b[i]);
    if (!(gap <= worst)) worst = gap;
  }
  return worst;
}

/** x, y of a path as one column [x0, y0, x1, y1, …], z too when asked for. */
export function flat(path: LocalPath, withZ = false): Float64Array {
  const width = withZ ? 3 : 2;
  const out = new Float64Array(path.x.length * width);
  for (let i = 0; i < path.x.length; i++) {
    out[width * i] = path.x[i];
    out[width * i + 1] = path.y[i];
    if (withZ) out[width * i + 2] = path.z[i];
  }
  return out;
}

export function meanDistance(a: LocalPath, b: LocalPath): number {
  let sum = 0;
  for (let i = 0; i < a.x.length; i++) sum += Math.hypot(a.x[i] - b.x[i], a.y[i] - b.y[i]);
  return sum / a.x.length;
}
