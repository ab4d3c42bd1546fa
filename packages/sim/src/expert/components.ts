/** The critical components in view, as people and models would name them: what a decision may cite. */
import type { CriticalComponent } from "@causeway/data";
import { poseAt, type Pose, type Projection, project, wrapAngle } from "../geometry/path.ts";
import { egoGeometry } from "../world/scene.ts";
import { walkerIdBase } from "../world/world.ts";
import type { DecisionInput } from "./decide.ts";
import { inView, sightM } from "./hazards.ts";

/** Every `kind` that the simulator gives to a component. */
export const componentKinds = [
  "lead_vehicle",
  "cut_in_vehicle",
  "oncoming_vehicle",
  "cross_vehicle",
  "adjacent_vehicle",
  "parked_vehicle",
  "blocking_vehicle",
  "pedestrian",
  "red_light",
  "yellow_light",
  "green_light",
  "stop_sign",
  "curve",
  "junction_turn",
  "free_lane",
  "route",
] as const;

/** Component id of the ego's own lane. */
export const egoLaneId = "lane:ego";

const round = (value: number) => Math.round(value * 10) / 10;
const hit: Projection = { s: 0, d: 0, index: 0 };
const pose: Pose = { x: 0, y: 0, yaw: 0 };

/** @returns Components within sight, in a fixed order: actors by id, lights, signs, road, route. */
export function listComponents(input: DecisionInput): CriticalComponent[] {
  const { world, ego, egoS, hazards } = input;
  const { scene } = world;
  const { path, stops, junctions } = scene.egoRoute;
  const out: CriticalComponent[] = [];
  const front = egoS + egoGeometry.frontM;

  for (let i = 0; i < world.numCars; i++) {
    if (world.carActive[i] === 0) continue;
    const dx = world.carX[i] - ego.x;
    const dy = world.carY[i] - ego.y;
    const distance = Math.hypot(dx, dy);
    if (distance > sightM + 8 || !inView(ego, world.carX[i], world.carY[i])) continue;
    const car = scene.cars[i];
    const id = `actor:${1 + i}`;
    const hazard = hazards.find((h) => h.id === id);
    project(path, world.carX[i], world.carY[i], input.carHints[i], hit);
    const along = Math.cos(world.carYaw[i] - path.yaw[hit.index]);
    const lateral = hit.d - input.laneOffsetM;
    const side = lateral > 0 ? "left" : "right";
    let kind: string;
    if (hazard !== undefined) {
      kind =
        hazard.kind === "cut_in"
          ? "cut_in_vehicle"
          : hazard.kind === "oncoming"
            ? "oncoming_vehicle"
            : hazard.kind === "cross"
              ? "cross_vehicle"
              : car.parked
                ? "blocking_vehicle"
                : "lead_vehicle";
    } else if (car.parked) {
      const cited = input.manoeuvres.active.find((m) => m.causeId === id);
      kind = cited?.kind === "lane_change" ? "blocking_vehicle" : "parked_vehicle";
    } else if (along > 0.7) kind = Math.abs(lateral) < 1.2 ? "lead_vehicle" : "adjacent_vehicle";
    else if (along < -0.7) kind = "oncoming_vehicle";
    else kind = "cross_vehicle";
    // Only what can influence the driving: not what lies behind, not distant crossing or oncoming traffic.
    if (hazard === undefined && hit.s < egoS) continue;
    if (
      hazard === undefined &&
      (kind === "cross_vehicle" || kind === "oncoming_vehicle") &&
      distance > 40
    ) {
      continue;
    }
    const gap = Math.max(0, hit.s - 0.5 * car.lengthM - front);
    out.push({
      id,
      category: "critical_object",
      kind,
      attributes: {
        distanceM: round(hazard?.kind === "lead" || Math.abs(lateral) < 1.5 ? gap : distance),
        speedMps: round(world.carSpeed[i]),
        lateralM: round(lateral),
        side: Math.abs(lateral) < 1 ? "center" : side,
        type: car.kind,
        braking: world.carBraking[i] === 1,
        indicator: world.indicator(i),
      },
    });
  }

  for (let i = 0; i < world.numWalkers; i++) {
    const dx = world.walkerX[i] - ego.x;
    const dy = world.walkerY[i] - ego.y;
    if (dx * dx + dy * dy > (sightM + 8) ** 2 || !inView(ego, world.walkerX[i], world.walkerY[i]))
      continue;
    project(path, world.walkerX[i], world.walkerY[i], input.walkerHints[i], hit);
    if (hit.s < egoS + 1) continue;
    const id = `actor:${walkerIdBase + i}`;
    const moving = world.walkerSpeed[i] > 0;
    const crossing = hazards.some((h) => h.id === id);
    out.push({
      id,
      category: "critical_object",
      kind: "pedestrian",
      attributes: {
        distanceM: round(Math.max(0, hit.s - front)),
        lateralM: round(hit.d - input.laneOffsetM),
        side: hit.d > 0 ? "left" : "right",
        state: crossing ? "crossing" : moving ? "walking" : "waiting",
      },
    });
  }

  for (const stop of stops) {
    const gap = stop.s - front;
    if (gap > sightM || stop.junctionEndS < egoS) continue;
    if (stop.lightId !== null) {
      const light = scene.network.lights[stop.lightId];
      if (gap < -3 || !inView(ego, light.heads[1].x, light.heads[1].y)) continue;
      const state = world.colors[stop.lightId];
      out.push({
        id: `light:${stop.lightId}`,
        category: "traffic_light",
        kind: `${state}_light`,
        attributes: { state, distanceM: round(Math.max(0, gap)) },
      });
    } else if (stop.isStopSign && gap > -3) {
      out.push({
        id: `sign:${stop.stopLineId}`,
        category: "yield_stop_control",
        kind: "stop_sign",
        attributes: { distanceM: round(Math.max(0, gap)) },
      });
    }
  }

  for (const junction of junctions) {
    if (junction.movement === "straight") continue;
    const distance = junction.startS - front;
    if (distance > sightM || egoS > junction.endS) continue;
    out.push({
      id: `junction:${junction.junctionId}`,
      category: "road_event",
      kind: "junction_turn",
      attributes: { side: junction.movement, distanceM: round(Math.max(0, distance)) },
    });
  }
  const bend = findBend(input);
  if (bend !== null) out.push(bend);

  let k = 0;
  const { laneStartS, laneIds } = scene.egoRoute;
  while (k < laneStartS.length - 1 && egoS >= laneStartS[k + 1]) k++;
  out.push({
    // One id for whatever lane we are in, so that a new lane id is not a new reason.
    id: egoLaneId,
    category: "lane_lines",
    kind: "free_lane",
    attributes: { limitMps: round(scene.speedLimitMps), laneId: laneIds[k] },
  });
  const routed = routeReason(input);
  if (routed !== null) out.push(routed);
  return out;
}

/** The sharpest part of the road (outside junctions) in the next seconds, when it asks for less speed. */
function findBend(input: DecisionInput): CriticalComponent | null {
  const { egoS, ego, world } = input;
  const { path, junctions, curveSpeedMps } = world.scene.egoRoute;
  const reach = Math.min(sightM, Math.max(25, 4.5 * ego.speedMps));
  const first = Math.max(0, Math.floor(egoS / path.stepM));
  const last = Math.min(path.kappa.length - 1, Math.ceil((egoS + reach) / path.stepM));
  let sharpest = -1;
  let most = 0.004;
  for (let i = first; i <= last; i += 2) {
    const s = i * path.stepM;
    if (junctions.some((j) => s > j.startS - 1 && s < j.endS + 1)) continue;
    const kappa = Math.abs(path.kappa[i]);
    // 5 % more before a later part counts as sharper, so that the component keeps pointing at the same bend.
    if (kappa > 1.05 * most) {
      most = kappa;
      sharpest = i;
    }
  }
  if (sharpest < 0) return null;
  // Where this bend begins.
  let begin = sharpest;
  while (begin > first && Math.abs(path.kappa[begin]) > 0.3 * most) begin--;
  poseAt(path, sharpest * path.stepM, 0, pose);
  const turn = wrapAngle(path.yaw[last] - path.yaw[first]);
  return {
    id: "curve",
    category: "road_event",
    kind: "curve",
    attributes: {
      side: path.kappa[sharpest] > 0 ? "left" : "right",
      distanceM: round(Math.max(0, begin * path.stepM - egoS - egoGeometry.frontM)),
      radiusM: Math.round(1 / most),
      headingChangeRad: Math.round(turn * 100) / 100,
      comfortSpeedMps: round(curveSpeedMps[sharpest]),
    },
  };
}

/** The bend or turn that limits the speed: whichever comes first. */
export function bendAhead(components: readonly CriticalComponent[]): CriticalComponent | null {
  let best: CriticalComponent | null = null;
  for (const c of components) {
    if (c.category !== "road_event") continue;
    if (best === null || Number(c.attributes.distanceM) < Number(best.attributes.distanceM))
      best = c;
  }
  return best;
}

function routeReason(input: DecisionInput): CriticalComponent | null {
  const { egoS, world } = input;
  const { laneChange, egoRoute } = world.scene;
  for (const junction of egoRoute.junctions) {
    if (egoS > junction.endS || junction.startS - egoS > 90) continue;
    if (junction.movement === "straight") continue;
    return {
      id: "route",
      category: "routing_intent",
      kind: "route",
      attributes: {
        command: junction.movement,
        distanceM: round(Math.max(0, junction.startS - egoS - egoGeometry.frontM)),
      },
    };
  }
  if (laneChange !== null && egoS < laneChange.byS && laneChange.byS - egoS < 90) {
    return {
      id: "route",
      category: "routing_intent",
      kind: "route",
      attributes: {
        command: `lane_change_${laneChange.side}`,
        distanceM: round(laneChange.byS - egoS),
      },
    };
  }
  return null;
}
