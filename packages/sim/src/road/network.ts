import type { Path } from "../geometry/path.ts";

/** One driving lane with its centre line in the direction of travel. */
export interface Lane {
  readonly id: number;
  readonly path: Path;
  readonly widthM: number;
  readonly roadId: number | null;
  readonly leftMarking: "solid" | "dashed" | "none";
  readonly rightMarking: "solid" | "dashed" | "none";
  readonly isJunction: boolean;
  /** Set on junction lanes. */
  readonly junctionId: number | null;
  readonly movement: Movement | null;
  readonly successors: number[];
  /** Lane of the same direction beside it, or null. */
  leftId: number | null;
  rightId: number | null;
  readonly speedLimitMps: number;
  /** Stop line at the end of this lane, or null. */
  stopLineId: number | null;
}

export type Movement = "straight" | "left" | "right";
export type JunctionControl = "light" | "stop" | "none";

/** A road: a reference line (the centre line between the directions) with equal lanes on both sides. */
export interface Road {
  readonly id: number;
  readonly ref: Path;
  readonly numLanes: number;
  readonly laneWidthM: number;
  /** Paved strip outside the outer lane, m. */
  readonly shoulderM: number;
  /** Lane ids along the reference direction, innermost (leftmost) first. */
  readonly forward: number[];
  /** Lane ids against it, innermost first. */
  readonly backward: number[];
  readonly startJunctionId: number | null;
  readonly endJunctionId: number | null;
}

export interface StopLine {
  readonly id: number;
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
  readonly laneIds: readonly number[];
  readonly lightId: number | null;
  readonly isStopSign: boolean;
  readonly junctionId: number;
}

/** One signal group facing one approach; all its heads show the same colour. */
export interface Light {
  readonly id: number;
  readonly junctionId: number;
  /** 0: the road that the ego comes on, 1: the crossing road. */
  readonly axis: 0 | 1;
  /** Direction that the lamps face (towards the drivers), rad. */
  readonly yaw: number;
  readonly heads: readonly { readonly x: number; readonly y: number; readonly z: number }[];
  /** Poles that carry the heads: foot, and arm end at arm height where there is one. */
  readonly poles: readonly {
    readonly x: number;
    readonly y: number;
    readonly heightM: number;
    readonly armX: number;
    readonly armY: number;
  }[];
}

export interface StopSign {
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
  readonly stopLineId: number;
}

/** A painted crossing: centre, direction of walking, half length (across the road) and half width (along it). */
export interface Crosswalk {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly walkYaw: number;
  readonly halfLengthM: number;
  readonly halfWidthM: number;
  readonly junctionId: number | null;
}

export interface Arm {
  readonly roadId: number;
  /** Direction from the junction's centre outwards, rad. */
  readonly yaw: number;
  /** Whether the road's reference line runs outwards. */
  readonly outward: boolean;
}

export interface Junction {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  /** Heading of the approach that comes first on the route. */
  readonly yaw: number;
  /** Half edge of the square that the arms end at. */
  readonly halfM: number;
  readonly cornerRadiusM: number;
  /** Order: approach, straight ahead, left, right; null where there is no arm. */
  readonly arms: readonly [Arm, Arm | null, Arm | null, Arm | null];
  readonly control: JunctionControl;
}

export interface Network {
  readonly lanes: readonly Lane[];
  readonly roads: readonly Road[];
  readonly junctions: readonly Junction[];
  readonly stopLines: readonly StopLine[];
  readonly stopSigns: readonly StopSign[];
  readonly lights: readonly Light[];
  readonly crosswalks: readonly Crosswalk[];
}

/** Half width of the paved surface. */
export const roadHalfWidthM = (road: Road): number =>
  road.numLanes * road.laneWidthM + road.shoulderM;
