/**
 * The privileged driver. Longitudinal: the least acceleration of free road, bends and hazards, jerk-limited.
 * Lateral: Frenet feedback on the route plus planned offsets (nudges, lane changes), for a bicycle:
 *
 *   k = k_ref - (d - d*) / l^2 - (2 z / l) sin(theta - theta*),   l = preview length, z = damping
 *
 * It reads truth, but only what the cameras could show at that moment (see hazards.ts).
 */
import type { DrivingDecision } from "@causeway/data";
import { kappaAt, type Projection, project, wrapAngle } from "../geometry/path.ts";
import { idmFree } from "../world/idm.ts";
import { type EgoState, type Scene, tickSecs } from "../world/scene.ts";
import type { World } from "../world/world.ts";
import { offsetOnRoute, type OffsetSample } from "./corridor.ts";
import { createDecider, type Decider, type DecisionInput } from "./decide.ts";
import { expertIdm, type ExpertMemory, findHazards, type Hazard } from "./hazards.ts";
import { type ManoeuvreState, planManoeuvres } from "./manoeuvre.ts";

export interface ExpertCommand {
  accelMps2: number;
  curvaturePerM: number;
}

/** Distance that braking with 0.38 + 0.85 v takes from speed v: the integral of v / (0.38 + 0.85 v). */
const softStopDistance = (v: number) =>
  v / 0.85 - (0.38 / 0.85 ** 2) * Math.log(1 + (0.85 * v) / 0.38);

const jerkUpMps3 = 2.2;
const jerkDownMps3 = 4;
const jerkEmergencyMps3 = 14;

const hit: Projection = { s: 0, d: 0, index: 0 };
const want: OffsetSample = { d: 0, slope: 0, bend: 0 };

export class Expert {
  readonly scene: Scene;
  /** Arc length of the rear axle on the route at the last call. */
  egoS = 0;
  /** Lateral error to the wanted line at the last call, m. */
  lateralErrorM = 0;
  /** Heading less that of the wanted line at the last call, rad. */
  headingErrorRad = 0;
  hazards: Hazard[] = [];
  /** Follow a line this far to the left of the wanted one, m: for recordings of recoveries. */
  lineBiasM = 0;
  /** What the last `drive` returned. */
  lastCommand: ExpertCommand = { accelMps2: 0, curvaturePerM: 0 };
  private routeHint = -1;
  private accel = 0;
  private readonly memory: ExpertMemory;
  private readonly manoeuvres: ManoeuvreState;
  private readonly decider: Decider;
  private readonly states: boolean;

  /** @param states  Whether to work out decisions (costs allocations); a look-ahead copy does not need them. */
  constructor(scene: Scene, states = true, from?: Expert) {
    this.scene = scene;
    this.states = states;
    this.decider = createDecider();
    if (from === undefined) {
      this.memory = {
        moves: [],
        servedStops: [],
        standingSecs: 0,
        committedLights: [],
        stoppingFor: [],
        carHints: new Int32Array(scene.cars.length).fill(-1),
        walkerHints: new Int32Array(scene.walkers.length).fill(-1),
        lastOffset: new Float64Array(scene.cars.length).fill(Number.NaN),
        cutIn: new Map(),
        waitingBehind: null,
      };
      this.manoeuvres = { active: [], handled: [], waitingFor: null };
      return;
    }
    const { memory, manoeuvres } = from;
    this.memory = {
      moves: [...memory.moves],
      servedStops: [...memory.servedStops],
      standingSecs: memory.standingSecs,
      committedLights: [...memory.committedLights],
      stoppingFor: [...memory.stoppingFor],
      carHints: memory.carHints.slice(),
      walkerHints: memory.walkerHints.slice(),
      lastOffset: memory.lastOffset.slice(),
      cutIn: new Map(memory.cutIn),
      waitingBehind: memory.waitingBehind,
    };
    this.manoeuvres = {
      active: [...manoeuvres.active],
      handled: [...manoeuvres.handled],
      waitingFor: manoeuvres.waitingFor,
    };
    this.egoS = from.egoS;
    this.routeHint = from.routeHint;
    this.accel = from.accel;
  }

  /** A copy without a decider that can be run ahead on a cloned world. */
  cloneForLookahead(): Expert {
    return new Expert(this.scene, false, this);
  }

  /** The command for the coming tick; call once a tick. */
  drive(world: World, ego: EgoState): ExpertCommand {
    const { egoRoute, speedLimitMps } = this.scene;
    const { path, curveSpeedMps } = egoRoute;
    project(path, ego.x, ego.y, this.routeHint, hit);
    this.routeHint = hit.index;
    this.egoS = hit.s;
    const egoS = hit.s;
    const d = hit.d;
    const v = ego.speedMps;

    planManoeuvres(world, ego, egoS, this.memory, this.manoeuvres);
    this.memory.waitingBehind = this.manoeuvres.waitingFor?.causeId ?? null;
    this.hazards = findHazards(world, ego, egoS, this.memory, tickSecs);

    const at = Math.min(curveSpeedMps.length - 1, Math.round((egoS + 0.4 * v + 0.5) / path.stepM));
    const curveSpeed = curveSpeedMps[at];
    let nudgeSpeed = Number.POSITIVE_INFINITY;
    for (const m of this.manoeuvres.active) {
      if (m.kind === "out_of_lane_nudge" && egoS > m.startS && egoS < m.endS) {
        nudgeSpeed = Math.max(6, 0.75 * speedLimitMps);
      }
    }
    const desired = Math.min(speedLimitMps, curveSpeed, nudgeSpeed);
    let accel = idmFree(v, desired, expertIdm, curveSpeed < speedLimitMps ? 2.6 : 1.6);
    // Free road and interaction add up in the IDM; stops stand on their own.
    for (const hazard of this.hazards) {
      const a =
        hazard.kind === "lead" || hazard.kind === "cut_in"
          ? Math.min(accel, Math.max(0, accel) + hazard.accelMps2)
          : hazard.accelMps2;
      if (a < accel) accel = a;
    }
    accel = Math.max(-7, Math.min(1.8, accel));
    // The last metres of a stop are soft, or every stop would end in a jerk.
    if (v < 3 && this.roomToStop() > softStopDistance(v)) accel = Math.max(accel, -0.38 - 0.85 * v);
    const down = accel < -3.6 ? jerkEmergencyMps3 : jerkDownMps3;
    // Letting go of the brakes may be as quick as stepping on them; pulling away is gentle.
    const up = this.accel < -0.3 ? jerkDownMps3 : jerkUpMps3;
    this.accel = Math.max(
      this.accel - down * tickSecs,
      Math.min(this.accel + up * tickSecs, accel),
    );
    if (v < 0.05 && this.accel < 0) this.accel = Math.max(this.accel, -0.8);

    const preview = 0.15 * v;
    offsetOnRoute(this.memory.moves, egoS + preview, want);
    const kRef = kappaAt(path, egoS + preview);
    const i = Math.min(path.yaw.length - 1, Math.max(0, Math.round(egoS / path.stepM)));
    const kHere = path.kappa[i];
    // Heading of the route exactly at our place, not at the nearest sample.
    const yawRef = path.yaw[i] + kHere * (egoS - i * path.stepM) + Math.atan(want.slope);
    this.lateralErrorM = d - offsetOnRoute(this.memory.moves, egoS, here).d;
    const error = Math.max(-1.2, Math.min(1.2, d - want.d - this.lineBiasM));
    const theta = wrapAngle(ego.yaw - yawRef);
    this.headingErrorRad = theta;
    const length = Math.max(3.2, Math.min(11, 0.75 * v + 1));
    const curvaturePerM =
      kRef / Math.max(0.4, 1 - kRef * want.d) +
      want.bend -
      error / (length * length) -
      (1.8 / length) * Math.sin(theta);

    if (this.states) {
      const input: DecisionInput = {
        world,
        ego,
        egoS,
        hazards: this.hazards,
        freeAccelMps2: idmFree(v, speedLimitMps, expertIdm, 1.6),
        curveAccelMps2: idmFree(v, desired, expertIdm, 2.6),
        curveSpeedMps: curveSpeed,
        manoeuvres: this.manoeuvres,
        laneOffsetM: here.d,
        carHints: this.memory.carHints,
        walkerHints: this.memory.walkerHints,
      };
      this.decider.update(input);
    }
    this.lastCommand = { accelMps2: this.accel, curvaturePerM };
    return this.lastCommand;
  }

  /** Distance to the nearest stopping point, m, with what may be used of the margin before it. */
  private roomToStop(): number {
    let room = Number.POSITIVE_INFINITY;
    for (const hazard of this.hazards) {
      if (hazard.kind === "lead" || hazard.kind === "cut_in") {
        if (hazard.speedMps < 1) room = Math.min(room, hazard.gapM - 1);
      } else if (hazard.accelMps2 < 0) room = Math.min(room, hazard.gapM + 0.6);
    }
    return room;
  }

  /** What the driver decides and why, as of the last `drive`. */
  get decision(): DrivingDecision {
    return this.decider.decision;
  }
}

const here: OffsetSample = { d: 0, slope: 0, bend: 0 };

/** Ego at the scene's start, on its route. */
export function startState(scene: Scene): EgoState {
  const { path } = scene.egoRoute;
  const i = Math.round(scene.egoStartS / path.stepM);
  return {
    x: path.x[i],
    y: path.y[i],
    yaw: path.yaw[i],
    speedMps: scene.egoStartSpeedMps,
    accelMps2: 0,
    curvaturePerM: path.kappa[i],
  };
}
