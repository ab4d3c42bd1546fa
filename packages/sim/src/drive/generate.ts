/** Recorded drives of the privileged expert: what a dataset is made of. */
import type {
  ActorFrame,
  CameraFrame,
  CameraStream,
  DecisionFrame,
  Drive,
  LightFrame,
  RouteStep,
  Takeover,
} from "@causeway/data";
import { createRng, type EgoMotion, type LocalPath, type RgbImage } from "@causeway/geom";
import sharp from "sharp";
import { createRenderer } from "../camera/render.ts";
import { calibrationOf, type CameraSpec, defaultCameras } from "../camera/rig.ts";
import { Expert, startState } from "../expert/expert.ts";
import { lookAhead } from "../expert/look-ahead.ts";
import { type Projection, project } from "../geometry/path.ts";
import { exportRoadMap } from "../road/map.ts";
import { buildScene } from "../scenario/scene.ts";
import { stepBicycle } from "../vehicle/bicycle.ts";
import { egoGeometry, type ScenarioKind, type Scene, tickSecs } from "../world/scene.ts";
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

const tickUs = 100_000;
/** A takeover is recorded at every so many ticks of a drive with pushes. */
const takeoverTicks = 2;

/** Runs the expert through a scene and records everything, pictures as raw RGB. Deterministic in its options. */
export function simulateDrive(options: DriveOptions): SimulatedDrive {
  const { kind, seed, durationSecs = 20, perturbation = null } = options;
  const cameras = options.cameras ?? defaultCameras();
  const scene = buildScene({ kind, seed, durationSecs });
  const numTicks = Math.round(durationSecs / tickSecs) + 1;
  const world = new World(scene);
  const expert = new Expert(scene);
  const ego = startState(scene);
  const renderer = cameras.length > 0 ? createRenderer(scene, cameras) : null;
  const images = new Map<string, RgbImage[]>(cameras.map((camera) => [camera.name, []]));
  const pushes =
    perturbation === null
      ? []
      : drawPushes(createRng(seed).fork(`${kind}/pushes`), perturbation, numTicks);

  const columns = {
    stampUs: new Float64Array(numTicks),
    x: new Float64Array(numTicks),
    y: new Float64Array(numTicks),
    z: new Float64Array(numTicks),
    qw: new Float64Array(numTicks),
    qx: new Float64Array(numTicks),
    qy: new Float64Array(numTicks),
    qz: new Float64Array(numTicks),
    vx: new Float64Array(numTicks),
    vy: new Float64Array(numTicks),
    vz: new Float64Array(numTicks),
  } satisfies EgoMotion;
  const actors: ActorFrame[] = [];
  const lights: LightFrame[] = [];
  const decisions: DecisionFrame[] = [];
  const route: RouteStep[] = [];
  const takeovers: Takeover[] = [];
  let held = 0;
  let isOver = true;
  const place: Projection = { s: 0, d: 0, index: -1 };

  for (let tick = 0; tick < numTicks; tick++) {
    const stampUs = tick * tickUs;
    if (perturbation !== null && tick % takeoverTicks === 0) {
      const path = lookAhead(world, ego, expert.cloneForLookahead(), null);
      takeovers.push({ stampUs, path: rounded(path) });
    }
    const drawn = pushes.find((p) => tick >= p.startTick && tick < p.endTick);
    if (drawn?.startTick === tick) {
      held = ego.curvaturePerM;
      isOver = false;
    }
    const push = isOver ? undefined : drawn;
    expert.lineBiasM = push === undefined ? 0 : push.lineM;
    const command = expert.drive(world, ego);
    columns.stampUs[tick] = stampUs;
    columns.x[tick] = ego.x;
    columns.y[tick] = ego.y;
    columns.qw[tick] = Math.cos(0.5 * ego.yaw);
    columns.qz[tick] = Math.sin(0.5 * ego.yaw);
    columns.vx[tick] = ego.speedMps * Math.cos(ego.yaw);
    columns.vy[tick] = ego.speedMps * Math.sin(ego.yaw);
    actors.push({ stampUs, actors: world.actorStates() });
    lights.push({ stampUs, lights: world.lightStates() });
    decisions.push({ stampUs, decision: expert.decision });
    project(scene.egoRoute.path, ego.x, ego.y, place.index, place);
    route.push(routeStepAt(scene, stampUs, place.s, place.d));
    if (renderer !== null) {
      renderer.render(world, ego).forEach((image, i) => {
        images.get(cameras[i].name)?.push(image);
      });
    }
    const isPushed = push !== undefined && ego.speedMps > 3;
    const accelMps2 = command.accelMps2 + (isPushed ? push.accelMps2 : 0);
    let { curvaturePerM } = command;
    if (isPushed && push.kind === "hold") curvaturePerM = held;
    if (isPushed) curvaturePerM += push.steerMps2 / (ego.speedMps * ego.speedMps);
    if (
      Math.abs(expert.lateralErrorM) > pushLimits.lateralM ||
      Math.abs(expert.headingErrorRad) > pushLimits.headingRad
    )
      isOver = true;
    world.step(ego, expert.egoS);
    stepBicycle(ego, accelMps2, curvaturePerM, tickSecs);
  }

  const streams: CameraStream[] = cameras.map((camera) => ({
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
        notes: sourceNotes(scene, pushes),
      },
      durationUs: (numTicks - 1) * tickUs,
      egoMotion: columns,
      egoSize: {
        lengthM: egoGeometry.lengthM,
        widthM: egoGeometry.widthM,
        heightM: egoGeometry.heightM,
        rearAxleToCenterM: egoGeometry.rearAxleToCenterM,
      },
      cameras: streams,
      actors,
      lights,
      map: exportRoadMap(scene.network),
      route,
      decisions,
      ...(perturbation === null ? {} : { takeovers }),
    },
    images,
    pushesUs: pushes.map((p) => ({ startUs: p.startTick * tickUs, endUs: p.endTick * tickUs })),
  };
}

const sourceNotes = (scene: Scene, pushes: readonly Push[]): string[] => [
  `speed limit ${scene.speedLimitMps.toFixed(2)} m/s`,
  ...pushes.map(
    (p) =>
      `pushed (${p.kind}) from ${p.startTick * tickUs} us, to ${p.endTick * tickUs} us at most`,
  ),
];

/** To 0.1 mm and 0.1 mrad: what a file of numbers as text needs. */
const rounded = (path: LocalPath): LocalPath => {
  const to4 = (column: Float64Array) => column.map((v) => Math.round(v * 1e4) / 1e4);
  return { x: to4(path.x), y: to4(path.y), z: to4(path.z), yaw: to4(path.yaw) };
};

/** As `simulateDrive`, with JPEG pictures. */
export async function generateDrive(options: DriveOptions): Promise<Drive> {
  const { drive, images } = simulateDrive(options);
  const quality = options.jpegQuality ?? 90;
  const cameras: CameraStream[] = [];
  for (const stream of drive.cameras) {
    const raw = images.get(stream.name) ?? [];
    const frames: CameraFrame[] = [];
    // A few at a time: libvips has its own threads, and the order must not depend on them.
    for (let i = 0; i < raw.length; i += encodeBatch) {
      const part = raw.slice(i, i + encodeBatch);
      const encoded = await Promise.all(part.map((image) => encodeJpeg(image, quality)));
      encoded.forEach((bytes, j) => {
        frames.push({ stampUs: (i + j) * tickUs, encoding: "jpeg", bytes });
      });
    }
    cameras.push({ ...stream, frames });
  }
  return { ...drive, cameras };
}

const encodeBatch = 16;

async function encodeJpeg(image: RgbImage, quality: number): Promise<Uint8Array> {
  const buffer = await sharp(image.pixels, {
    raw: { width: image.width, height: image.height, channels: 3 },
  })
    .jpeg({ quality, chromaSubsampling: "4:4:4" })
    .toBuffer();
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
