/** Small paths for tests. */
import type { LocalPath } from "@causeway/geom";

export function pathOf(
  points: readonly (readonly [x: number, y: number, yaw?: number])[],
): LocalPath {
  return {
    x: Float64Array.from(points, (p) => p[0]),
    y: Float64Array.from(points, (p) => p[1]),
    z: new Float64Array(points.length),
    yaw: Float64Array.from(points, (p) => p[2] ?? 0),
  };
}

/** Straight along x, offset sideways, `steps` poses at 0.1 s. */
export function straight(speedMps: number, offsetM = 0, steps = 64): LocalPath {
  return pathOf(Array.from({ length: steps }, (_, i) => [speedMps * 0.1 * (i + 1), offsetM]));
}

/** 16-pose history of a motion with constant acceleration and turn rate that ends in the identity. */
export function historyOf(speedMps: number, accelMps2: number, yawRate: number): LocalPath {
  const fine = 200;
  const points: [number, number, number][] = [];
  for (let i = 0; i < 16; i++) {
    const end = (i - 15) * 0.1;
    let x = 0;
    let y = 0;
    for (let k = 0; k < fine; k++) {
      const t = (end * (k + 0.5)) / fine;
      const ds = ((speedMps + accelMps2 * t) * end) / fine;
      x += ds * Math.cos(yawRate * t);
      y += ds * Math.sin(yawRate * t);
    }
    points.push([x, y, yawRate * end]);
  }
  return pathOf(points);
}
