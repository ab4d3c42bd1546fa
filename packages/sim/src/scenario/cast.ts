/** Adds cars and walkers to a scene under construction, keeping them apart. */
import type { Rng } from "@causeway/geom";
import { poseAt, type Pose, type Projection, project } from "../geometry/path.ts";
import type { Network } from "../road/network.ts";
import { buildRoute, type Route, walkLanes } from "../road/route.ts";
import type { CarSpec, Shift, WalkerSpec, WalkTrigger } from "../world/scene.ts";
import { pickCarColor, pickShirtColor, pickTrousersColor } from "./looks.ts";

export interface CarWish {
  readonly route: Route;
  readonly startS: number;
  readonly speedMps: number;
  readonly desiredSpeedMps: number;
  readonly offsetM?: number;
  readonly shifts?: readonly Shift[];
  readonly speedPlan?: CarSpec["speedPlan"];
  readonly parked?: boolean;
  readonly hazard?: boolean;
  readonly kind?: "car" | "truck";
}

export interface Cast {
  readonly cars: CarSpec[];
  readonly walkers: WalkerSpec[];
  /** Returns false (and adds nothing) where the place is taken. */
  addCar(wish: CarWish): boolean;
  /** Someone at the roadside of the ego's route at `s`, who walks across when triggered. */
  addCrosser(s: number, fromSide: "left" | "right", trigger: WalkTrigger, speedMps: number): void;
  /** Someone on the verge who walks along the road. */
  addStroller(s: number, side: "left" | "right", withTraffic: boolean): void;
}

const pose: Pose = { x: 0, y: 0, yaw: 0 };
const hit: Projection = { s: 0, d: 0, index: 0 };

export function createCast(
  rng: Rng,
  network: Network,
  egoRoute: Route,
  egoStartS: number,
  halfWidthM: number,
  egoSideM: number,
): Cast {
  const cars: CarSpec[] = [];
  const walkers: WalkerSpec[] = [];
  const taken: { x: number; y: number; r: number; yaw: number }[] = [];
  poseAt(egoRoute.path, egoStartS + 1.4, 0, pose);
  taken.push({ x: pose.x, y: pose.y, r: 2.6, yaw: pose.yaw });
  /** Distance from the ego's lane centre to the road's right and left edge. */
  const edge = (side: "left" | "right") =>
    side === "left" ? halfWidthM + egoSideM : halfWidthM - egoSideM;
  const dress = () => ({
    heightM: rng.uniform(1.55, 1.9),
    shirtColor: pickShirtColor(rng),
    trousersColor: pickTrousersColor(rng),
  });
  /** Whether a straight walk keeps off every road (the verge of a bend is not straight). */
  const staysOff = (x0: number, y0: number, x1: number, y1: number) => {
    for (let k = 0; k <= 8; k++) {
      const x = x0 + ((x1 - x0) * k) / 8;
      const y = y0 + ((y1 - y0) * k) / 8;
      for (const road of network.roads) {
        project(road.ref, x, y, -1, hit);
        const beyond = hit.s < -3 || hit.s > road.ref.lengthM + 3;
        if (!beyond && Math.abs(hit.d) < halfWidthM + 0.7) return false;
      }
      for (const junction of network.junctions) {
        if (Math.hypot(x - junction.x, y - junction.y) < 1.3 * junction.halfM) return false;
      }
    }
    return true;
  };
  return {
    cars,
    walkers,
    addCar(wish) {
      const kind = wish.kind ?? (rng.next() < 0.15 ? "truck" : "car");
      const size =
        kind === "truck"
          ? { lengthM: rng.uniform(6.5, 8.5), widthM: 2.35, heightM: rng.uniform(2.7, 3.3) }
          : {
              lengthM: rng.uniform(4.1, 4.9),
              widthM: rng.uniform(1.75, 1.9),
              heightM: rng.uniform(1.42, 1.75),
            };
      const offset = wish.offsetM ?? 0;
      const color = pickCarColor(rng);
      if (wish.startS < 0.5 * size.lengthM || wish.startS > wish.route.path.lengthM - 5)
        return false;
      poseAt(wish.route.path, wish.startS, offset, pose);
      const r = 0.5 * size.lengthM;
      for (const other of taken) {
        const dx = other.x - pose.x;
        const dy = other.y - pose.y;
        const along = Math.abs(dx * Math.cos(pose.yaw) + dy * Math.sin(pose.yaw));
        const across = Math.abs(-dx * Math.sin(pose.yaw) + dy * Math.cos(pose.yaw));
        const headway = wish.parked === true ? 2 : 4 + 0.4 * wish.speedMps;
        if (across < 2.4 && along < r + other.r + headway) return false;
      }
      taken.push({ x: pose.x, y: pose.y, r, yaw: pose.yaw });
      cars.push({
        kind,
        ...size,
        color,
        route: wish.route,
        startS: wish.startS,
        startSpeedMps: wish.parked === true ? 0 : wish.speedMps,
        desiredSpeedMps: wish.desiredSpeedMps,
        startOffsetM: offset,
        shifts: wish.shifts ?? [],
        speedPlan: wish.speedPlan ?? [],
        parked: wish.parked ?? false,
        hazard: wish.hazard ?? false,
      });
      return true;
    },
    addCrosser(s, fromSide, trigger, speedMps) {
      const sign = fromSide === "left" ? 1 : -1;
      const near = edge(fromSide) + rng.uniform(0.5, 1.1);
      const far = edge(fromSide === "left" ? "right" : "left") + 1.2;
      poseAt(egoRoute.path, s, sign * near, pose);
      const { x, y } = pose;
      poseAt(egoRoute.path, s, -sign * far, pose);
      walkers.push({ x0: x, y0: y, x1: pose.x, y1: pose.y, speedMps, trigger, ...dress() });
    },
    addStroller(s, side, withTraffic) {
      const sign = side === "left" ? 1 : -1;
      const out = sign * (edge(side) + rng.uniform(1, 2.5));
      const length = (withTraffic ? 1 : -1) * rng.uniform(15, 30);
      const to = Math.max(1, Math.min(egoRoute.path.lengthM - 1, s + length));
      poseAt(egoRoute.path, s, out, pose);
      const { x, y } = pose;
      poseAt(egoRoute.path, to, out, pose);
      if (!staysOff(x, y, pose.x, pose.y)) return;
      walkers.push({
        x0: x,
        y0: y,
        x1: pose.x,
        y1: pose.y,
        speedMps: rng.uniform(0.9, 1.5),
        trigger: { kind: "time", atSecs: 0 },
        ...dress(),
      });
    },
  };
}

/** Traffic that gives a scene life: oncoming, beside, behind, and on the crossing roads. */
export function addTraffic(
  rng: Rng,
  cast: Cast,
  network: Network,
  sectionRoads: readonly number[],
  egoRoute: Route,
  egoStartS: number,
  egoLane: number,
  limitMps: number,
  options: { readonly oncoming: number; readonly cross: number; readonly beside: number },
): void {
  const preferStraight = (ids: readonly number[]) => {
    const ahead = ids.find((id) => network.lanes[id].movement === "straight");
    if (ahead !== undefined) return ahead;
    return ids.find((id) => network.lanes[id].movement === "right") ?? ids[0];
  };
  const speed = () => limitMps * rng.uniform(0.75, 1);
  const start = (laneId: number, s: number) => {
    const route = buildRoute(network, walkLanes(network, laneId, s + 350, preferStraight));
    // A straight-ahead road only: oncoming left turns would need gap acceptance that the traffic has not.
    if (route.junctions.some((j) => j.movement === "left")) return;
    const lane = network.lanes[laneId];
    const toLine = lane.stopLineId === null ? 1e3 : Math.max(0, lane.path.lengthM - s - 8);
    const v = Math.min(speed(), Math.sqrt(3 * toLine));
    cast.addCar({ route, startS: s, speedMps: v, desiredSpeedMps: speed() });
  };
  for (let k = 0; k < options.oncoming; k++) {
    const road = network.roads[rng.pick(sectionRoads)];
    const lane = network.lanes[rng.pick(road.backward)];
    start(lane.id, rng.uniform(5, lane.path.lengthM - 10));
  }
  for (let k = 0; k < options.cross; k++) {
    const stubs = network.roads.filter((road) => !sectionRoads.includes(road.id));
    if (stubs.length === 0) break;
    const road = rng.pick(stubs);
    const lane = network.lanes[rng.pick(road.backward)];
    start(lane.id, rng.uniform(4, lane.path.lengthM - 16));
  }
  const road = network.roads[sectionRoads[0]];
  if (road.numLanes > 1) {
    for (let k = 0; k < options.beside; k++) {
      const laneId = road.forward[egoLane === 0 ? 1 : 0];
      start(laneId, egoStartS + rng.uniform(-25, 70));
    }
  }
  if (rng.next() < 0.4) {
    const gap = rng.uniform(11, 26);
    cast.addCar({
      route: egoRoute,
      startS: egoStartS - gap,
      speedMps: limitMps * 0.8,
      desiredSpeedMps: limitMps * rng.uniform(0.9, 1.1),
    });
  }
}

/** Distance from the road's centre line to the ego's lane centre, m (the lane lies to the right). */
export const laneSideM = (egoLane: number, laneWidthM: number): number =>
  (egoLane + 0.5) * laneWidthM;
