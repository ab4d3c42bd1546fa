/**
 * What a camera should see, from the truth of a simulated drive: per cell of the picture, which kinds of things stand
 * there. Dense supervision for a vision tower that starts from nothing; a released model's tower is pretrained and needs
 * none. Boxes are projected; what stands behind something else is still marked.
 */
import type { ActorState, LightState, PinholeCalibration, RoadMap } from "@causeway/data";
import { inverseSe3, type Se3, transformPoint } from "@causeway/geom";

/** One number per cell: 1 where the thing is seen. Corridor = within 2.2 m of the line ahead of the car. */
export const perceptionChannels = [
  "vehicle",
  "vehicle_ahead_12m",
  "vehicle_ahead_25m",
  "vehicle_ahead_45m",
  "vehicle_ahead_80m",
  "vehicle_ahead_slow",
  "braking_vehicle",
  "person",
  "person_ahead",
  "red_light",
  "yellow_light",
  "green_light",
  "light_near",
  "stop_sign",
] as const;
export type PerceptionChannel = (typeof perceptionChannels)[number];
const channelIndex = new Map(perceptionChannels.map((name, i) => [name, i]));

export interface PerceptionScene {
  /** world-from-rig at the moment. */
  readonly worldFromRig: Se3;
  readonly actors: readonly ActorState[];
  readonly lights: readonly LightState[];
  readonly map: Pick<RoadMap, "lights" | "stopLines">;
}

export interface CellGrid {
  readonly rows: number;
  readonly columns: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}
const move = (t: Se3, p: Point): Point => transformPoint(t, p.x, p.y, p.z);

interface Rect {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Picture rectangle around world points, or null when any is behind the camera or nothing is inside. */
function project(
  points: readonly Point[],
  cameraFromRig: Se3,
  calibration: PinholeCalibration,
): Rect | null {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const point of points) {
    const p = move(cameraFromRig, point);
    if (p.z < 0.5) return null;
    const u = calibration.cx + (calibration.fx * p.x) / p.z;
    const v = calibration.cy + (calibration.fy * p.y) / p.z;
    left = Math.min(left, u);
    right = Math.max(right, u);
    top = Math.min(top, v);
    bottom = Math.max(bottom, v);
  }
  const { width, height } = calibration;
  if (right <= 0 || left >= width || bottom <= 0 || top >= height) return null;
  return { left, right, top, bottom };
}

/** The 8 corners of an actor's box in the rig frame. */
function corners(actor: ActorState, rigFromWorld: Se3): Point[] {
  const [c, s] = [Math.cos(actor.yaw), Math.sin(actor.yaw)];
  const out: Point[] = [];
  for (const along of [-0.5, 0.5])
    for (const across of [-0.5, 0.5])
      for (const up of [0, 1]) {
        const [dx, dy] = [along * actor.lengthM, across * actor.widthM];
        out.push(
          move(rigFromWorld, {
            x: actor.x + c * dx - s * dy,
            y: actor.y + s * dx + c * dy,
            z: actor.z + up * actor.heightM,
          }),
        );
      }
  return out;
}

/** Cells x channels, row-major cells: 0 or 1. */
export function perceptionTargets(
  scene: PerceptionScene,
  calibration: PinholeCalibration,
  grid: CellGrid,
): Float32Array {
  const out = new Float32Array(grid.rows * grid.columns * perceptionChannels.length);
  const rigFromWorld = inverseSe3(scene.worldFromRig);
  const cameraFromRig = inverseSe3(calibration.rigFromCamera);
  const cellWidth = calibration.width / grid.columns;
  const cellHeight = calibration.height / grid.rows;
  const mark = (rect: Rect, channel: PerceptionChannel) => {
    const k = channelIndex.get(channel) as number;
    const first = (low: number, size: number) => Math.max(0, Math.floor(low / size));
    const last = (high: number, size: number, n: number) =>
      Math.min(n - 1, Math.floor(high / size));
    for (let r = first(rect.top, cellHeight); r <= last(rect.bottom, cellHeight, grid.rows); r++)
      for (let c = first(rect.left, cellWidth); c <= last(rect.right, cellWidth, grid.columns); c++)
        out[(r * grid.columns + c) * perceptionChannels.length + k] = 1;
  };

  for (const actor of scene.actors) {
    const here = move(rigFromWorld, actor);
    const distanceM = Math.hypot(here.x, here.y);
    if (distanceM > 80) continue;
    const rect = project(corners(actor, rigFromWorld), cameraFromRig, calibration);
    if (rect === null) continue;
    const isAhead = here.x > 0 && Math.abs(here.y) < 2.2;
    if (actor.kind === "pedestrian" || actor.kind === "cyclist") {
      if (distanceM > 50) continue;
      mark(rect, "person");
      if (here.x > 0 && Math.abs(here.y) < 5) mark(rect, "person_ahead");
      continue;
    }
    mark(rect, "vehicle");
    if (actor.braking && distanceM < 60) mark(rect, "braking_vehicle");
    if (!isAhead) continue;
    if (distanceM < 12) mark(rect, "vehicle_ahead_12m");
    else if (distanceM < 25) mark(rect, "vehicle_ahead_25m");
    else if (distanceM < 45) mark(rect, "vehicle_ahead_45m");
    else mark(rect, "vehicle_ahead_80m");
    if (actor.speedMps < 1) mark(rect, "vehicle_ahead_slow");
  }

  const heading = 2 * Math.atan2(scene.worldFromRig.qz, scene.worldFromRig.qw);
  for (const light of scene.map.lights) {
    const state = scene.lights.find((l) => l.id === light.id);
    const here = move(rigFromWorld, light);
    // A lamp is seen from the front: it looks against the direction of the traffic that it governs.
    if (state === undefined || here.x > 75 || Math.cos(light.yaw - heading) > -0.6) continue;
    const at = [-0.5, 0.5].map((up) => ({ ...here, z: here.z + up }));
    const rect = project(at, cameraFromRig, calibration);
    if (rect === null || state.color === "off") continue;
    mark(rect, `${state.color}_light`);
    if (here.x < 25) mark(rect, "light_near");
  }
  for (const stop of scene.map.stopLines) {
    if (!stop.isStopSign) continue;
    const n = stop.line.x.length;
    const middle = {
      x: stop.line.x.reduce((a, b) => a + b, 0) / n,
      y: stop.line.y.reduce((a, b) => a + b, 0) / n,
      z: 0,
    };
    const here = move(rigFromWorld, middle);
    if (here.x < 2 || here.x > 45 || Math.abs(here.y) > 4) continue;
    const rect = project([here, { ...here, y: here.y - 4, z: 2.5 }], cameraFromRig, calibration);
    if (rect !== null) mark(rect, "stop_sign");
  }
  return out;
}
