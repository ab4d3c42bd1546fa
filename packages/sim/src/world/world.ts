/**
 * A scene in motion: cars by IDM, walkers, lights, at 10 Hz. The ego is an input. After construction there is no
 * randomness, so the same ego motion gives the same world, and two drivers of one scene meet the same events.
 *
 * Cars find each other through lane tables (position on every other car's route is one look-up) and find the ego
 * and walkers by projection on their path.
 */
import type { ActorState, LightColor, LightState } from "@causeway/data";
import { poseAt, type Pose, project, type Projection, wrapAngle } from "../geometry/path.ts";
import { idmFree, idmInteraction, trafficIdm } from "./idm.ts";
import { type EgoState, egoGeometry, type Scene, type Shift, tickSecs } from "./scene.ts";
import { lightColor } from "./signals.ts";

/** Tables that depend on the scene only, shared by clones. */
interface Tables {
  readonly numLanes: number;
  /** [car * numLanes + lane]: where the lane begins on the car's route, NaN when it is not on it. */
  readonly laneStart: Float64Array;
}

const junctionSpeedMps = 5;

/** The stronger of a braking so far and that for one more thing ahead. */
function tighter(worst: number, v: number, gapM: number, leadSpeedMps: number): number {
  const a = idmInteraction(v, gapM, leadSpeedMps, trafficIdm);
  return a < worst ? a : worst;
}

const farAway = 1e6;
const maxDecelMps2 = 7;

export class World {
  readonly scene: Scene;
  /** Ticks since the start. */
  tick = 0;
  readonly numCars: number;
  readonly numWalkers: number;
  readonly carS: Float64Array;
  readonly carSpeed: Float64Array;
  readonly carAccel: Float64Array;
  readonly carOffset: Float64Array;
  readonly carX: Float64Array;
  readonly carY: Float64Array;
  readonly carYaw: Float64Array;
  readonly carActive: Uint8Array;
  readonly carBraking: Uint8Array;
  readonly walkerX: Float64Array;
  readonly walkerY: Float64Array;
  readonly walkerSpeed: Float64Array;
  /** Metres walked. */
  readonly walkerAlong: Float64Array;
  readonly walkerStarted: Uint8Array;
  /** By light id. */
  readonly colors: LightColor[] = [];

  private readonly carLane: Int32Array;
  private readonly carStop: Int32Array;
  private readonly carWaited: Float64Array;
  private readonly egoHint: Int32Array;
  private readonly tables: Tables;

  constructor(scene: Scene, from?: World) {
    this.scene = scene;
    const n = scene.cars.length;
    const m = scene.walkers.length;
    this.numCars = n;
    this.numWalkers = m;
    this.carS = new Float64Array(n);
    this.carSpeed = new Float64Array(n);
    this.carAccel = new Float64Array(n);
    this.carOffset = new Float64Array(n);
    this.carX = new Float64Array(n);
    this.carY = new Float64Array(n);
    this.carYaw = new Float64Array(n);
    this.carActive = new Uint8Array(n);
    this.carBraking = new Uint8Array(n);
    this.carLane = new Int32Array(n);
    this.carStop = new Int32Array(n);
    this.carWaited = new Float64Array(n);
    this.egoHint = new Int32Array(n).fill(-1);
    this.walkerX = new Float64Array(m);
    this.walkerY = new Float64Array(m);
    this.walkerSpeed = new Float64Array(m);
    this.walkerAlong = new Float64Array(m);
    this.walkerStarted = new Uint8Array(m);
    if (from !== undefined) {
      this.tables = from.tables;
      this.copyFrom(from);
      return;
    }
    this.tables = buildTables(scene);
    for (let i = 0; i < n; i++) {
      const car = scene.cars[i];
      this.carS[i] = car.startS;
      this.carSpeed[i] = car.startSpeedMps;
      this.carOffset[i] = car.startOffsetM;
      this.carActive[i] = 1;
      while (
        this.carStop[i] < car.route.stops.length &&
        car.route.stops[this.carStop[i]].s < car.startS + 0.5 * car.lengthM
      ) {
        this.carStop[i]++;
      }
      this.placeCar(i);
    }
    for (let i = 0; i < m; i++) {
      this.walkerX[i] = scene.walkers[i].x0;
      this.walkerY[i] = scene.walkers[i].y0;
    }
    this.updateLights();
  }

  /** An independent copy that can be run ahead. */
  clone(): World {
    return new World(this.scene, this);
  }

  private copyFrom(from: World): void {
    this.tick = from.tick;
    for (const key of [
      "carS",
      "carSpeed",
      "carAccel",
      "carOffset",
      "carX",
      "carY",
      "carYaw",
      "carWaited",
      "walkerX",
      "walkerY",
      "walkerSpeed",
      "walkerAlong",
    ] as const) {
      this[key].set(from[key]);
    }
    this.carActive.set(from.carActive);
    this.carBraking.set(from.carBraking);
    this.carLane.set(from.carLane);
    this.carStop.set(from.carStop);
    this.egoHint.set(from.egoHint);
    this.walkerStarted.set(from.walkerStarted);
    this.colors.push(...from.colors);
  }

  get secs(): number {
    return this.tick * tickSecs;
  }

  /** Advances everything but the ego by one tick, reacting to the ego as it is now. `egoS`: its place on its route. */
  step(ego: EgoState, egoS: number): void {
    for (let i = 0; i < this.numCars; i++) {
      if (this.carActive[i] === 1 && !this.scene.cars[i].parked)
        this.carAccel[i] = this.accel(i, ego);
    }
    for (let i = 0; i < this.numCars; i++) {
      if (this.carActive[i] === 1 && !this.scene.cars[i].parked) this.moveCar(i);
    }
    for (let i = 0; i < this.numWalkers; i++) this.moveWalker(i, ego, egoS);
    this.tick++;
    this.updateLights();
  }

  private updateLights(): void {
    const { lights } = this.scene.network;
    for (let i = 0; i < lights.length; i++) {
      this.colors[i] = lightColor(this.scene.signals, lights[i], this.secs);
    }
  }

  private accel(i: number, ego: EgoState): number {
    const car = this.scene.cars[i];
    const v = this.carSpeed[i];
    const s = this.carS[i];
    let desired = car.desiredSpeedMps;
    let decel = trafficIdm.decelMps2;
    const t = this.secs;
    for (const step of car.speedPlan) {
      if (t + 1e-9 < step.atSecs) break;
      desired = step.desiredSpeedMps;
      decel = step.decelMps2;
    }
    if (desired < junctionSpeedMps) {
      // Nobody stops on purpose inside a junction.
      for (const junction of car.route.junctions) {
        if (s > junction.startS - 2 && s < junction.endS + 0.5 * car.lengthM)
          desired = junctionSpeedMps;
      }
    }
    const { path, curveSpeedMps } = car.route;
    const at = Math.min(
      curveSpeedMps.length - 1,
      Math.max(0, Math.round((s + v * 0.3) / path.stepM)),
    );
    const free = idmFree(v, Math.min(desired, curveSpeedMps[at]), trafficIdm, decel);
    let worst = 0;
    const front = s + 0.5 * car.lengthM;

    const { numLanes, laneStart } = this.tables;
    for (let j = 0; j < this.numCars; j++) {
      if (j === i || this.carActive[j] === 0) continue;
      const other = this.scene.cars[j];
      const lane = other.route.laneIds[this.carLane[j]];
      const base = laneStart[i * numLanes + lane];
      if (base !== base) continue;
      const along = base + this.carS[j] - other.route.laneStartS[this.carLane[j]];
      const gap = along - 0.5 * other.lengthM - front;
      if (along <= s || gap > 90) continue;
      if (
        Math.abs(this.carOffset[j] - this.carOffset[i]) >
        0.5 * (other.widthM + car.widthM) + 0.25
      ) {
        continue;
      }
      worst = tighter(worst, v, gap, this.carSpeed[j]);
    }

    const dx = ego.x - this.carX[i];
    const dy = ego.y - this.carY[i];
    if (dx * dx + dy * dy < 90 * 90) {
      const cx = ego.x + egoGeometry.rearAxleToCenterM * Math.cos(ego.yaw);
      const cy = ego.y + egoGeometry.rearAxleToCenterM * Math.sin(ego.yaw);
      project(path, cx, cy, this.egoHint[i], hit);
      this.egoHint[i] = hit.index;
      const rel = ego.yaw - path.yaw[hit.index];
      const c = Math.abs(Math.cos(rel));
      const sn = Math.abs(Math.sin(rel));
      const halfAcross = 0.5 * (egoGeometry.widthM * c + egoGeometry.lengthM * sn);
      const halfAlong = 0.5 * (egoGeometry.lengthM * c + egoGeometry.widthM * sn);
      if (hit.s > s && Math.abs(hit.d - this.carOffset[i]) < halfAcross + 0.5 * car.widthM + 0.3) {
        worst = tighter(
          worst,
          v,
          hit.s - halfAlong - front,
          Math.max(0, ego.speedMps * Math.cos(rel)),
        );
      }
    }

    for (let k = 0; k < this.numWalkers; k++) {
      const wx = this.walkerX[k] - this.carX[i];
      const wy = this.walkerY[k] - this.carY[i];
      if (wx * wx + wy * wy > 45 * 45 || this.walkerSpeed[k] === 0) continue;
      project(path, this.walkerX[k], this.walkerY[k], -1, hit);
      if (hit.s > s && Math.abs(hit.d - this.carOffset[i]) < 0.5 * car.widthM + 1.8) {
        worst = tighter(worst, v, hit.s - 1.5 - front, 0);
      }
    }

    const stop = car.route.stops[this.carStop[i]];
    if (stop !== undefined) {
      const gap = stop.s - front;
      if (gap < -0.8) this.carStop[i]++;
      else if (stop.isStopSign) {
        if (this.carWaited[i] < 2 || this.junctionBusy(stop.junctionId, i, ego))
          worst = tighter(worst, v, gap + 1, 0);
      } else if (stop.lightId !== null) {
        const color = this.colors[stop.lightId];
        const needed = (v * v) / (2 * Math.max(0.1, gap));
        if (color === "red" || (color === "yellow" && needed < 3.2))
          worst = tighter(worst, v, gap + 1, 0);
      }
    }
    return Math.max(-maxDecelMps2, free + worst);
  }

  /** Whether somebody moves inside a junction, or the ego is on its way into it. */
  private junctionBusy(junctionId: number, except: number, ego: EgoState): boolean {
    const junction = this.scene.network.junctions[junctionId];
    const inside = (x: number, y: number, reach: number) =>
      Math.hypot(x - junction.x, y - junction.y) < reach;
    if (ego.speedMps > 0.4 && inside(ego.x, ego.y, junction.halfM + 10)) return true;
    if (inside(ego.x, ego.y, junction.halfM)) return true;
    for (let j = 0; j < this.numCars; j++) {
      if (j === except || this.carActive[j] === 0 || this.carSpeed[j] < 0.3) continue;
      if (inside(this.carX[j], this.carY[j], junction.halfM + 1)) return true;
    }
    return false;
  }

  private moveCar(i: number): void {
    const car = this.scene.cars[i];
    const before = this.carSpeed[i];
    const v = Math.max(0, before + this.carAccel[i] * tickSecs);
    this.carSpeed[i] = v;
    this.carS[i] += 0.5 * (before + v) * tickSecs;
    if (v < 0.15) this.carBraking[i] = 1;
    else if (this.carAccel[i] < -0.5) this.carBraking[i] = 1;
    else if (this.carAccel[i] > -0.2) this.carBraking[i] = 0;
    const stop = car.route.stops[this.carStop[i]];
    const waits =
      stop !== undefined &&
      stop.isStopSign &&
      v < 0.3 &&
      stop.s - this.carS[i] < 0.5 * car.lengthM + 4;
    this.carWaited[i] = waits ? this.carWaited[i] + tickSecs : v > 3 ? 0 : this.carWaited[i];
    this.carOffset[i] = offsetAt(car.startOffsetM, car.shifts, this.secs + tickSecs);
    const { laneStartS } = car.route;
    while (
      this.carLane[i] < laneStartS.length - 1 &&
      this.carS[i] >= laneStartS[this.carLane[i] + 1]
    ) {
      this.carLane[i]++;
    }
    if (this.carS[i] > car.route.path.lengthM - 1) {
      this.carActive[i] = 0;
      this.carX[i] = farAway;
      this.carY[i] = farAway;
      return;
    }
    this.placeCar(i);
  }

  private placeCar(i: number): void {
    const car = this.scene.cars[i];
    const { laneStartS } = car.route;
    while (
      this.carLane[i] < laneStartS.length - 1 &&
      this.carS[i] >= laneStartS[this.carLane[i] + 1]
    ) {
      this.carLane[i]++;
    }
    poseAt(car.route.path, this.carS[i], this.carOffset[i], pose);
    this.carX[i] = pose.x;
    this.carY[i] = pose.y;
    // Lateral moves turn the body into the direction of travel.
    const rate =
      (offsetAt(car.startOffsetM, car.shifts, this.secs + 0.2) -
        offsetAt(car.startOffsetM, car.shifts, this.secs)) /
      0.2;
    this.carYaw[i] = pose.yaw + (rate === 0 ? 0 : Math.atan2(rate, Math.max(2, this.carSpeed[i])));
  }

  private moveWalker(i: number, ego: EgoState, egoS: number): void {
    const walker = this.scene.walkers[i];
    if (this.walkerStarted[i] === 0) {
      const { trigger } = walker;
      const starts =
        trigger.kind === "time"
          ? this.secs + 1e-9 >= trigger.atSecs
          : trigger.kind === "ego_eta" &&
            egoS < trigger.routeS &&
            trigger.routeS - egoS <= Math.max(6, ego.speedMps * trigger.etaSecs);
      if (!starts) return;
      this.walkerStarted[i] = 1;
    }
    const dx = walker.x1 - walker.x0;
    const dy = walker.y1 - walker.y0;
    const total = Math.hypot(dx, dy);
    if (this.walkerAlong[i] >= total) {
      this.walkerSpeed[i] = 0;
      return;
    }
    // Nobody walks into the side of a car that is right in front of them.
    const ux = dx / total;
    const uy = dy / total;
    const c = Math.cos(ego.yaw);
    const s = Math.sin(ego.yaw);
    const px = this.walkerX[i] + 0.9 * ux - ego.x - egoGeometry.rearAxleToCenterM * c;
    const py = this.walkerY[i] + 0.9 * uy - ego.y - egoGeometry.rearAxleToCenterM * s;
    const along = px * c + py * s;
    const across = -px * s + py * c;
    const blocked =
      Math.abs(along) < 0.5 * egoGeometry.lengthM + 0.4 &&
      Math.abs(across) < 0.5 * egoGeometry.widthM + 0.5;
    this.walkerSpeed[i] = blocked ? 0 : walker.speedMps;
    this.walkerAlong[i] += this.walkerSpeed[i] * tickSecs;
    this.walkerX[i] = walker.x0 + ux * this.walkerAlong[i];
    this.walkerY[i] = walker.y0 + uy * this.walkerAlong[i];
  }

  /** Which indicator car `i` shows: before and during a lateral move, and before and in turns. */
  indicator(i: number): "none" | "left" | "right" {
    const car = this.scene.cars[i];
    let from = car.startOffsetM;
    for (const shift of car.shifts) {
      if (this.secs >= shift.atSecs - 1 && this.secs < shift.atSecs + shift.durationSecs) {
        return shift.toOffsetM > from ? "left" : "right";
      }
      from = shift.toOffsetM;
    }
    for (const junction of car.route.junctions) {
      if (junction.movement === "straight") continue;
      if (this.carS[i] > junction.startS - 25 && this.carS[i] < junction.endS - 2) {
        return junction.movement;
      }
    }
    return "none";
  }

  /** Boxes of everything but the ego; cars have ids 1.., walkers 1001... */
  actorStates(): ActorState[] {
    const out: ActorState[] = [];
    for (let i = 0; i < this.numCars; i++) {
      if (this.carActive[i] === 0) continue;
      const car = this.scene.cars[i];
      out.push({
        id: 1 + i,
        kind: car.kind,
        x: this.carX[i],
        y: this.carY[i],
        z: 0,
        yaw: wrapAngle(this.carYaw[i]),
        speedMps: this.carSpeed[i],
        lengthM: car.lengthM,
        widthM: car.widthM,
        heightM: car.heightM,
        braking: this.carBraking[i] === 1,
        indicator: this.indicator(i),
      });
    }
    for (let i = 0; i < this.numWalkers; i++) {
      const walker = this.scene.walkers[i];
      out.push({
        id: walkerIdBase + i,
        kind: "pedestrian",
        x: this.walkerX[i],
        y: this.walkerY[i],
        z: 0,
        yaw: Math.atan2(walker.y1 - walker.y0, walker.x1 - walker.x0),
        speedMps: this.walkerSpeed[i],
        lengthM: walkerSizeM,
        widthM: walkerSizeM,
        heightM: walker.heightM,
        braking: false,
        indicator: "none",
      });
    }
    return out;
  }

  lightStates(): LightState[] {
    return this.colors.map((color, id) => ({ id, color }));
  }
}

/** Actor ids of walkers start here. */
export const walkerIdBase = 1001;
/** Edge of a walker's box on the ground, m. */
export const walkerSizeM = 0.6;

const hit: Projection = { s: 0, d: 0, index: 0 };
const pose: Pose = { x: 0, y: 0, yaw: 0 };

/** Lateral offset after the shifts up to a time: quintic smoothstep from one offset to the next. */
export function offsetAt(start: number, shifts: readonly Shift[], secs: number): number {
  let from = start;
  for (const shift of shifts) {
    if (secs <= shift.atSecs) return from;
    const u = (secs - shift.atSecs) / shift.durationSecs;
    if (u < 1) return from + (shift.toOffsetM - from) * u * u * u * (10 - 15 * u + 6 * u * u);
    from = shift.toOffsetM;
  }
  return from;
}

function buildTables(scene: Scene): Tables {
  const numLanes = scene.network.lanes.length;
  const laneStart = new Float64Array(scene.cars.length * numLanes).fill(Number.NaN);
  scene.cars.forEach((car, i) => {
    car.route.laneIds.forEach((lane, k) => {
      laneStart[i * numLanes + lane] = car.route.laneStartS[k];
    });
  });
  return { numLanes, laneStart };
}
