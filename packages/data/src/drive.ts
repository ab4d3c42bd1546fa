import type { EgoMotion, LocalPath } from "@causeway/geom";
import type { DrivingDecision } from "./decision.ts";

/** Pinhole camera: x right, y down, z forward. Principal point and focal lengths in pixels of `width` x `height`. */
export interface PinholeCalibration {
  readonly model: "pinhole";
  readonly width: number;
  readonly height: number;
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
  /** rig-from-camera translation (m) and unit quaternion. */
  readonly rigFromCamera: {
    readonly x: number;
    readonly y: number;
    readonly z: number;
    readonly qw: number;
    readonly qx: number;
    readonly qy: number;
    readonly qz: number;
  };
}

/**
 * f-theta lens: a ray at angle θ (rad) from the optical axis lands `Σ forward[k] θ^k` pixels from (cx, cy); `backward` is the
 * inverse, radius in pixels to angle. Camera axes as for a pinhole. For sources whose wide lenses no pinhole describes.
 */
export interface FThetaLens {
  readonly model: "ftheta";
  readonly width: number;
  readonly height: number;
  readonly cx: number;
  readonly cy: number;
  readonly forward: readonly number[];
  readonly backward: readonly number[];
  readonly rigFromCamera: PinholeCalibration["rigFromCamera"];
}

/** One encoded picture. */
export interface CameraFrame {
  readonly stampUs: number;
  readonly encoding: "jpeg" | "png";
  readonly bytes: Uint8Array;
}

export interface CameraStream {
  /** e.g. "camera_front_wide_120fov". */
  readonly name: string;
  readonly calibration: PinholeCalibration | null;
  /** Where the lens is no pinhole; `calibration` is null then. */
  readonly lens?: FThetaLens;
  /** In time order. */
  readonly frames: readonly CameraFrame[];
}

export type ActorKind = "car" | "truck" | "pedestrian" | "cyclist" | "other";

/** One box at one time, world frame; x, y are the box centre on the ground. */
export interface ActorState {
  readonly id: number;
  readonly kind: ActorKind;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
  readonly speedMps: number;
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
  readonly braking: boolean;
  readonly indicator: "none" | "left" | "right";
}
export interface ActorFrame {
  readonly stampUs: number;
  readonly actors: readonly ActorState[];
}

export type LightColor = "red" | "yellow" | "green" | "off";
export interface LightState {
  readonly id: number;
  readonly color: LightColor;
}
export interface LightFrame {
  readonly stampUs: number;
  readonly lights: readonly LightState[];
}

export interface Polyline {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Lane map in the drive's world frame. Source maps without a layer leave its list empty. */
export interface RoadMap {
  readonly lanes: readonly {
    readonly id: number;
    readonly centerline: Polyline;
    readonly left: Polyline;
    readonly right: Polyline;
    readonly leftMarking: "solid" | "dashed" | "none";
    readonly rightMarking: "solid" | "dashed" | "none";
    readonly isJunction: boolean;
    readonly successors: readonly number[];
    readonly speedLimitMps: number | null;
  }[];
  /** Drivable surface including shoulders, one ring each. */
  readonly drivable: readonly Polyline[];
  readonly crosswalks: readonly Polyline[];
  readonly stopLines: readonly {
    readonly line: Polyline;
    readonly lightId: number | null;
    readonly isStopSign: boolean;
  }[];
  readonly lights: readonly {
    readonly id: number;
    readonly x: number;
    readonly y: number;
    readonly z: number;
    readonly yaw: number;
  }[];
}

export type RouteCommand = "straight" | "left" | "right" | "lane_change_left" | "lane_change_right";
/** The command that holds from `stampUs` until the next row; text as the navigation prompt shows it. */
export interface RouteStep {
  readonly stampUs: number;
  readonly command: RouteCommand;
  /** Metres to the manoeuvre, or null when there is none ahead. */
  readonly distanceM: number | null;
}

export interface DecisionFrame {
  readonly stampUs: number;
  readonly decision: DrivingDecision;
}

/** Reasoning text that a source gives for a moment (a published label, not ours). */
export interface ReasoningEvent {
  readonly stampUs: number;
  readonly text: string;
}

/** One question about the pictures of a moment, with the answer that the source gives. */
export interface QuestionAnswer {
  /** What it is about, in the source's word; DriveLM: "perception", "prediction", "planning", "behavior". */
  readonly kind: string;
  readonly question: string;
  readonly answer: string;
}

/** An object that questions name, as the source describes it; null where it says nothing. */
export interface QuestionObject {
  /** As it stands in the questions, e.g. "<c1,CAM_FRONT,714.3,503.6>": number, camera, centre. */
  readonly name: string;
  readonly category: string | null;
  readonly status: string | null;
  readonly description: string | null;
  /** Left, top, right, bottom. */
  readonly boxPx: readonly [number, number, number, number] | null;
}

/**
 * Questions about one moment: each camera's picture is its last one at or before `stampUs`. Pixels, in texts too, are those
 * of the pictures as the source took them (DriveLM: 1600 x 900), whatever size is stored.
 */
export interface QuestionFrame {
  readonly stampUs: number;
  readonly questions: readonly QuestionAnswer[];
  /** They hold answers (what is there, does it move), so they belong to no prompt. */
  readonly objects: readonly QuestionObject[];
}

/**
 * What the driver of a drive would do from a moment on, where the log does something else afterwards: an error was injected,
 * or a model drove. 64 steps of 0.1 s in the rig frame at `stampUs`.
 */
export interface Takeover {
  readonly stampUs: number;
  readonly path: LocalPath;
}

/** One recording. Truth layers (`decisions`, complete `actors`, `lights`) exist only where the source has them. */
export interface Drive {
  readonly id: string;
  readonly source: {
    /** "causeway-sim", "comma2k19", "argoverse2", "kitti-odometry", ... */
    readonly format: string;
    readonly licence: string;
    /** Scenario kind for simulated drives (a `ScenarioKind` id), else null. */
    readonly scenario: string | null;
    readonly seed: number | null;
    /**
     * The recording that this drive was cut from; drives that share one never part at a split. Absent: the drive is a
     * recording of its own.
     */
    readonly recording?: string;
    /** Time of the drive less that of the source's own clock, whole 0.1 s: for sources whose clips have rows before their 0. */
    readonly clockOffsetUs?: number;
    /** What else the source says of the recording: country, month, hour of day, town, weather, split, ... */
    readonly facts?: Readonly<Record<string, string | number | boolean>>;
    /** Facts that the importer had to assume, for people: "no time stamps in the file, 10 Hz assumed". */
    readonly notes: readonly string[];
  };
  readonly durationUs: number;
  /**
   * At least 2 rows; or none at all where the source does not tell how the car moved (pictures with questions, a video
   * without a table). Such a drive has no samples, meta-actions or keyframes; nothing stands in for the poses.
   */
  readonly egoMotion: EgoMotion;
  /** Ego box: length, width, height (m) and distance from rear axle to box centre; null when unknown. */
  readonly egoSize: {
    readonly lengthM: number;
    readonly widthM: number;
    readonly heightM: number;
    readonly rearAxleToCenterM: number;
  } | null;
  readonly cameras: readonly CameraStream[];
  readonly actors: readonly ActorFrame[] | null;
  readonly lights: readonly LightFrame[] | null;
  readonly map: RoadMap | null;
  readonly route: readonly RouteStep[] | null;
  /** Truth of the privileged driver, 10 Hz; never shown to a model. */
  readonly decisions: readonly DecisionFrame[] | null;
  /** Truth of the privileged driver where the log is not its own. A sample at such a moment has this as its future. */
  readonly takeovers?: readonly Takeover[];
  /** Absent: the source gives none. */
  readonly reasoning?: readonly ReasoningEvent[];
  /** Absent: the source asks none. */
  readonly questions?: readonly QuestionFrame[];
}
