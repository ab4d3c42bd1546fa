/** Lateral plans of the expert: nudges round standing cars, and lane changes past a blocked lane or as routed. */
import { type Projection, project } from "../geometry/path.ts";
import { type EgoState, egoGeometry } from "../world/scene.ts";
import type { World } from "../world/world.ts";
import { type OffsetSample, offsetOnRoute } from "./corridor.ts";
import { type ExpertMemory, inView, sightM } from "./hazards.ts";

export interface Manoeuvre {
  readonly kind: "in_lane_nudge" | "out_of_lane_nudge" | "lane_change";
  readonly side: "left" | "right";
  /** Component id of the cause: "actor:4" or "route". */
  readonly causeId: string;
  readonly startS: number;
  /** Where the lateral decision ends (most of the way back, or arrived in the new lane). */
  readonly endS: number;
}

/** Side clearance that the expert keeps to standing cars, m. */
const nudgeMarginM = 0.75;

const hit: Projection = { s: 0, d: 0, index: 0 };
const want: OffsetSample = { d: 0, slope: 0, bend: 0 };

export interface ManoeuvreState {
  active: Manoeuvre[];
  handled: string[];
  /** Set while a lane change is wanted but the gap is closed; the blocking car when there is one. */
  waitingFor: { side: "left" | "right"; causeId: string } | null;
}

/** Plans new manoeuvres; appends to `memory.moves` and `state.active`. */
export function planManoeuvres(
  world: World,
  ego: EgoState,
  egoS: number,
  memory: ExpertMemory,
  state: ManoeuvreState,
): void {
  state.waitingFor = null;
  const { scene } = world;
  const { path } = scene.egoRoute;
  const v = Math.max(4, ego.speedMps);
  const laneWidth = scene.network.lanes[scene.egoRoute.laneIds[0]].widthM;
  const busy = state.active.some((m) => m.kind === "lane_change" && egoS < m.endS);

  const { laneChange } = scene;
  if (laneChange !== null && !state.handled.includes("route") && !busy) {
    if (laneChange.byS - egoS < routeLaneChangeNoticeM && egoS < laneChange.byS) {
      tryLaneChange(world, ego, egoS, memory, state, laneChange.side, "route");
    }
  }

  for (let i = 0; i < world.numCars; i++) {
    const car = scene.cars[i];
    const id = `actor:${1 + i}`;
    if (!car.parked || state.handled.includes(id)) continue;
    const dx = world.carX[i] - ego.x;
    const dy = world.carY[i] - ego.y;
    if (dx * dx + dy * dy > 80 * 80 || !inView(ego, world.carX[i], world.carY[i])) continue;
    project(path, world.carX[i], world.carY[i], memory.carHints[i], hit);
    const base = offsetOnRoute(memory.moves, hit.s, want).d;
    const rel = world.carYaw[i] - path.yaw[hit.index];
    const c = Math.abs(Math.cos(rel));
    const s = Math.abs(Math.sin(rel));
    const half = 0.5 * (car.widthM * c + car.lengthM * s);
    const along = 0.5 * (car.lengthM * c + car.widthM * s);
    const gap = hit.s - along - egoS - egoGeometry.frontM;
    if (gap < 0 || gap > sightM) continue;
    const lateral = hit.d - base;
    // `hit` is overwritten by the gap tests below.
    const obstacleS = hit.s;
    const reach = 0.5 * egoGeometry.widthM + nudgeMarginM;
    if (half + reach - Math.abs(lateral) < 0.15) continue;
    const plan = chooseSide(world, egoS, base, lateral, half + reach);
    if (plan === null) continue;
    const { side, need } = plan;
    const sign = side === "left" ? 1 : -1;
    if (plan.isLaneChange) {
      if (!busy) tryLaneChange(world, ego, egoS, memory, state, side, id);
      continue;
    }
    const inLane = need + 0.5 * egoGeometry.widthM < 0.5 * laneWidth - 0.02;
    if (side === "left" && !inLane && !oncomingClear(world, ego, egoS, obstacleS)) {
      state.waitingFor = { side, causeId: id };
      continue;
    }
    if (!inLane && hasLane(world, egoS, base, side)) {
      const beside = base + sign * laneWidth;
      if (!gapIsOpen(world, ego, egoS, memory, beside, id)) {
        state.waitingFor = { side, causeId: id };
        continue;
      }
    }
    const ramp = Math.max(14, 2.4 * v);
    const arrive = obstacleS - along - egoGeometry.frontM - 1;
    const startS = Math.max(egoS + 0.5, arrive - ramp);
    // Too late for a smooth move at this speed: the lead rule brakes for it first.
    if (arrive - startS < Math.max(6, 0.9 * ego.speedMps)) continue;
    const leave = obstacleS + along + 2;
    memory.moves.push(
      { startS, endS: arrive, toM: base + sign * need },
      { startS: leave, endS: leave + ramp, toM: base },
    );
    state.handled.push(id);
    state.active.push({
      kind: inLane ? "in_lane_nudge" : "out_of_lane_nudge",
      side,
      causeId: id,
      startS: startS - 0.5 * v,
      endS: leave + 0.45 * ramp,
    });
  }
}

/**
 * Which way round an obstacle: away from it where that is a nudge that stays on the pavement (and, to the left, within
 * half a lane), else into a neighbouring lane where there is one, else not at all.
 */
function chooseSide(
  world: World,
  egoS: number,
  base: number,
  lateral: number,
  reachM: number,
): { side: "left" | "right"; need: number; isLaneChange: boolean } | null {
  const { network, egoRoute } = world.scene;
  const road = network.roads[0];
  const away = lateral > 0 ? ("right" as const) : ("left" as const);
  const need = reachM - Math.abs(lateral);
  const { widthM } = network.lanes[egoRoute.laneIds[0]];
  if (need <= 0.55 * widthM) {
    const toEdge = 0.5 * widthM + road.shoulderM - 0.25;
    const fits = hasLane(world, egoS, base, away) || need + 0.5 * egoGeometry.widthM < toEdge;
    if (away === "left" || fits) return { side: away, need, isLaneChange: false };
  }
  if (hasLane(world, egoS, base, away)) return { side: away, need, isLaneChange: true };
  const other = away === "left" ? "right" : "left";
  if (hasLane(world, egoS, base, other)) return { side: other, need, isLaneChange: true };
  if (away === "left" && need <= 0.9 * widthM) return { side: away, need, isLaneChange: false };
  return null;
}

/** From how far before its end a routed lane change is announced and begun, m. */
export const routeLaneChangeNoticeM = 70;

function hasLane(world: World, egoS: number, base: number, side: "left" | "right"): boolean {
  const route = world.scene.egoRoute;
  let k = 0;
  while (k < route.laneStartS.length - 1 && egoS >= route.laneStartS[k + 1]) k++;
  const lane = world.scene.network.lanes[route.laneIds[k]];
  const current = Math.round(base / lane.widthM);
  if (side === "left") return current < 0 || (current === 0 && lane.leftId !== null);
  return current > 0 || (current === 0 && lane.rightId !== null);
}

/**
 * Whether an offset beside us has a gap: nobody there has to brake more than gently, and we need not either (MOBIL's
 * safety part). `exceptId` is the obstacle itself.
 */
function gapIsOpen(
  world: World,
  ego: EgoState,
  egoS: number,
  memory: ExpertMemory,
  targetM: number,
  exceptId: string,
): boolean {
  const { scene } = world;
  const { path } = scene.egoRoute;
  const laneWidth = scene.network.lanes[scene.egoRoute.laneIds[0]].widthM;
  const v = ego.speedMps;
  for (let i = 0; i < world.numCars; i++) {
    if (world.carActive[i] === 0 || `actor:${1 + i}` === exceptId) continue;
    const dx = world.carX[i] - ego.x;
    const dy = world.carY[i] - ego.y;
    if (dx * dx + dy * dy > 70 * 70) continue;
    project(path, world.carX[i], world.carY[i], memory.carHints[i], hit);
    if (Math.abs(hit.d - targetM) > 0.5 * laneWidth + 0.4) continue;
    const other = world.carSpeed[i] * Math.cos(world.carYaw[i] - path.yaw[hit.index]);
    const gap = hit.s - (egoS + egoGeometry.rearAxleToCenterM);
    const lengths = 0.5 * (scene.cars[i].lengthM + egoGeometry.lengthM);
    const needed =
      gap >= 0
        ? 4 + 0.5 * v + 3 * Math.max(0, v - other)
        : 4 + 0.5 * other + 3 * Math.max(0, other - v);
    if (Math.abs(gap) - lengths < needed) return false;
  }
  return true;
}

function tryLaneChange(
  world: World,
  ego: EgoState,
  egoS: number,
  memory: ExpertMemory,
  state: ManoeuvreState,
  side: "left" | "right",
  causeId: string,
): void {
  const { scene } = world;
  const laneWidth = scene.network.lanes[scene.egoRoute.laneIds[0]].widthM;
  const base = offsetOnRoute(memory.moves, egoS + 100, want).d;
  const target = base + (side === "left" ? laneWidth : -laneWidth);
  if (!gapIsOpen(world, ego, egoS, memory, target, causeId)) {
    state.waitingFor = { side, causeId };
    return;
  }
  const length = Math.max(11, 3.6 * ego.speedMps);
  memory.moves.push({ startS: egoS + 0.5, endS: egoS + 0.5 + length, toM: target });
  state.handled.push(causeId);
  state.active.push({
    kind: "lane_change",
    side,
    causeId,
    startS: egoS,
    endS: egoS + 0.95 * length,
  });
}

/** Oncoming headlights are made out this far, m. */
const oncomingSightM = 100;

/** Whether the oncoming lane stays free while we are beside the obstacle. */
function oncomingClear(world: World, ego: EgoState, egoS: number, obstacleS: number): boolean {
  const { path } = world.scene.egoRoute;
  const secs = (obstacleS + 8 - egoS) / Math.max(5, ego.speedMps);
  const other: Projection = { s: 0, d: 0, index: 0 };
  for (let i = 0; i < world.numCars; i++) {
    if (world.carActive[i] === 0 || world.scene.cars[i].parked) continue;
    if (Math.hypot(world.carX[i] - ego.x, world.carY[i] - ego.y) > oncomingSightM) continue;
    project(path, world.carX[i], world.carY[i], -1, other);
    if (Math.abs(other.d) > 6) continue;
    if (Math.cos(world.carYaw[i] - path.yaw[other.index]) > -0.5) continue;
    const nearest = other.s - world.carSpeed[i] * (secs + 1);
    if (other.s > egoS && nearest < obstacleS + 10) return false;
  }
  return true;
}
