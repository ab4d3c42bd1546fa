/**
 * Builds a lane graph from a plan: road sections joined by junctions, each junction with stub roads on the arms
 * that the plan does not use. Right-hand traffic, flat ground, one cross-section for the whole network.
 */
import {
  buildPath,
  offsetPath,
  type PathPiece,
  type Pose,
  pathFromSamples,
  reversePath,
  straight,
  type Path,
} from "../geometry/path.ts";
import type {
  Arm,
  Crosswalk,
  Junction,
  JunctionControl,
  Lane,
  Light,
  Movement,
  Network,
  Road,
  StopLine,
  StopSign,
} from "./network.ts";

export interface JunctionPlan {
  /** Which way the route goes on. */
  readonly movement: Movement;
  readonly control: JunctionControl;
  readonly hasStraight: boolean;
  readonly hasLeft: boolean;
  readonly hasRight: boolean;
  readonly crosswalks: boolean;
}

export interface NetworkPlan {
  readonly start: Pose;
  readonly numLanes: number;
  readonly laneWidthM: number;
  readonly shoulderM: number;
  readonly cornerRadiusM: number;
  readonly speedLimitMps: number;
  /** sections.length === junctions.length + 1 */
  readonly sections: readonly (readonly PathPiece[])[];
  readonly junctions: readonly JunctionPlan[];
  /** Crosswalks away from junctions: section index and distance along it. */
  readonly midCrosswalks: readonly { readonly section: number; readonly s: number }[];
  readonly stubLengthM: number;
}

const crosswalkHalfWidthM = 1.5;
/** From the junction square to the crosswalk's near edge, and from the crosswalk to the stop line. */
const crosswalkGapM = 1;
const stopLineGapM = 1.2;

interface Draft {
  lanes: Lane[];
  roads: Road[];
  junctions: Junction[];
  stopLines: StopLine[];
  stopSigns: StopSign[];
  lights: Light[];
  crosswalks: Crosswalk[];
}

/** @returns The network; section k of the plan is road `sectionRoads[k]`. */
export function buildNetwork(plan: NetworkPlan): { network: Network; sectionRoads: number[] } {
  const draft: Draft = {
    lanes: [],
    roads: [],
    junctions: [],
    stopLines: [],
    stopSigns: [],
    lights: [],
    crosswalks: [],
  };
  const sectionRoads: number[] = [];
  let pose: Pose = { ...plan.start };
  for (let k = 0; k < plan.sections.length; k++) {
    const ref = buildPath(pose, plan.sections[k]);
    const road = addRoad(
      draft,
      plan,
      ref,
      k > 0 ? k - 1 : null,
      k < plan.junctions.length ? k : null,
    );
    sectionRoads.push(road.id);
    const last = ref.x.length - 1;
    pose = { x: ref.x[last], y: ref.y[last], yaw: ref.yaw[last] };
    const junction = plan.junctions[k];
    if (junction === undefined) continue;
    const half = junctionHalf(plan);
    const center = {
      x: pose.x + half * Math.cos(pose.yaw),
      y: pose.y + half * Math.sin(pose.yaw),
    };
    const turn = { straight: 0, left: Math.PI / 2, right: -Math.PI / 2 }[junction.movement];
    const arms: (Arm | null)[] = [{ roadId: road.id, yaw: pose.yaw + Math.PI, outward: false }];
    const wanted = {
      straight: junction.hasStraight,
      left: junction.hasLeft,
      right: junction.hasRight,
    };
    const routeArm = { straight: 1, left: 2, right: 3 }[junction.movement];
    for (const [slot, name, angle] of [
      [1, "straight", 0],
      [2, "left", Math.PI / 2],
      [3, "right", -Math.PI / 2],
    ] as const) {
      if (slot === routeArm) {
        // The next section becomes this arm's road; its id is the next one to be made after the stubs.
        arms[slot] = { roadId: -1, yaw: pose.yaw + angle, outward: true };
      } else if (wanted[name]) {
        const yaw = pose.yaw + angle;
        const at = { x: center.x + half * Math.cos(yaw), y: center.y + half * Math.sin(yaw), yaw };
        const stub = addRoad(draft, plan, buildPath(at, [straight(plan.stubLengthM)]), k, null);
        arms[slot] = { roadId: stub.id, yaw, outward: true };
      } else arms[slot] = null;
    }
    arms[routeArm] = { ...(arms[routeArm] as Arm), roadId: draft.roads.length };
    draft.junctions.push({
      id: k,
      x: center.x,
      y: center.y,
      yaw: pose.yaw,
      halfM: half,
      cornerRadiusM: plan.cornerRadiusM,
      arms: arms as unknown as Junction["arms"],
      control: junction.control,
    });
    const out = pose.yaw + turn;
    pose = { x: center.x + half * Math.cos(out), y: center.y + half * Math.sin(out), yaw: out };
  }
  for (let k = 0; k < draft.junctions.length; k++) {
    joinArms(draft, plan, draft.junctions[k], plan.junctions[k].crosswalks);
  }
  for (const { section, s } of plan.midCrosswalks) {
    const road = draft.roads[sectionRoads[section]];
    const i = Math.min(road.ref.x.length - 1, Math.round(s / road.ref.stepM));
    addCrosswalk(draft, plan, road.ref.x[i], road.ref.y[i], road.ref.yaw[i], null);
  }
  return { network: draft, sectionRoads };
}

const junctionHalf = (plan: NetworkPlan) =>
  plan.numLanes * plan.laneWidthM + plan.shoulderM + plan.cornerRadiusM;

function addRoad(
  draft: Draft,
  plan: NetworkPlan,
  ref: Path,
  startJunctionId: number | null,
  endJunctionId: number | null,
): Road {
  const id = draft.roads.length;
  const forward: number[] = [];
  const backward: number[] = [];
  for (const [ids, isForward] of [
    [forward, true],
    [backward, false],
  ] as const) {
    for (let i = 0; i < plan.numLanes; i++) {
      const d = (i + 0.5) * plan.laneWidthM;
      const path = isForward ? offsetPath(ref, -d) : reversePath(offsetPath(ref, d));
      ids.push(draft.lanes.length);
      draft.lanes.push({
        id: draft.lanes.length,
        path,
        widthM: plan.laneWidthM,
        roadId: id,
        leftMarking: i === 0 ? "solid" : "dashed",
        rightMarking: i === plan.numLanes - 1 ? "solid" : "dashed",
        isJunction: false,
        junctionId: null,
        movement: null,
        successors: [],
        leftId: null,
        rightId: null,
        speedLimitMps: plan.speedLimitMps,
        stopLineId: null,
      });
    }
    for (let i = 0; i < ids.length; i++) {
      if (i > 0) draft.lanes[ids[i]].leftId = ids[i - 1];
      if (i < ids.length - 1) draft.lanes[ids[i]].rightId = ids[i + 1];
    }
  }
  const road: Road = {
    id,
    ref,
    numLanes: plan.numLanes,
    laneWidthM: plan.laneWidthM,
    shoulderM: plan.shoulderM,
    forward,
    backward,
    startJunctionId,
    endJunctionId,
  };
  draft.roads.push(road);
  return road;
}

const incoming = (road: Road, arm: Arm) => (arm.outward ? road.backward : road.forward);
const outgoing = (road: Road, arm: Arm) => (arm.outward ? road.forward : road.backward);

function joinArms(draft: Draft, plan: NetworkPlan, junction: Junction, crosswalks: boolean): void {
  junction.arms.forEach((from, slot) => {
    if (from === null) return;
    const lanesIn = incoming(draft.roads[from.roadId], from);
    addControl(draft, plan, junction, from, slot, lanesIn, crosswalks);
    for (const to of junction.arms) {
      if (to === null || to === from) continue;
      const lanesOut = outgoing(draft.roads[to.roadId], to);
      const angle = Math.round(
        Math.atan2(Math.sin(to.yaw - from.yaw - Math.PI), Math.cos(to.yaw - from.yaw - Math.PI)) /
          (Math.PI / 2),
      );
      const movement: Movement = angle === 0 ? "straight" : angle > 0 ? "left" : "right";
      for (let i = 0; i < plan.numLanes; i++) {
        // Left turns from the inner lane, right turns from the outer one, straight from all.
        if (movement === "left" && i !== 0) continue;
        if (movement === "right" && i !== plan.numLanes - 1) continue;
        const a = draft.lanes[lanesIn[i]];
        const b = draft.lanes[lanesOut[i]];
        const lane: Lane = {
          id: draft.lanes.length,
          path: connect(a.path, b.path),
          widthM: plan.laneWidthM,
          roadId: null,
          leftMarking: "none",
          rightMarking: "none",
          isJunction: true,
          junctionId: junction.id,
          movement,
          successors: [b.id],
          leftId: null,
          rightId: null,
          speedLimitMps: plan.speedLimitMps,
          stopLineId: null,
        };
        draft.lanes.push(lane);
        a.successors.push(lane.id);
      }
    }
  });
}

/** End of `a` to start of `b`: a straight, or a turn with trapezoidal curvature, straight on the longer leg. */
function connect(a: Path, b: Path): Path {
  const n = a.x.length - 1;
  const start = { x: a.x[n], y: a.y[n], yaw: a.yaw[n] };
  const dx = b.x[0] - start.x;
  const dy = b.y[0] - start.y;
  const ahead = dx * Math.cos(start.yaw) + dy * Math.sin(start.yaw);
  const side = -dx * Math.sin(start.yaw) + dy * Math.cos(start.yaw);
  if (Math.abs(side) < 0.5) return buildPath(start, [straight(ahead)]);
  const sign = Math.sign(side);
  const leg = Math.min(ahead, Math.abs(side));
  // A symmetric quarter turn scales with its leg: find the leg of radius 1, scale, then integrate.
  const unit = buildPath({ x: 0, y: 0, yaw: 0 }, turnPieces(10, 1));
  const m = unit.x.length - 1;
  const radius = (10 * leg) / (0.5 * (unit.x[m] + unit.y[m]));
  const pieces = [
    straight(Math.max(0.01, ahead - leg)),
    ...turnPieces(radius, sign),
    straight(Math.max(0.01, Math.abs(side) - leg)),
  ];
  const path = buildPath(start, pieces);
  // Close the last millimetres so that the joint is exact.
  const k = path.x.length - 1;
  const ex = b.x[0] - path.x[k];
  const ey = b.y[0] - path.y[k];
  for (let i = 0; i <= k; i++) {
    path.x[i] += (ex * i) / k;
    path.y[i] += (ey * i) / k;
  }
  return pathFromSamples(path.x, path.y, path.yaw, path.kappa);
}

function turnPieces(radiusM: number, sign: number): PathPiece[] {
  const kappa = sign / radiusM;
  const total = (Math.PI / 2) * radiusM;
  const ramp = 0.3 * total;
  return [
    { lengthM: ramp, kappaStart: 0, kappaEnd: kappa },
    { lengthM: total - ramp, kappaStart: kappa, kappaEnd: kappa },
    { lengthM: ramp, kappaStart: kappa, kappaEnd: 0 },
  ];
}

function addCrosswalk(
  draft: Draft,
  plan: NetworkPlan,
  x: number,
  y: number,
  roadYaw: number,
  junctionId: number | null,
): Crosswalk {
  const crosswalk: Crosswalk = {
    id: draft.crosswalks.length,
    x,
    y,
    walkYaw: roadYaw + Math.PI / 2,
    halfLengthM: plan.numLanes * plan.laneWidthM + plan.shoulderM,
    halfWidthM: crosswalkHalfWidthM,
    junctionId,
  };
  draft.crosswalks.push(crosswalk);
  return crosswalk;
}

function addControl(
  draft: Draft,
  plan: NetworkPlan,
  junction: Junction,
  arm: Arm,
  slot: number,
  lanesIn: readonly number[],
  crosswalks: boolean,
): void {
  const c = Math.cos(arm.yaw);
  const s = Math.sin(arm.yaw);
  // `out` metres from the centre along the arm, `right` metres to the right of a driver who comes in.
  const place = (out: number, right: number) => ({
    x: junction.x + out * c - right * s,
    y: junction.y + out * s + right * c,
  });
  const half = junction.halfM;
  const paved = plan.numLanes * plan.laneWidthM;
  let lineOut = half + 0.5;
  if (crosswalks) {
    const at = place(half + crosswalkGapM + crosswalkHalfWidthM, 0);
    addCrosswalk(draft, plan, at.x, at.y, arm.yaw, junction.id);
    lineOut = half + crosswalkGapM + 2 * crosswalkHalfWidthM + stopLineGapM;
  }
  // On a road without control only the turning side of a T has to give way; we leave those unsigned.
  if (junction.control === "none") return;
  const a = place(lineOut, 0.15);
  const b = place(lineOut, paved);
  const driverYaw = arm.yaw + Math.PI;
  const stopLineId = draft.stopLines.length;
  let lightId: number | null = null;
  if (junction.control === "light") {
    lightId = draft.lights.length;
    const near = place(lineOut, paved + plan.shoulderM + 0.6);
    const farOut = -(half + 1);
    const far = place(farOut, paved + plan.shoulderM + 0.8);
    const arm2 = place(farOut, paved * 0.5);
    draft.lights.push({
      id: lightId,
      junctionId: junction.id,
      axis: slot < 2 ? 0 : 1,
      yaw: driverYaw + Math.PI,
      heads: [
        { x: near.x, y: near.y, z: 3.2 },
        { x: arm2.x, y: arm2.y, z: 5.6 },
        { x: far.x, y: far.y, z: 3.4 },
      ],
      poles: [
        { x: near.x, y: near.y, heightM: 2.4, armX: near.x, armY: near.y },
        { x: far.x, y: far.y, heightM: 6.2, armX: arm2.x, armY: arm2.y },
      ],
    });
  } else {
    const sign = place(lineOut, paved + plan.shoulderM + 0.7);
    draft.stopSigns.push({ x: sign.x, y: sign.y, yaw: arm.yaw, stopLineId });
  }
  draft.stopLines.push({
    id: stopLineId,
    ax: a.x,
    ay: a.y,
    bx: b.x,
    by: b.y,
    laneIds: lanesIn,
    lightId,
    isStopSign: junction.control === "stop",
    junctionId: junction.id,
  });
  for (const id of lanesIn) draft.lanes[id].stopLineId = stopLineId;
}
