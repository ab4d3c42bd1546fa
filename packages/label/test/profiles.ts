/** Synthetic 10 Hz drives for tests: accelerations and curvatures integrated to ego columns. */
import type { EgoColumns } from "@causeway/label";

export interface Control {
  readonly secs: number;
  readonly accelMps2?: number;
  readonly curvaturePerM?: number;
}

/** Drives the controls one after another from the origin at `v0Mps`; braking stops at standstill unless `mayReverse`. */
export function drive(
  v0Mps: number,
  controls: readonly Control[],
  { yaw0 = 0, mayReverse = false } = {},
): EgoColumns {
  const rows: number[][] = [];
  let [x, y, yaw, v] = [0, 0, yaw0, v0Mps];
  const fine = 10;
  const dt = 0.1 / fine;
  rows.push([x, y, yaw, v]);
  for (const c of controls) {
    for (let i = 0; i < Math.round(c.secs * 10); i++) {
      for (let k = 0; k < fine; k++) {
        let next = v + (c.accelMps2 ?? 0) * dt;
        if (!mayReverse && next < 0) next = 0;
        const step = ((v + next) / 2) * dt;
        const turn = (c.curvaturePerM ?? 0) * step;
        x += step * Math.cos(yaw + turn / 2);
        y += step * Math.sin(yaw + turn / 2);
        yaw += turn;
        v = next;
      }
      rows.push([x, y, yaw, v]);
    }
  }
  const column = (f: (r: number[]) => number) => Float64Array.from(rows, f);
  return {
    x: column((r) => r[0]),
    y: column((r) => r[1]),
    yaw: column((r) => Math.atan2(Math.sin(r[2]), Math.cos(r[2]))),
    vx: column((r) => r[3] * Math.cos(r[2])),
    vy: column((r) => r[3] * Math.sin(r[2])),
  };
}

export function mirror(c: EgoColumns): EgoColumns {
  const negate = (v: Float64Array) => v.map((a) => -a);
  return { x: c.x, y: negate(c.y), yaw: negate(c.yaw), vx: c.vx, vy: negate(c.vy) };
}
