/**
 * Watches one closed-loop run. Collision, off-road and progress rules follow AlpaSim's (boxes shrunk by 2 %; rear
 * hits are not our fault); comfort bounds and time to collision follow EPDMS (NAVSIM v2). What it leaves out: rounded
 * box corners, and AlpaSim's union-of-lanes shortcut for off-road (our pavement mask is the road edge).
 */
import { type Projection, project, wrapAngle } from "../geometry/path.ts";
import type { Lane } from "../road/network.ts";
import { type DrivableMask, drivableMask, laneAt } from "../road/surface.ts";
import { type EgoState, egoGeometry, type Scene, tickSecs } from "../world/scene.ts";
import { type World, walkerSizeM } from "../world/world.ts";
import { type Box, boxesOverlap, boxGap, contactSide } from "./boxes.ts";

/** Comfort bounds of EPDMS "history comfort". */
export const comfortBounds = {
  minLonAccelMps2: -4.05,
  maxLonAccelMps2: 2.4,
  maxLatAccelMps2: 4.89,
  maxJerkMps3: 8.37,
  maxLonJerkMps3: 4.13,
  maxYawRateRadps: 0.95,
  maxYawAccelRadps2: 1.93,
} as const;

export interface ComfortFlags {
  lonAccel: boolean;
  latAccel: boolean;
  jerk: boolean;
  lonJerk: boolean;
  yawRate: boolean;
  yawAccel: boolean;
}

export interface Incident {
  readonly tick: number;
  readonly kind:
    | "collision_front"
    | "collision_rear"
    | "collision_lateral"
    | "offroad"
    | "red_light"
    | "stop_sign"
    | "wrong_lane";
  /** Actor id, light id or stop line id; null for off-road and wrong lane. */
  readonly subject: number | null;
}

export interface RunMetrics {
  readonly ticks: number;
  readonly collisionFront: boolean;
  readonly collisionRear: boolean;
  readonly collisionLateral: boolean;
  readonly collisionAny: boolean;
  /** Front or lateral. */
  readonly collisionAtFault: boolean;
  readonly offroad: boolean;
  readonly wrongLane: boolean;
  readonly redLight: boolean;
  readonly stopSign: boolean;
  readonly distTraveledM: number;
  readonly minDistanceToObstacleM: number;
  /** Smallest constant-velocity time to collision, s; Infinity when nothing was on a collision course within 4 s. */
  readonly minTimeToCollisionSecs: number;
  /** EPDMS: a constant-velocity projection of 0.9 s hit something. */
  readonly ttcViolated: boolean;
  /** Most metres against the flow within any second. */
  readonly maxOncomingMetersPerSec: number;
  /** More than 0.5 m off the lane centre for 2 s outside junctions. */
  readonly laneKeepViolated: boolean;
  /** Violations; all false is comfortable. */
  readonly discomfort: ComfortFlags;
  readonly incidents: readonly Incident[];
}

const shrink = 0.98;
const maskCache = new WeakMap<Scene, DrivableMask>();

/** The pavement mask of a scene, built once. */
export function sceneMask(scene: Scene): DrivableMask {
  let mask = maskCache.get(scene);
  if (mask === undefined) {
    mask = drivableMask(scene.network);
    maskCache.set(scene, mask);
  }
  return mask;
}

export const egoBox = (ego: EgoState, out: Box): Box => {
  out.x = ego.x + egoGeometry.rearAxleToCenterM * Math.cos(ego.yaw);
  out.y = ego.y + egoGeometry.rearAxleToCenterM * Math.sin(ego.yaw);
  out.yaw = ego.yaw;
  out.halfLengthM = 0.5 * shrink * egoGeometry.lengthM;
  out.halfWidthM = 0.5 * shrink * egoGeometry.widthM;
  return out;
};

const newBox = (): Box => ({ x: 0, y: 0, yaw: 0, halfLengthM: 0, halfWidthM: 0 });

export class RunMonitor {
  readonly incidents: Incident[] = [];
  private readonly scene: Scene;
  private readonly mask: DrivableMask;
  private ticks = 0;
  private traveled = 0;
  private minGap = Number.POSITIVE_INFINITY;
  private minTtc = Number.POSITIVE_INFINITY;
  private ttcViolated = false;
  private laneTicks = 0;
  private laneKeepViolated = false;
  private readonly oncoming = new Float64Array(10);
  private maxOncoming = 0;
  private lastX = Number.NaN;
  private lastY = Number.NaN;
  private frontX = Number.NaN;
  private frontY = Number.NaN;
  private lastAccel = Number.NaN;
  private lastLatAccel = Number.NaN;
  private lastYawRate = Number.NaN;
  private lane: Lane | null = null;
  private laneHint = -1;
  private readonly stopSpeed: Float64Array;
  private readonly flags: ComfortFlags = {
    lonAccel: false,
    latAccel: false,
    jerk: false,
    lonJerk: false,
    yawRate: false,
    yawAccel: false,
  };
  private readonly seen = new Set<string>();
  private readonly ego = newBox();
  private readonly other = newBox();
  private readonly hit: Projection = { s: 0, d: 0, index: 0 };

  constructor(scene: Scene) {
    this.scene = scene;
    this.mask = sceneMask(scene);
    this.stopSpeed = new Float64Array(scene.network.stopLines.length).fill(99);
  }

  /** Once per tick, after the world and the ego have moved. */
  watch(world: World, ego: EgoState): void {
    const box = egoBox(ego, this.ego);
    if (this.lastX === this.lastX)
      this.traveled += Math.hypot(ego.x - this.lastX, ego.y - this.lastY);
    this.lastX = ego.x;
    this.lastY = ego.y;
    this.watchActors(world, ego, box);
    this.watchRoad(ego, box);
    this.watchControls(world, ego);
    this.watchComfort(ego);
    this.ticks++;
  }

  private report(kind: Incident["kind"], subject: number | null): void {
    const key = `${kind} ${subject}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.incidents.push({ tick: this.ticks, kind, subject });
  }

  private watchActors(world: World, ego: EgoState, box: Box): void {
    const { other } = this;
    const vx = ego.speedMps * Math.cos(ego.yaw);
    const vy = ego.speedMps * Math.sin(ego.yaw);
    const cars = world.numCars;
    for (let i = 0; i < cars + world.numWalkers; i++) {
      let speed: number;
      let id: number;
      if (i < cars) {
        if (world.carActive[i] === 0) continue;
        const dx = world.carX[i] - box.x;
        const dy = world.carY[i] - box.y;
        if (dx * dx + dy * dy > 60 * 60) continue;
        const car = this.scene.cars[i];
        other.x = world.carX[i];
        other.y = world.carY[i];
        other.yaw = world.carYaw[i];
        other.halfLengthM = 0.5 * shrink * car.lengthM;
        other.halfWidthM = 0.5 * shrink * car.widthM;
        speed = world.carSpeed[i];
        id = 1 + i;
      } else {
        const k = i - cars;
        const dx = world.walkerX[k] - box.x;
        const dy = world.walkerY[k] - box.y;
        if (dx * dx + dy * dy > 40 * 40) continue;
        const walker = this.scene.walkers[k];
        other.x = world.walkerX[k];
        other.y = world.walkerY[k];
        other.yaw = Math.atan2(walker.y1 - walker.y0, walker.x1 - walker.x0);
        other.halfLengthM = 0.5 * shrink * walkerSizeM;
        other.halfWidthM = 0.5 * shrink * walkerSizeM;
        speed = world.walkerSpeed[k];
        id = 1001 + k;
      }
      const near = Math.hypot(other.x - box.x, other.y - box.y);
      const reach = box.halfLengthM + other.halfLengthM + 2;
      if (near - reach < this.minGap) this.minGap = Math.min(this.minGap, boxGap(box, other));
      if (near < reach + 1 && boxesOverlap(box, other)) {
        this.report(`collision_${contactSide(box, other)}`, id);
      }
      const ox = speed * Math.cos(other.yaw);
      const oy = speed * Math.sin(other.yaw);
      const secs = this.timeToCollision(box, vx, vy, other, ox, oy);
      if (secs < this.minTtc) this.minTtc = secs;
      if (secs < 0.95 && ego.speedMps > 0.05) {
        // Only what lies ahead: being caught from behind is not ours to avoid.
        const ahead = (other.x - box.x) * Math.cos(ego.yaw) + (other.y - box.y) * Math.sin(ego.yaw);
        if (ahead > 0) this.ttcViolated = true;
      }
    }
  }

  /** Both go on straight at constant speed for up to 4 s; s, or Infinity. */
  private timeToCollision(
    box: Box,
    vx: number,
    vy: number,
    other: Box,
    ox: number,
    oy: number,
  ): number {
    const rx = other.x - box.x;
    const ry = other.y - box.y;
    const wx = ox - vx;
    const wy = oy - vy;
    const closing = wx * wx + wy * wy;
    const radius =
      Math.hypot(box.halfLengthM, box.halfWidthM) + Math.hypot(other.halfLengthM, other.halfWidthM);
    // Cheap circles first: time window in which the bounding circles touch.
    if (closing < 1e-4) return Number.POSITIVE_INFINITY;
    const b = rx * wx + ry * wy;
    const c = rx * rx + ry * ry - radius * radius;
    const root = b * b - closing * c;
    if (root < 0) return Number.POSITIVE_INFINITY;
    const enter = Math.max(0, (-b - Math.sqrt(root)) / closing);
    const leave = (-b + Math.sqrt(root)) / closing;
    if (leave < 0 || enter > 4) return Number.POSITIVE_INFINITY;
    const x0 = box.x;
    const y0 = box.y;
    const step = 0.15;
    for (let t = Math.max(0.05, enter); t <= Math.min(4, leave); t += step) {
      box.x = x0 - wx * t;
      box.y = y0 - wy * t;
      if (boxesOverlap(box, other)) {
        box.x = x0;
        box.y = y0;
        return t;
      }
    }
    box.x = x0;
    box.y = y0;
    return Number.POSITIVE_INFINITY;
  }

  private watchRoad(ego: EgoState, box: Box): void {
    const c = Math.cos(box.yaw);
    const s = Math.sin(box.yaw);
    for (let k = 0; k < 4; k++) {
      const l = k < 2 ? box.halfLengthM : -box.halfLengthM;
      const w = k % 2 === 0 ? box.halfWidthM : -box.halfWidthM;
      if (laneAt(this.mask, box.x + l * c - w * s, box.y + l * s + w * c) === offPavement) {
        this.report("offroad", null);
        break;
      }
    }
    const id = laneAt(this.mask, box.x, box.y);
    let against = 0;
    let off = 0;
    if (id >= 0) {
      const lane = this.scene.network.lanes[id];
      if (lane !== this.lane) {
        this.lane = lane;
        this.laneHint = -1;
      }
      project(lane.path, box.x, box.y, this.laneHint, this.hit);
      this.laneHint = this.hit.index;
      const rel = Math.abs(wrapAngle(ego.yaw - lane.path.yaw[this.hit.index]));
      if (rel > (2 * Math.PI) / 3) {
        this.report("wrong_lane", null);
        against = ego.speedMps * tickSecs;
      }
      off = rel > (2 * Math.PI) / 3 ? 9 : Math.abs(this.hit.d);
    }
    this.laneTicks = off > 0.5 && ego.speedMps > 0.1 ? this.laneTicks + 1 : 0;
    if (this.laneTicks >= 20) this.laneKeepViolated = true;
    this.oncoming[this.ticks % 10] = against;
    let sum = 0;
    for (let i = 0; i < 10; i++) sum += this.oncoming[i];
    if (sum > this.maxOncoming) this.maxOncoming = sum;
  }

  private watchControls(world: World, ego: EgoState): void {
    const c = Math.cos(ego.yaw);
    const s = Math.sin(ego.yaw);
    const fx = ego.x + egoGeometry.frontM * c;
    const fy = ego.y + egoGeometry.frontM * s;
    const px = this.frontX;
    const py = this.frontY;
    this.frontX = fx;
    this.frontY = fy;
    const lines = this.scene.network.stopLines;
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i];
      const dx = line.bx - line.ax;
      const dy = line.by - line.ay;
      // Positive before the line, for drivers who come in (the line runs from the centre to the right edge).
      const len = Math.hypot(dx, dy);
      const now = (dy * (fx - line.ax) - dx * (fy - line.ay)) / len;
      if (now > 8 || now < -3) continue;
      const along = ((fx - line.ax) * dx + (fy - line.ay) * dy) / (len * len);
      if (along < -0.1 || along > 1.1) continue;
      // Only those who drive in, from positive to negative.
      if ((dx * s - dy * c) / len < 0.5) continue;
      if (now > -0.5 && ego.speedMps < this.stopSpeed[i]) this.stopSpeed[i] = ego.speedMps;
      const last = (dy * (px - line.ax) - dx * (py - line.ay)) / len;
      // NaN on the first tick fails both tests.
      if (!(last > 0 && now <= 0)) continue;
      if (line.isStopSign && this.stopSpeed[i] > 0.5) this.report("stop_sign", i);
      if (line.lightId !== null && world.colors[line.lightId] === "red") {
        this.report("red_light", line.lightId);
      }
    }
  }

  private watchComfort(ego: EgoState): void {
    const { flags } = this;
    const a = ego.accelMps2;
    const yawRate = ego.speedMps * ego.curvaturePerM;
    const lat = ego.speedMps * yawRate;
    const b = comfortBounds;
    if (a < b.minLonAccelMps2 || a > b.maxLonAccelMps2) flags.lonAccel = true;
    if (Math.abs(lat) > b.maxLatAccelMps2) flags.latAccel = true;
    if (Math.abs(yawRate) > b.maxYawRateRadps) flags.yawRate = true;
    if (this.lastAccel === this.lastAccel) {
      const lonJerk = (a - this.lastAccel) / tickSecs;
      const latJerk = (lat - this.lastLatAccel) / tickSecs;
      if (Math.abs(lonJerk) > b.maxLonJerkMps3) flags.lonJerk = true;
      if (Math.hypot(lonJerk, latJerk) > b.maxJerkMps3) flags.jerk = true;
      if (Math.abs(yawRate - this.lastYawRate) / tickSecs > b.maxYawAccelRadps2)
        flags.yawAccel = true;
    }
    this.lastAccel = a;
    this.lastLatAccel = lat;
    this.lastYawRate = yawRate;
  }

  /** Whether the run is over by AlpaSim's rules: an at-fault collision or off-road. */
  get failed(): boolean {
    return this.incidents.some(
      (i) => i.kind === "collision_front" || i.kind === "collision_lateral" || i.kind === "offroad",
    );
  }

  result(): RunMetrics {
    const has = (kind: Incident["kind"]) => this.incidents.some((i) => i.kind === kind);
    const front = has("collision_front");
    const rear = has("collision_rear");
    const lateral = has("collision_lateral");
    return {
      ticks: this.ticks,
      collisionFront: front,
      collisionRear: rear,
      collisionLateral: lateral,
      collisionAny: front || rear || lateral,
      collisionAtFault: front || lateral,
      offroad: has("offroad"),
      wrongLane: has("wrong_lane"),
      redLight: has("red_light"),
      stopSign: has("stop_sign"),
      distTraveledM: this.traveled,
      minDistanceToObstacleM: this.minGap,
      minTimeToCollisionSecs: this.minTtc,
      ttcViolated: this.ttcViolated,
      maxOncomingMetersPerSec: this.maxOncoming,
      laneKeepViolated: this.laneKeepViolated,
      discomfort: { ...this.flags },
      incidents: [...this.incidents],
    };
  }
}

const offPavement = -2;
