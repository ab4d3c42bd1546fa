/**
 * One recording as it is made, tick by tick. The expert drives, or somebody else does: a disturbance (disturb.ts) or a plan of
 * a policy. Where it is not the expert's own, the drive also holds what the expert would have done (takeovers).
 */
import type {
  ActorFrame,
  CameraStream,
  DecisionFrame,
  Drive,
  LightFrame,
  RouteStep,
  Takeover,
} from "@causeway/data";
import { createRng, type EgoMotion, type LocalPath, type RgbImage } from "@causeway/geom";
import { createRenderer, type SceneRenderer } from "../camera/render.ts";
import { calibrationOf, type CameraSpec, defaultCameras } from "../camera/rig.ts";
import { Expert, type ExpertCommand, startState } from "../expert/expert.ts";
import { lookAhead } from "../expert/look-ahead.ts";
import { type Projection, project } from "../geometry/path.ts";
import { EgoHistory } from "../loop/history.ts";
import type { Observation } from "../policy.ts";
import { exportRoadMap } from "../road/map.ts";
import { buildScene } from "../scenario/scene.ts";
import { stepBicycle } from "../vehicle/bicycle.ts";
import {
  egoGeometry,
  type EgoState,
  type ScenarioKind,
  type Scene,
  tickSecs,
} from "../world/scene.ts";
import { World } from "../world/world.ts";
import { drawPushes, type Perturbation, type Push, pushLimits } from "./disturb.ts";
import { routeStepAt } from "./route-step.ts";

export interface DriveOptions {
  readonly kind: ScenarioKind;
  readonly seed: number;
  /** Default 20. */
  readonly durationSecs?: number;
  /** Default: front wide, cross left, cross right at 160x96. Empty: no pictures. */
  readonly cameras?: readonly CameraSpec[];
  /** Somebody else at the wheel at times, with takeovers recorded; null (default) for clean driving. */
  readonly perturbation?: Perturbation | null;
  /** Somebody else at the wheel all along, by name: `advance` gets commands. Takeovers are recorded. */
  readonly driver?: string | null;
  /** JPEG quality, default 90, without chroma subsampling: lamps are two pixels wide. */
  readonly jpegQuality?: number;
}

/** A drive before its pictures are encoded. */
export interface SimulatedDrive {
  /** `frames` of its cameras are empty. */
  readonly drive: Drive;
  /** Raw pictures per camera name, one per tick. */
  readonly images: ReadonlyMap<string, readonly RgbImage[]>;
  /** When the car was pushed off its line: [start, end) in microseconds. */
  readonly pushesUs: readonly { readonly startUs: number; readonly endUs: number }[];
}

export const tickUs = 100_000;
/** A takeover is recorded at every so many ticks where the log is not the expert's own. */
const takeoverTicks = 2;
const framesSeen = 4;

export class DriveRecorder {
  readonly scene: Scene;
  readonly expert: Expert;
  readonly ego: EgoState;
  tick = 0;
  private readonly options: DriveOptions;
  private readonly numTicks: number;
  private readonly world: World;
  private readonly cameras: readonly CameraSpec[];
  private readonly renderer: SceneRenderer | null;
  private readonly images: Map<string, RgbImage[]>;
  private readonly pushes: readonly Push[];
  private readonly columns: EgoMotion;
  private readonly history = new EgoHistory();
  private readonly actors: ActorFrame[] = [];
  private readonly lights: LightFrame[] = [];
  private readonly decisions: DecisionFrame[] = [];
  private readonly route: RouteStep[] = [];
  private readonly takeovers: Takeover[] | null;
  private readonly place: Projection = { s: 0, d: 0, index: -1 };
  private command: ExpertCommand = { accelMps2: 0, curvaturePerM: 0 };
  private push: Push | undefined;
  private heldCurvature = 0;
  private isPushOver = true;

  constructor(options: DriveOptions) {
    const { kind, seed, durationSecs = 20, perturbation = null, driver = null } = options;
    this.options = options;
    this.cameras = options.cameras ?? defaultCameras();
    this.scene = buildScene({ kind, seed, durationSecs });
    this.numTicks = Math.round(durationSecs / tickSecs) + 1;
    this.world = new World(this.scene);
    this.expert = new Expert(this.scene);
    this.ego = startState(this.scene);
    this.renderer = this.cameras.length > 0 ? createRenderer(this.scene, this.cameras) : null;
    this.images = new Map(this.cameras.map((camera) => [camera.name, []]));
    this.pushes =
      perturbation === null
        ? []
        : drawPushes(createRng(seed).fork(`${kind}/pushes`), perturbation, this.numTicks);
    this.takeovers = perturbation === null && driver === null ? null : [];
    const column = () => new Float64Array(this.numTicks);
    this.columns = {
      stampUs: column(),
      x: column(),
      y: column(),
      z: column(),
      qw: column(),
      qx: column(),
      qy: column(),
      qz: column(),
      vx: column(),
      vy: column(),
      vz: column(),
    };
  }

  get isDone(): boolean {
    return this.tick === this.numTicks;
  }

  /** Records the moment: pictures, truth, the expert's command and, where asked for, its plan from here. */
  sense(): void {
    const { world, ego, expert, tick, columns } = this;
    const stampUs = tick * tickUs;
    if (this.takeovers !== null && tick % takeoverTicks === 0) {
      const path = lookAhead(world, ego, expert.cloneForLookahead(), null);
      this.takeovers.push({ stampUs, path: rounded(path) });
    }
    const drawn = this.pushes.find((p) => tick >= p.startTick && tick < p.endTick);
    if (drawn?.startTick === tick) {
      this.heldCurvature = ego.curvaturePerM;
      this.isPushOver = false;
    }
    this.push = this.isPushOver ? undefined : drawn;
    expert.lineBiasM = this.push === undefined ? 0 : this.push.lineM;
    this.command = expert.drive(world, ego);
    this.history.push(ego);
    columns.stampUs[tick] = stampUs;
    columns.x[tick] = ego.x;
    columns.y[tick] = ego.y;
    columns.qw[tick] = Math.cos(0.5 * ego.yaw);
    columns.qz[tick] = Math.sin(0.5 * ego.yaw);
    columns.vx[tick] = ego.speedMps * Math.cos(ego.yaw);
    columns.vy[tick] = ego.speedMps * Math.sin(ego.yaw);
    this.actors.push({ stampUs, actors: world.actorStates() });
    this.lights.push({ stampUs, lights: world.lightStates() });
    this.decisions.push({ stampUs, decision: expert.decision });
    project(this.scene.egoRoute.path, ego.x, ego.y, this.place.index, this.place);
    this.route.push(routeStepAt(this.scene, stampUs, this.place.s, this.place.d));
    this.renderer?.render(world, ego).forEach((image, i) => {
      this.images.get((this.cameras[i] as CameraSpec).name)?.push(image);
    });
  }

  /** What a policy may see after `sense`; the history must be full (1.5 s). */
  observe(): Observation {
    return {
      sceneId: this.scene.id,
      stampUs: this.tick * tickUs,
      cameras: new Map([...this.images].map(([name, all]) => [name, all.slice(-framesSeen)])),
      history: this.history.inRig(this.ego),
      speedMps: this.ego.speedMps,
      route: this.route[this.route.length - 1] as RouteStep,
    };
  }

  /** @param command  Of whoever drives; null: the expert's, with the push of this moment. */
  advance(command: ExpertCommand | null): void {
    const { ego, expert, push } = this;
    let { accelMps2, curvaturePerM } = command ?? this.command;
    if (command === null && push !== undefined && ego.speedMps > 3) {
      if (push.kind === "hold") {
        curvaturePerM = this.heldCurvature;
        accelMps2 = Math.max(0, accelMps2);
      }
      accelMps2 += push.accelMps2;
      curvaturePerM += push.steerMps2 / (ego.speedMps * ego.speedMps);
    }
    if (isAstray(expert)) this.isPushOver = true;
    this.world.step(ego, expert.egoS);
    stepBicycle(ego, accelMps2, curvaturePerM, tickSecs);
    this.tick++;
  }

  finish(): SimulatedDrive {
    const { scene, pushes, takeovers, numTicks } = this;
    const { kind, seed, driver = null } = this.options;
    const streams: CameraStream[] = this.cameras.map((camera) => ({
      name: camera.name,
      calibration: calibrationOf(camera),
      frames: [],
    }));
    return {
      drive: {
        id: scene.id,
        source: {
          format: "causeway-sim",
          licence: "Apache-2.0",
          scenario: kind,
          seed,
          notes: [
            `speed limit ${scene.speedLimitMps.toFixed(2)} m/s`,
            ...(driver === null
              ? []
              : [`driven by ${driver}; the expert takes over where it goes astray`]),
            ...pushes.map(
              (p) =>
                `pushed (${p.kind}) from ${p.startTick * tickUs} us, to ${p.endTick * tickUs} us at most`,
            ),
          ],
        },
        durationUs: (numTicks - 1) * tickUs,
        egoMotion: this.columns,
        egoSize: {
          lengthM: egoGeometry.lengthM,
          widthM: egoGeometry.widthM,
          heightM: egoGeometry.heightM,
          rearAxleToCenterM: egoGeometry.rearAxleToCenterM,
        },
        cameras: streams,
        actors: this.actors,
        lights: this.lights,
        map: exportRoadMap(scene.network),
        route: this.route,
        decisions: this.decisions,
        ...(takeovers === null ? {} : { takeovers }),
      },
      images: this.images,
      pushesUs: pushes.map((p) => ({ startUs: p.startTick * tickUs, endUs: p.endTick * tickUs })),
    };
  }
}

/** Whether the car is so far from what the expert wants that nobody else should have the wheel. */
export const isAstray = (expert: Expert): boolean =>
  Math.abs(expert.lateralErrorM) > pushLimits.lateralM ||
  Math.abs(expert.headingErrorRad) > pushLimits.headingRad ||
  expert.lastCommand.accelMps2 < pushLimits.brakeMps2;

/** To 0.1 mm and 0.1 mrad: what a file of numbers as text needs. */
const rounded = (path: LocalPath): LocalPath => {
  const to4 = (column: Float64Array) => column.map((v) => Math.round(v * 1e4) / 1e4);
  return { x: to4(path.x), y: to4(path.y), z: to4(path.z), yaw: to4(path.yaw) };
};
