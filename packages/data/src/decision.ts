/** The closed decision sets of Alpamayo-R1 (arXiv 2511.00088, Table 1); ids are ours. */
export const longitudinalDecisions = [
  "set_speed_tracking",
  "lead_following",
  "speed_adaptation_road_event",
  "gap_searching",
  "accelerate_to_pass",
  "yield_right_of_way",
  "stop_static_constraint",
] as const;
export type LongitudinalDecision = (typeof longitudinalDecisions)[number];

export const lateralDecisions = [
  "lane_keep",
  "merge_split",
  "out_of_lane_nudge",
  "in_lane_nudge",
  "lane_change",
  "pull_over",
  "turn",
  "abort_lateral",
] as const;
export type LateralDecision = (typeof lateralDecisions)[number];

export type Side = "left" | "right";

/** Categories of critical components (Table 2). */
export const componentCategories = [
  "critical_object",
  "traffic_light",
  "yield_stop_control",
  "road_event",
  "lane_lines",
  "routing_intent",
  "odd_constraint",
] as const;
export type ComponentCategory = (typeof componentCategories)[number];

/** One thing in the scene that may cause a decision. `kind` is a short noun phrase id. */
export interface CriticalComponent {
  /** Stable within the drive, e.g. "actor:12", "light:3", "lane:7", "route". */
  readonly id: string;
  readonly category: ComponentCategory;
  /** e.g. "lead_vehicle", "parked_vehicle", "pedestrian", "cut_in_vehicle", "red_light", "green_light", "stop_sign", "curve", "junction_turn". */
  readonly kind: string;
  /** e.g. { distanceM: 22.1, speedMps: 0, side: "right", state: "red" }; numbers in SI. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** What the privileged driver decides at one moment and why. At most one decision per axis. */
export interface DrivingDecision {
  readonly longitudinal: LongitudinalDecision | null;
  readonly lateral: LateralDecision | null;
  /** Required for turn, nudge and lane change. */
  readonly lateralSide: Side | null;
  /** Everything relevant in view, causes included. */
  readonly components: readonly CriticalComponent[];
  /** Ids into `components`, most important first; longitudinal cause before lateral. */
  readonly causeIds: readonly string[];
}
