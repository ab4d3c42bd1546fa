import type { ActorKind, LightColor } from "@causeway/data";
import type { Network } from "../road/network.ts";
import type { Route } from "../road/route.ts";

/** Every scenario that the simulator can build; the catalogue is Alpamayo-R1's (arXiv 2511.00088, Table 3). */
export const scenarioKinds = [
  "slow_for_lead",
  "stop_for_lead",
  "stop_for_light",
  "stop_for_sign",
  "resume_at_light",
  "lane_change",
  "yield_to_vru",
  "cut_in",
  "nudge",
  "curvy_road",
  "passing_intersection",
  "no_yield_vru",
  "turn_left",
  "turn_right",
  "mixed",
] as const;
export type ScenarioKind = (typeof scenarioKinds)[number];

/** Ego box and axle geometry, m (a mid-size estate). */
export const egoGeometry = {
  lengthM: 4.8,
  widthM: 1.9,
  heightM: 1.55,
  rearAxleToCenterM: 1.4,
  wheelbaseM: 2.85,
  /** Front bumper ahead of the rear axle. */
  frontM: 3.8,
} as const;

/** Simulation step, s. */
export const tickSecs = 0.1;

/** Ego at one tick: rig pose in the world, speed, acceleration, curvature of the driven arc. */
export interface EgoState {
  x: number;
  y: number;
  yaw: number;
  speedMps: number;
  accelMps2: number;
  curvaturePerM: number;
}

/** A car, truck or cyclist that follows a route with IDM. Its pose is the box centre. */
export interface CarSpec {
  readonly kind: Extract<ActorKind, "car" | "truck" | "cyclist">;
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
  /** 0xRRGGBB. */
  readonly color: number;
  readonly route: Route;
  readonly startS: number;
  readonly startSpeedMps: number;
  readonly desiredSpeedMps: number;
  /** Lateral offset from its route, m, left positive, and later moves to other offsets. */
  readonly startOffsetM: number;
  readonly shifts: readonly Shift[];
  /** Desired speed and braking strength from a time on; in time order. */
  readonly speedPlan: readonly {
    readonly atSecs: number;
    readonly desiredSpeedMps: number;
    readonly decelMps2: number;
  }[];
  /** Never moves and shows no brake lights. */
  readonly parked: boolean;
  /** Flashing both indicators (drawn), for broken-down vehicles. */
  readonly hazard: boolean;
}

/** A move to another lateral offset; the indicator starts one second earlier. */
export interface Shift {
  readonly atSecs: number;
  readonly toOffsetM: number;
  readonly durationSecs: number;
}

export type WalkTrigger =
  /** Starts at a time. */
  | { readonly kind: "time"; readonly atSecs: number }
  /** Starts when the ego would reach the walker's line in `etaSecs` at its speed then. */
  | { readonly kind: "ego_eta"; readonly etaSecs: number; readonly routeS: number }
  | { readonly kind: "never" };

export interface WalkerSpec {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  readonly speedMps: number;
  readonly trigger: WalkTrigger;
  readonly heightM: number;
  readonly shirtColor: number;
  readonly trousersColor: number;
}

/** One repeating signal programme for a junction: colours of both axes for each phase. */
export interface SignalPlan {
  readonly junctionId: number;
  /** Time 0 of the drive lies this far into the cycle. */
  readonly offsetSecs: number;
  readonly phases: readonly {
    readonly secs: number;
    readonly axis0: LightColor;
    readonly axis1: LightColor;
  }[];
}

/**
 * What kind of place the road runs through. It fixes the speed limit and shows in every picture, since there are no
 * speed limit signs: pavements and close houses in town, kerbs and some houses in a suburb, open grass and trees in
 * the country.
 */
export type RoadClass = "town" | "suburb" | "country";

/** Tint and light of the pictures. */
export interface Appearance {
  /** Daylight factor on surfaces, about 0.45 (dusk) to 1.1. */
  readonly light: number;
  readonly skyTop: number;
  readonly skyHorizon: number;
  readonly grass: number;
  readonly asphalt: number;
  /** Direction that the sun comes from, rad. */
  readonly sunYaw: number;
  /** Fog density, 1/m. */
  readonly fog: number;
}

export interface Decor {
  readonly kind: "building" | "tree" | "post";
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
  readonly color: number;
}

/** Where the route wants the ego to change lanes: shown as a route command. */
export interface RouteLaneChange {
  readonly byS: number;
  readonly side: "left" | "right";
}

/** Everything that a seed fixes; a `World` is a scene in motion. */
export interface Scene {
  readonly id: string;
  readonly kind: ScenarioKind;
  readonly seed: number;
  readonly network: Network;
  readonly egoRoute: Route;
  readonly egoStartS: number;
  readonly egoStartSpeedMps: number;
  readonly roadClass: RoadClass;
  readonly speedLimitMps: number;
  readonly laneChange: RouteLaneChange | null;
  readonly cars: readonly CarSpec[];
  readonly walkers: readonly WalkerSpec[];
  readonly signals: readonly SignalPlan[];
  readonly decor: readonly Decor[];
  readonly appearance: Appearance;
}
