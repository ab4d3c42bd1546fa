/** A route through the lane graph: one path with what matters along it. Ego and traffic both follow routes. */
import { joinPaths, type Path, project, type Projection } from "../geometry/path.ts";
import type { Movement, Network } from "./network.ts";

export interface RouteStop {
  /** Arc length of the stop line on the route. */
  readonly s: number;
  readonly stopLineId: number;
  readonly lightId: number | null;
  readonly isStopSign: boolean;
  readonly junctionId: number;
  /** Where the junction begins and ends on the route. */
  readonly junctionStartS: number;
  readonly junctionEndS: number;
  readonly movement: Movement;
}

export interface RouteCrossing {
  readonly crosswalkId: number;
  readonly s: number;
}

export interface RouteJunction {
  readonly junctionId: number;
  readonly movement: Movement;
  readonly startS: number;
  readonly endS: number;
}

export interface Route {
  readonly path: Path;
  readonly laneIds: readonly number[];
  /** Arc length where each lane of `laneIds` begins. */
  readonly laneStartS: readonly number[];
  readonly stops: readonly RouteStop[];
  readonly junctions: readonly RouteJunction[];
  readonly crossings: readonly RouteCrossing[];
  /** Per path sample, m/s: the speed that curves allow, with gentle braking before them. */
  readonly curveSpeedMps: Float64Array;
}

/** Joins lanes (each a successor of the one before) to a route. */
export function buildRoute(network: Network, laneIds: readonly number[]): Route {
  const paths = laneIds.map((id) => network.lanes[id].path);
  const path = joinPaths(paths);
  const rawLength = paths.reduce((sum, p) => sum + p.lengthM, 0);
  const scale = path.lengthM / rawLength;
  const laneStartS: number[] = [];
  let along = 0;
  for (const p of paths) {
    laneStartS.push(along * scale);
    along += p.lengthM;
  }
  const hit: Projection = { s: 0, d: 0, index: 0 };
  const junctions: RouteJunction[] = [];
  const stops: RouteStop[] = [];
  laneIds.forEach((id, i) => {
    const lane = network.lanes[id];
    if (!lane.isJunction || lane.junctionId === null || lane.movement === null) return;
    const startS = laneStartS[i];
    const endS = i + 1 < laneStartS.length ? laneStartS[i + 1] : path.lengthM;
    junctions.push({ junctionId: lane.junctionId, movement: lane.movement, startS, endS });
    const before = i > 0 ? network.lanes[laneIds[i - 1]] : null;
    if (before === null || before.stopLineId === null) return;
    const line = network.stopLines[before.stopLineId];
    project(path, 0.5 * (line.ax + line.bx), 0.5 * (line.ay + line.by), -1, hit);
    stops.push({
      s: hit.s,
      stopLineId: line.id,
      lightId: line.lightId,
      isStopSign: line.isStopSign,
      junctionId: lane.junctionId,
      junctionStartS: startS,
      junctionEndS: endS,
      movement: lane.movement,
    });
  });
  const crossings: RouteCrossing[] = [];
  for (const crosswalk of network.crosswalks) {
    project(path, crosswalk.x, crosswalk.y, -1, hit);
    if (Math.abs(hit.d) > crosswalk.halfLengthM || hit.s < 1 || hit.s > path.lengthM - 1) continue;
    // Only crossings that lie across the route: the walking direction is square to it.
    const yaw = path.yaw[hit.index];
    if (Math.abs(Math.sin(crosswalk.walkYaw - yaw)) < 0.8) continue;
    crossings.push({ crosswalkId: crosswalk.id, s: hit.s });
  }
  crossings.sort((a, b) => a.s - b.s);
  const curveSpeedMps = curveSpeeds(path);
  return { path, laneIds, laneStartS, stops, junctions, crossings, curveSpeedMps };
}

/** Follows successors from a lane, taking `choose` at forks, until the route is `lengthM` long or the graph ends. */
export function walkLanes(
  network: Network,
  startLaneId: number,
  lengthM: number,
  choose: (options: readonly number[]) => number,
): number[] {
  const ids = [startLaneId];
  let total = network.lanes[startLaneId].path.lengthM;
  for (;;) {
    const last = network.lanes[ids[ids.length - 1]];
    if (total >= lengthM || last.successors.length === 0) return ids;
    const next = last.successors.length === 1 ? last.successors[0] : choose(last.successors);
    ids.push(next);
    total += network.lanes[next].path.lengthM;
  }
}

/** Comfortable lateral acceleration in curves and the braking that leads up to them. */
export const curveLateralAccelMps2 = 2.1;
const curveDecelMps2 = 1.3;

/** Backward pass: v(i)^2 <= v(i+1)^2 + 2 b ds and v(i)^2 <= aLat / |kappa|. */
function curveSpeeds(path: Path): Float64Array {
  const n = path.x.length;
  const out = new Float64Array(n);
  let next = 1e4;
  for (let i = n - 1; i >= 0; i--) {
    const here = curveLateralAccelMps2 / Math.max(1e-4, Math.abs(path.kappa[i]));
    next = Math.min(here, next + 2 * curveDecelMps2 * path.stepM);
    out[i] = next;
  }
  for (let i = 0; i < n; i++) out[i] = Math.sqrt(out[i]);
  return out;
}
