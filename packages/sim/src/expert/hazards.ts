/**
 * What limits the expert's speed right now: one entry per lead, light, sign, walker, crossing car and bend, each
 * with the acceleration that it allows. The expert reads simulator truth, but only of things that its cameras could
 * show: within `sightM`, and in the field of view.
 */
import { type Projection, project, wrapAngle } from "../geometry/path.ts";
import { roadHalfWidthM } from "../road/network.ts";
import type { RouteStop } from "../road/route.ts";
import { idmInteraction, type IdmParams } from "../world/idm.ts";
import { type EgoState, egoGeometry, type Scene } from "../world/scene.ts";
import type { World } from "../world/world.ts";
import { type OffsetMove, offsetOnRoute, type OffsetSample } from "./corridor.ts";

export type HazardKind = "lead" | "cut_in" | "light" | "sign" | "walker" | "oncoming" | "cross";

export interface Hazard {
  readonly kind: HazardKind;
  /** Component id: "actor:12", "light:3", "sign:0". */
  readonly id: string;
  /** Index of the car, walker, light or stop line. */
  readonly index: number;
  /** Acceleration that this hazard allows, m/s^2. */
  readonly accelMps2: number;
  /** Bumper to bumper (or to the stopping point), m. */
  readonly gapM: number;
  readonly speedMps: number;
}

/** How far the cameras show enough to act on, m. */
export const sightM = 62;

/** The expert's own car following: a little roomier than the traffic's. */
export const expertIdm: IdmParams = {
  accelMps2: 1.5,
  decelMps2: 1.9,
  headwaySecs: 1.4,
  minGapM: 3,
};

/** Need, in m/s^2 of constant braking, from which a stop begins. */
export const stopOnsetMps2 = 1.15;

/** A light that turns yellow is passed when stopping would take more than this, m/s^2. */
const yellowStopMps2 = 2.6;

/** Extra distance to an obstacle that we wait to pass, m. */
const pullOutRoomM = 5;

const softStopM = 0.5;

/** The expert aims to stand this far before a line, m. */
const lineMarginM = 1.4;

/** What the expert remembers between ticks; plain data so that it can be copied. */
export interface ExpertMemory {
  moves: OffsetMove[];
  /** Stop lines whose sign was obeyed, and since when the ego stands at the present one. */
  servedStops: number[];
  standingSecs: number;
  /** Lights passed on yellow because stopping was too hard. */
  committedLights: number[];
  /** Component ids that the expert brakes to a stop for. */
  stoppingFor: string[];
  carHints: Int32Array;
  walkerHints: Int32Array;
  lastOffset: Float64Array;
  /** Car index to seconds left as "cut in". */
  cutIn: Map<number, number>;
  /** Component id of an obstacle that we wait to pass: stop with room to pull out. */
  waitingBehind: string | null;
}

const hit: Projection = { s: 0, d: 0, index: 0 };
const want: OffsetSample = { d: 0, slope: 0, bend: 0 };

/** Constant braking that ends at the stopping point; engages at the onset and then holds on. */
function stopAccel(
  memory: ExpertMemory,
  id: string,
  v: number,
  gapM: number,
  onset: number,
): number {
  // The soft end of a stop (see expert.ts) takes a little more room than constant braking.
  const need = (v * v) / (2 * Math.max(0.3, gapM + softStopM));
  const engaged = memory.stoppingFor.includes(id);
  if (!engaged && need < onset && gapM > 2.5) return Number.POSITIVE_INFINITY;
  if (!engaged) memory.stoppingFor.push(id);
  if (gapM < 0.4) return -Math.max(need, 0.4 + 0.9 * v);
  return v < 0.6 && gapM > 1.5 ? 0.3 : -need;
}

/** Whether a point is inside the forward cameras' joint field of view. */
export function inView(ego: EgoState, x: number, y: number): boolean {
  const bearing = wrapAngle(Math.atan2(y - ego.y, x - ego.x) - ego.yaw);
  return Math.abs(bearing) < 1.9;
}

/**
 * IDM, but no harder than what the closing speed asks for: when somebody pulls in close ahead at our speed, the gap is
 * opened gently instead of by an emergency stop.
 */
function leadAccel(v: number, gapM: number, leadSpeed: number, isCutIn: boolean): number {
  const closing = Math.max(0, v - leadSpeed);
  const need = (closing * closing) / (2 * Math.max(0.5, gapM - 1.5));
  const floor = -(isCutIn ? 1.6 : 2) - 1.5 * need;
  return Math.max(floor, idmInteraction(v, gapM, leadSpeed, expertIdm));
}

/** All hazards now. `egoS`: rear axle on the route. Updates `memory` (hints, engaged stops, cut-in timers). */
export function findHazards(
  world: World,
  ego: EgoState,
  egoS: number,
  memory: ExpertMemory,
  dtSecs: number,
): Hazard[] {
  const out: Hazard[] = [];
  const { scene } = world;
  const { path } = scene.egoRoute;
  const v = ego.speedMps;
  const front = egoS + egoGeometry.frontM;
  const halfWidth = 0.5 * egoGeometry.widthM;
  const live = new Set<string>();

  for (let i = 0; i < world.numCars; i++) {
    if (world.carActive[i] === 0) continue;
    const dx = world.carX[i] - ego.x;
    const dy = world.carY[i] - ego.y;
    if (dx * dx + dy * dy > 80 * 80) {
      memory.carHints[i] = -1;
      continue;
    }
    const car = scene.cars[i];
    project(path, world.carX[i], world.carY[i], memory.carHints[i], hit);
    memory.carHints[i] = hit.index;
    const rel = world.carYaw[i] - path.yaw[hit.index];
    const c = Math.abs(Math.cos(rel));
    const s = Math.abs(Math.sin(rel));
    const halfAcross = 0.5 * (car.widthM * c + car.lengthM * s);
    const halfAlong = 0.5 * (car.lengthM * c + car.widthM * s);
    const room = memory.waitingBehind === `actor:${1 + i}` ? pullOutRoomM : 0;
    const gap = hit.s - halfAlong - front - room;
    const before = memory.lastOffset[i];
    memory.lastOffset[i] = hit.d;
    if (hit.s < egoS + 1 || gap > sightM || !inView(ego, world.carX[i], world.carY[i])) continue;
    const lateral = hit.d - offsetOnRoute(memory.moves, hit.s, want).d;
    const clear = halfWidth + halfAcross + 0.3;
    const alongSpeed = world.carSpeed[i] * Math.cos(rel);
    const rate = before === before ? (hit.d - before) / dtSecs : 0;
    const inside = Math.abs(lateral) < clear;
    const facing = Math.cos(rel);
    const isOncoming = facing < -0.3 && !car.parked;
    const isCrossing = Math.abs(facing) < 0.6 && !car.parked && world.carSpeed[i] > 0.4;
    // Oncoming and crossing cars are the junction rules' business, unless they are in our way already.
    if (isOncoming && (!inside || gap > 20)) continue;
    let isCutIn = false;
    const drifting =
      Math.cos(rel) > 0.7 &&
      !car.parked &&
      Math.abs(rate) > 0.12 &&
      Math.sign(rate) === -Math.sign(lateral) &&
      Math.abs(lateral + rate * 1.8) < clear;
    const timer = memory.cutIn.get(i);
    if (!inside && drifting) {
      isCutIn = true;
      memory.cutIn.set(i, 2);
    } else if (timer !== undefined) {
      if (timer <= dtSecs) memory.cutIn.delete(i);
      else {
        memory.cutIn.set(i, timer - dtSecs);
        isCutIn = inside || drifting;
      }
    }
    if (!inside && !isCutIn) continue;
    const accel = leadAccel(v, gap, Math.max(0, alongSpeed), isCutIn);
    out.push({
      kind: isOncoming ? "oncoming" : isCrossing ? "cross" : isCutIn ? "cut_in" : "lead",
      id: `actor:${1 + i}`,
      index: i,
      accelMps2: accel,
      gapM: gap,
      speedMps: alongSpeed,
    });
  }

  addWalkers(world, ego, egoS, memory, out, live);
  addControls(world, ego, egoS, memory, out, live, dtSecs);
  memory.stoppingFor = memory.stoppingFor.filter((id) => live.has(id));
  return out;
}

function addWalkers(
  world: World,
  ego: EgoState,
  egoS: number,
  memory: ExpertMemory,
  out: Hazard[],
  live: Set<string>,
): void {
  const { scene } = world;
  const { path, crossings } = scene.egoRoute;
  const front = egoS + egoGeometry.frontM;
  for (let i = 0; i < world.numWalkers; i++) {
    const walker = scene.walkers[i];
    const dx = world.walkerX[i] - ego.x;
    const dy = world.walkerY[i] - ego.y;
    if (dx * dx + dy * dy > 70 * 70) {
      memory.walkerHints[i] = -1;
      continue;
    }
    project(path, world.walkerX[i], world.walkerY[i], memory.walkerHints[i], hit);
    memory.walkerHints[i] = hit.index;
    if (hit.s < egoS + 2 || hit.s - front > sightM) continue;
    const started = world.walkerStarted[i] === 1;
    const total = Math.hypot(walker.x1 - walker.x0, walker.y1 - walker.y0);
    const moving = started && world.walkerAlong[i] < total;
    if (!moving) continue;
    const yaw = path.yaw[hit.index];
    const ux = (walker.x1 - walker.x0) / total;
    const uy = (walker.y1 - walker.y0) / total;
    // Left-positive speed of the walker across the route.
    const across = walker.speedMps * (-ux * Math.sin(yaw) + uy * Math.cos(yaw));
    if (Math.abs(across) < 0.4) continue;
    if (!entersRoad(scene, hit.d, across, walker.speedMps)) continue;
    const lateral = hit.d - offsetOnRoute(memory.moves, hit.s, want).d;
    // Distance still to walk until the far side of our corridor is clear of them.
    const clear = 0.5 * egoGeometry.widthM + 1.1;
    const beyond = Math.sign(across) * lateral;
    if (beyond > clear || beyond < -11) continue;
    let stopS = hit.s - 2.5;
    for (const crossing of crossings) {
      if (Math.abs(crossing.s - hit.s) < 2.5) stopS = Math.min(stopS, crossing.s - 2.7);
    }
    const gap = stopS - front;
    if (gap < -2.5) continue;
    const id = `actor:${1001 + i}`;
    if ((ego.speedMps * ego.speedMps) / (2 * Math.max(0.3, gap + 2)) > 7.5) continue;
    live.add(id);
    out.push({
      kind: "walker",
      id,
      index: i,
      accelMps2: stopAccel(memory, id, ego.speedMps, gap, 0.7),
      gapM: gap,
      speedMps: world.walkerSpeed[i],
    });
  }
}

/** Whether a walker is on the pavement, or walks straight at it and will be there within 2 s. */
function entersRoad(scene: Scene, d: number, across: number, speed: number): boolean {
  const road = scene.network.roads[0];
  const lane = Math.max(0, road.forward.indexOf(scene.egoRoute.laneIds[0]));
  const side = (lane + 0.5) * road.laneWidthM;
  const half = roadHalfWidthM(road);
  const beyond = d > 0 ? d - (half + side) : -d - (half - side);
  if (beyond <= 0) return true;
  const towards = d > 0 ? -across : across;
  return towards > 0.75 * speed && beyond < 2 * towards;
}

function addControls(
  world: World,
  ego: EgoState,
  egoS: number,
  memory: ExpertMemory,
  out: Hazard[],
  live: Set<string>,
  dtSecs: number,
): void {
  const v = ego.speedMps;
  const front = egoS + egoGeometry.frontM;
  for (const stop of world.scene.egoRoute.stops) {
    const gap = stop.s - front - lineMarginM;
    if (gap > sightM) break;
    if (gap < -1 - lineMarginM) {
      // Past the line: a left turn can still wait before the oncoming lane.
      const length = stop.junctionEndS - stop.junctionStartS;
      const inner = stop.junctionStartS + 0.25 * length - front;
      if (stop.movement === "left" && inner > -1) {
        addConflict(world, stop, true, inner, v, memory, out, live);
      }
      continue;
    }
    keepJunctionClear(stop, gap, front, v, memory, out, live);
    if (stop.lightId !== null) {
      const id = `light:${stop.lightId}`;
      const color = world.colors[stop.lightId];
      const need = (v * v) / (2 * Math.max(0.1, gap + 0.4));
      if (color === "yellow" && need > yellowStopMps2 && !memory.stoppingFor.includes(id)) {
        if (!memory.committedLights.includes(stop.lightId))
          memory.committedLights.push(stop.lightId);
      }
      const committed = memory.committedLights.includes(stop.lightId) && need > 2;
      if ((color === "red" || color === "yellow") && !committed) {
        live.add(id);
        out.push({
          kind: "light",
          id,
          index: stop.lightId,
          accelMps2: stopAccel(memory, id, v, gap, stopOnsetMps2),
          gapM: gap,
          speedMps: 0,
        });
      } else if (stop.movement === "left") {
        addConflict(world, stop, true, gap, v, memory, out, live);
      }
    } else if (stop.isStopSign) {
      const id = `sign:${stop.stopLineId}`;
      if (!memory.servedStops.includes(stop.stopLineId)) {
        if (v < 0.25 && gap < 2) memory.standingSecs += dtSecs;
        if (memory.standingSecs >= 1.2) {
          memory.servedStops.push(stop.stopLineId);
          memory.standingSecs = 0;
        }
        live.add(id);
        out.push({
          kind: "sign",
          id,
          index: stop.stopLineId,
          accelMps2: stopAccel(memory, id, v, gap, stopOnsetMps2),
          gapM: gap,
          speedMps: 0,
        });
      } else addConflict(world, stop, false, gap, v, memory, out, live);
    }
    break;
  }
}

/** Do not enter a junction that a standing queue would keep us in: wait for the lead at the line instead. */
function keepJunctionClear(
  stop: RouteStop,
  gap: number,
  front: number,
  v: number,
  memory: ExpertMemory,
  out: Hazard[],
  live: Set<string>,
): void {
  for (let k = 0; k < out.length; k++) {
    const lead = out[k];
    if (lead.kind !== "lead" || lead.speedMps > 1.5 || lead.gapM < gap) continue;
    // Room behind the lead for our car and a metre.
    if (front + lead.gapM > stop.junctionEndS + 6) continue;
    const accelMps2 = stopAccel(memory, lead.id, v, gap, stopOnsetMps2);
    live.add(lead.id);
    if (accelMps2 < lead.accelMps2) out[k] = { ...lead, accelMps2 };
  }
}

/** Cars that have the right of way through the junction and would be there in the next seconds. */
function addConflict(
  world: World,
  stop: RouteStop,
  onlyOpposite: boolean,
  gap: number,
  v: number,
  memory: ExpertMemory,
  out: Hazard[],
  live: Set<string>,
): void {
  const { scene } = world;
  const approach = scene.network.stopLines[stop.stopLineId];
  // Far from the junction it is too early to judge a gap.
  if (gap > 22) return;
  const front = { x: (approach.ax + approach.bx) / 2, y: (approach.ay + approach.by) / 2 };
  for (let i = 0; i < world.numCars; i++) {
    const car = scene.cars[i];
    if (world.carActive[i] === 0 || car.parked) continue;
    // Further than this from the line they are out of sight.
    if (Math.hypot(world.carX[i] - front.x, world.carY[i] - front.y) > sightM - 15) continue;
    for (const junction of car.route.junctions) {
      if (junction.junctionId !== stop.junctionId) continue;
      const own = car.route.laneIds.some((lane) => approach.laneIds.includes(lane));
      if (own) continue;
      if (onlyOpposite && Math.cos(world.carYaw[i] - approachYaw(world, stop)) > -0.5) continue;
      const toStart = junction.startS - world.carS[i] - 0.5 * car.lengthM;
      const past = world.carS[i] - 0.5 * car.lengthM - junction.endS;
      if (past > -4 || world.carSpeed[i] < 0.4) continue;
      if (toStart > Math.max(12, world.carSpeed[i] * 6)) continue;
      const carStop = car.route.stops.find((s) => s.junctionId === stop.junctionId);
      if (carStop !== undefined && carStop.lightId !== null && toStart > 2) {
        if (world.colors[carStop.lightId] === "red") continue;
      }
      const id = `actor:${1 + i}`;
      live.add(id);
      out.push({
        kind: onlyOpposite ? "oncoming" : "cross",
        id,
        index: i,
        accelMps2: stopAccel(memory, id, v, gap, stopOnsetMps2),
        gapM: gap,
        speedMps: world.carSpeed[i],
      });
    }
  }
}

const approachYaw = (world: World, stop: RouteStop) => {
  const { path } = world.scene.egoRoute;
  return path.yaw[Math.min(path.yaw.length - 1, Math.round(stop.s / path.stepM))];
};
