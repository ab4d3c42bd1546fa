/** A drive that is open for reading: small things at once, layers and pictures when asked for. */
import type { EgoMotion } from "@causeway/geom";
import type {
  ActorFrame,
  CameraFrame,
  DecisionFrame,
  Drive,
  FThetaLens,
  LightFrame,
  PinholeCalibration,
  QuestionFrame,
  ReasoningEvent,
  RoadMap,
  RouteStep,
  Takeover,
} from "./drive.ts";
import { DataConfigError } from "./errors.ts";
import { hasMotion } from "./motion-columns.ts";

/** A camera's times and calibration without its pictures. */
export interface CameraIndex {
  readonly name: string;
  readonly calibration: PinholeCalibration | null;
  readonly lens?: FThetaLens;
  /** One per frame, increasing. */
  readonly stampsUs: Float64Array;
}

export interface DriveHandle {
  /** File path, or null for a drive in memory. */
  readonly path: string | null;
  readonly id: string;
  readonly source: Drive["source"];
  readonly durationUs: number;
  readonly egoSize: Drive["egoSize"];
  /** No rows where `has.motion` is false. */
  readonly egoMotion: EgoMotion;
  readonly cameras: readonly CameraIndex[];
  readonly route: readonly RouteStep[] | null;
  /** Which optional layers the drive has. */
  readonly has: {
    readonly motion: boolean;
    readonly actors: boolean;
    readonly lights: boolean;
    readonly map: boolean;
    readonly decisions: boolean;
    readonly reasoning: boolean;
    readonly questions: boolean;
    readonly takeovers: boolean;
  };
  /** Topic names with message counts, in the order of the file. */
  readonly topics: readonly { readonly name: string; readonly messages: number }[];
  /** Hash of the source files when an importer wrote the drive. */
  readonly inputHash: string | null;
  /** Pictures by position in `stampsUs`; reads only the chunks that hold them. */
  frames(camera: string, indices: readonly number[]): Promise<readonly CameraFrame[]>;
  actors(): Promise<readonly ActorFrame[] | null>;
  lights(): Promise<readonly LightFrame[] | null>;
  map(): Promise<RoadMap | null>;
  decisions(): Promise<readonly DecisionFrame[] | null>;
  reasoning(): Promise<readonly ReasoningEvent[] | null>;
  questions(): Promise<readonly QuestionFrame[] | null>;
  takeovers(): Promise<readonly Takeover[] | null>;
  close(): Promise<void>;
}

export function cameraOf(handle: DriveHandle, name: string): CameraIndex {
  const camera = handle.cameras.find((c) => c.name === name);
  if (camera === undefined) {
    const known = handle.cameras.map((c) => c.name).join(", ") || "none";
    throw new DataConfigError(`drive ${handle.id} has no camera "${name}". It has: ${known}.`);
  }
  return camera;
}

/** The same access to a drive that is in memory. */
export function handleOfDrive(drive: Drive): DriveHandle {
  return {
    path: null,
    id: drive.id,
    source: drive.source,
    durationUs: drive.durationUs,
    egoSize: drive.egoSize,
    egoMotion: drive.egoMotion,
    cameras: drive.cameras.map((c) => ({
      name: c.name,
      calibration: c.calibration,
      ...(c.lens === undefined ? {} : { lens: c.lens }),
      stampsUs: Float64Array.from(c.frames, (f) => f.stampUs),
    })),
    route: drive.route,
    has: {
      motion: hasMotion(drive),
      actors: drive.actors !== null,
      lights: drive.lights !== null,
      map: drive.map !== null,
      decisions: drive.decisions !== null,
      reasoning: drive.reasoning !== undefined,
      questions: drive.questions !== undefined,
      takeovers: drive.takeovers !== undefined,
    },
    topics: [],
    inputHash: null,
    async frames(camera, indices) {
      cameraOf(this, camera);
      const stream = drive.cameras.find((c) => c.name === camera);
      return indices.map((i) => {
        const frame = stream?.frames[i];
        if (frame === undefined) {
          throw new DataConfigError(
            `drive ${drive.id} camera ${camera}: frame ${i} of ${stream?.frames.length}.`,
          );
        }
        return frame;
      });
    },
    actors: async () => drive.actors,
    lights: async () => drive.lights,
    map: async () => drive.map,
    decisions: async () => drive.decisions,
    reasoning: async () => drive.reasoning ?? null,
    questions: async () => drive.questions ?? null,
    takeovers: async () => drive.takeovers ?? null,
    close: async () => undefined,
  };
}
