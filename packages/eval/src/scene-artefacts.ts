/**
 * Pictures for the report as compact JSON: lane maps, clips (one t0, rig frame) and films (one closed-loop scene,
 * world frame). Numbers are rounded to 1 cm and 0.1 mrad, images are JPEG in base64; a 20 s film without camera
 * is about 60 KB. Builders here do the rounding, so that writers only hand over what they have.
 */
import type {
  ActorKind,
  ActorState,
  LightColor,
  PinholeCalibration,
  Polyline,
  RoadMap,
} from "@causeway/data";
import type { LocalPath, RgbImage } from "@causeway/geom";
import sharp from "sharp";
import type { ConsistencyVerdict, DecisionJson, PathJson } from "./artefacts.ts";

/** Flat polyline [x0, y0, x1, y1, …], m. */
export type FlatLine = readonly number[];

/** What a bird's-eye view draws of a `RoadMap`. */
export interface MapJson {
  readonly drivable: readonly FlatLine[];
  readonly lanes: readonly {
    readonly left: FlatLine;
    readonly right: FlatLine;
    readonly leftMarking: "solid" | "dashed" | "none";
    readonly rightMarking: "solid" | "dashed" | "none";
    readonly isJunction: boolean;
  }[];
  readonly crosswalks: readonly FlatLine[];
  readonly stopLines: readonly {
    readonly line: FlatLine;
    readonly isStopSign: boolean;
    readonly lightId: number | null;
  }[];
  readonly lights: readonly { readonly id: number; readonly x: number; readonly y: number }[];
}

/** Planar pose, m and rad. */
export interface Pose2 {
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
}

const cm = (v: number) => Math.round(v * 100) / 100 || 0;
const tenthMrad = (v: number) => Math.round(v * 1e4) / 1e4 || 0;

/** Shape of a lane map near some points, in the frame of `worldFromLocal` (identity when left out). */
export function mapToJson(
  map: RoadMap,
  options: {
    readonly worldFromLocal?: Pose2;
    /** Keep what comes within `radiusM` of any of these world points; everything when left out. */
    readonly near?: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> };
    readonly radiusM?: number;
  } = {},
): MapJson {
  const pose = options.worldFromLocal ?? { x: 0, y: 0, yaw: 0 };
  const c = Math.cos(pose.yaw);
  const s = Math.sin(pose.yaw);
  const flat = (line: Polyline): number[] =>
    line.x.flatMap((x, i) => {
      const dx = x - pose.x;
      const dy = line.y[i] - pose.y;
      return [cm(c * dx + s * dy), cm(c * dy - s * dx)];
    });
  const { near, radiusM = 80 } = options;
  // A coarse box test: lanes are short pieces, so a piece is kept or left whole.
  const boxes: [number, number, number, number][] = [];
  if (near !== undefined) {
    for (let i = 0; i < near.x.length; i += 16) {
      const xs = Array.from({ length: Math.min(16, near.x.length - i) }, (_, k) => near.x[i + k]);
      const ys = Array.from({ length: Math.min(16, near.x.length - i) }, (_, k) => near.y[i + k]);
      boxes.push([
        Math.min(...xs) - radiusM,
        Math.max(...xs) + radiusM,
        Math.min(...ys) - radiusM,
        Math.max(...ys) + radiusM,
      ]);
    }
  }
  const isNear = (line: Polyline) => {
    if (near === undefined) return true;
    const [x0, x1, y0, y1] = [
      Math.min(...line.x),
      Math.max(...line.x),
      Math.min(...line.y),
      Math.max(...line.y),
    ];
    return boxes.some((b) => x0 <= b[1] && x1 >= b[0] && y0 <= b[3] && y1 >= b[2]);
  };
  return {
    drivable: map.drivable.filter(isNear).map(flat),
    lanes: map.lanes
      .filter((lane) => isNear(lane.left) || isNear(lane.right))
      .map((lane) => ({
        left: flat(lane.left),
        right: flat(lane.right),
        leftMarking: lane.leftMarking,
        rightMarking: lane.rightMarking,
        isJunction: lane.isJunction,
      })),
    crosswalks: map.crosswalks.filter(isNear).map(flat),
    stopLines: map.stopLines
      .filter((stop) => isNear(stop.line))
      .map((stop) => ({
        line: flat(stop.line),
        isStopSign: stop.isStopSign,
        lightId: stop.lightId,
      })),
    lights: map.lights
      .filter((light) => isNear({ x: [light.x], y: [light.y] }))
      .map((light) => {
        const [x, y] = flat({ x: [light.x], y: [light.y] });
        return { id: light.id, x, y };
      }),
  };
}

/** One camera of a clip. Frames are base64 JPEG, oldest first. */
export interface ClipCamera {
  readonly name: string;
  /** Size of the frames, pixels; the calibration is for this size. */
  readonly width: number;
  readonly height: number;
  readonly calibration: PinholeCalibration | null;
  readonly frames: readonly string[];
  /** Seconds from t0 of each frame, e.g. [-0.3, 0]; without it earlier frames are shown without a time. */
  readonly frameSecs?: readonly number[];
}

export interface EgoBox {
  readonly lengthM: number;
  readonly widthM: number;
  readonly rearAxleToCenterM: number;
}

/** One sample for the gallery; all geometry in the rig frame at t0. */
export interface ClipArtefact {
  readonly sampleId: string;
  readonly recordingId: string;
  readonly scenario: string | null;
  readonly predictor: string;
  readonly cameras: readonly ClipCamera[];
  readonly ego: EgoBox;
  readonly history: PathJson;
  readonly logged: PathJson;
  readonly predicted: readonly PathJson[];
  readonly map: MapJson | null;
  readonly actors: readonly {
    readonly kind: ActorKind;
    readonly x: number;
    readonly y: number;
    readonly yaw: number;
    readonly lengthM: number;
    readonly widthM: number;
  }[];
  readonly lights: readonly { readonly id: number; readonly color: LightColor }[];
  readonly modelTrace: string | null;
  readonly oracleTrace: string | null;
  readonly modelDecision: DecisionJson | null;
  readonly oracleDecision: DecisionJson | null;
  readonly consistency: ConsistencyVerdict | null;
}

/** Actors near the ego in its rig frame, for a clip. */
export function actorsToClip(
  actors: readonly ActorState[],
  worldFromRig: Pose2,
  radiusM = 90,
): ClipArtefact["actors"] {
  const c = Math.cos(worldFromRig.yaw);
  const s = Math.sin(worldFromRig.yaw);
  return actors
    .filter((a) => Math.hypot(a.x - worldFromRig.x, a.y - worldFromRig.y) <= radiusM)
    .map((a) => {
      const dx = a.x - worldFromRig.x;
      const dy = a.y - worldFromRig.y;
      return {
        kind: a.kind,
        x: cm(c * dx + s * dy),
        y: cm(c * dy - s * dx),
        yaw: tenthMrad(a.yaw - worldFromRig.yaw),
        lengthM: cm(a.lengthM),
        widthM: cm(a.widthM),
      };
    });
}

/** One closed-loop scene as a replay; world frame, one column entry per frame. */
export interface FilmArtefact {
  readonly sceneId: string;
  readonly kind: string;
  readonly policy: string;
  readonly seed: number;
  readonly stepSecs: number;
  readonly ego: EgoBox;
  readonly map: MapJson;
  /** Ego rear axle per frame. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly yaw: readonly number[];
  readonly speedMps: readonly number[];
  /** Each actor over a run of frames without gap; one that leaves and returns has two entries. */
  readonly actors: readonly {
    readonly kind: ActorKind;
    readonly lengthM: number;
    readonly widthM: number;
    readonly firstFrame: number;
    readonly x: readonly number[];
    readonly y: readonly number[];
    readonly yaw: readonly number[];
    /** "1" where the brake lights are on, one character per frame. */
    readonly braking: string;
  }[];
  /** One character per frame: r, y, g, o (off). */
  readonly lights: readonly { readonly id: number; readonly colors: string }[];
  /** Plans in the world frame at 0.4 s spacing, from the frame where they were made until the next one. */
  readonly plans: readonly {
    readonly frame: number;
    readonly x: readonly number[];
    readonly y: readonly number[];
  }[];
  /** Written reasoning from `frame` on. */
  readonly reasoning: readonly { readonly frame: number; readonly text: string }[];
  /** What the privileged driver would decide from `frame` on, in words. */
  readonly oracle?: readonly { readonly frame: number; readonly text: string }[];
  /** Incidents and other moments worth a mark on the time line. */
  readonly events: readonly {
    readonly frame: number;
    readonly kind: string;
    readonly text: string;
  }[];
  readonly cameras: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
    readonly calibration: PinholeCalibration | null;
    /** Base64 JPEG; shown until the next one. */
    readonly frames: readonly { readonly frame: number; readonly jpeg: string }[];
  }[];
}

export interface FilmFrame {
  readonly ego: Pose2 & { readonly speedMps: number };
  readonly actors: readonly ActorState[];
  readonly lights: readonly { readonly id: number; readonly color: LightColor }[];
  /** A plan made at this frame, rig frame now; null to keep the last one. */
  readonly plan: LocalPath | null;
  /** Reasoning written at this frame; null to keep the last one. */
  readonly reasoning: string | null;
  /** What the privileged driver would decide here, in words; null or left out when it is not known. */
  readonly oracle?: string | null;
  readonly events: readonly { readonly kind: string; readonly text: string }[];
  /** Base64 JPEG by camera name, at the frames that have one. */
  readonly cameras: ReadonlyMap<string, string>;
}

export type FilmHead = Pick<
  FilmArtefact,
  "sceneId" | "kind" | "policy" | "seed" | "stepSecs" | "ego"
> & {
  readonly map: RoadMap;
  readonly cameras: readonly Pick<
    FilmArtefact["cameras"][number],
    "name" | "width" | "height" | "calibration"
  >[];
};

/** Plan rows kept: every 4th of 10 Hz. */
const planStride = 4;

/** Collects frames of one scene into a film. */
export class FilmBuilder {
  readonly #head: FilmHead;
  readonly #frames: FilmFrame[] = [];

  constructor(head: FilmHead) {
    this.#head = head;
  }

  add(frame: FilmFrame): void {
    this.#frames.push(frame);
  }

  finish(): FilmArtefact {
    const { map, cameras, ...head } = this.#head;
    const frames = this.#frames;
    const egoX = frames.map((f) => f.ego.x);
    const egoY = frames.map((f) => f.ego.y);
    const tracks: {
      kind: ActorKind;
      lengthM: number;
      widthM: number;
      firstFrame: number;
      x: number[];
      y: number[];
      yaw: number[];
      braking: string;
    }[] = [];
    const open = new Map<number, (typeof tracks)[number]>();
    const plans: FilmArtefact["plans"][number][] = [];
    const reasoning: FilmArtefact["reasoning"][number][] = [];
    const oracle: { frame: number; text: string }[] = [];
    const events: FilmArtefact["events"][number][] = [];
    const lightColors = new Map<number, string>();
    for (const [frame, f] of frames.entries()) {
      const present = new Set<number>();
      for (const a of f.actors) {
        if (Math.hypot(a.x - f.ego.x, a.y - f.ego.y) > 110) continue;
        present.add(a.id);
        let track = open.get(a.id);
        if (track === undefined) {
          track = {
            kind: a.kind,
            lengthM: cm(a.lengthM),
            widthM: cm(a.widthM),
            firstFrame: frame,
            x: [],
            y: [],
            yaw: [],
            braking: "",
          };
          tracks.push(track);
          open.set(a.id, track);
        }
        track.x.push(cm(a.x));
        track.y.push(cm(a.y));
        track.yaw.push(Math.round(a.yaw * 1e3) / 1e3);
        track.braking += a.braking ? "1" : "0";
      }
      for (const id of open.keys()) if (!present.has(id)) open.delete(id);
      for (const { id, color } of f.lights) {
        const so = lightColors.get(id) ?? "o".repeat(frame);
        lightColors.set(id, so.padEnd(frame, "o") + color[0]);
      }
      if (f.plan !== null) {
        const c = Math.cos(f.ego.yaw);
        const s = Math.sin(f.ego.yaw);
        const plan = { frame, x: [cm(f.ego.x)], y: [cm(f.ego.y)] };
        for (let i = planStride - 1; i < f.plan.x.length; i += planStride) {
          plan.x.push(cm(f.ego.x + c * f.plan.x[i] - s * f.plan.y[i]));
          plan.y.push(cm(f.ego.y + s * f.plan.x[i] + c * f.plan.y[i]));
        }
        plans.push(plan);
      }
      if (f.reasoning !== null && f.reasoning !== reasoning[reasoning.length - 1]?.text) {
        reasoning.push({ frame, text: f.reasoning });
      }
      if (typeof f.oracle === "string" && f.oracle !== oracle[oracle.length - 1]?.text) {
        oracle.push({ frame, text: f.oracle });
      }
      for (const event of f.events) events.push({ frame, ...event });
    }
    return {
      ...head,
      map: mapToJson(map, { near: { x: egoX, y: egoY }, radiusM: 70 }),
      x: egoX.map(cm),
      y: egoY.map(cm),
      yaw: frames.map((f) => tenthMrad(f.ego.yaw)),
      speedMps: frames.map((f) => cm(f.ego.speedMps)),
      actors: tracks,
      lights: [...lightColors].map(([id, colors]) => ({
        id,
        colors: colors.padEnd(frames.length, "o"),
      })),
      plans,
      reasoning,
      ...(oracle.length === 0 ? {} : { oracle }),
      events,
      cameras: cameras.map((camera) => ({
        ...camera,
        frames: frames.flatMap((f, frame) => {
          const jpeg = f.cameras.get(camera.name);
          return jpeg === undefined ? [] : [{ frame, jpeg }];
        }),
      })),
    };
  }
}

/** JPEG of a picture as base64, without the data-URI head. */
export async function encodeJpegBase64(image: RgbImage, quality = 72): Promise<string> {
  const { width, height, pixels } = image;
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, mozjpeg: true })
    .toBuffer();
  return bytes.toString("base64");
}
