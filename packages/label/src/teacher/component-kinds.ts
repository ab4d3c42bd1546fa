/** What a component may be called, and its category: one closed list for prompts, schemas and rules. */
import type { ComponentCategory } from "@causeway/data";

export const componentKindCategories = {
  lead_vehicle: "critical_object",
  cut_in_vehicle: "critical_object",
  oncoming_vehicle: "critical_object",
  cross_vehicle: "critical_object",
  adjacent_vehicle: "critical_object",
  parked_vehicle: "critical_object",
  blocking_vehicle: "critical_object",
  emergency_vehicle: "critical_object",
  school_bus: "critical_object",
  pedestrian: "critical_object",
  cyclist: "critical_object",
  animal: "critical_object",
  red_light: "traffic_light",
  yellow_light: "traffic_light",
  green_light: "traffic_light",
  stop_sign: "yield_stop_control",
  stop_line: "yield_stop_control",
  yield_sign: "yield_stop_control",
  rail_crossing: "yield_stop_control",
  curve: "road_event",
  junction_turn: "road_event",
  speed_bump: "road_event",
  ramp: "road_event",
  roundabout: "road_event",
  narrowing: "road_event",
  construction: "road_event",
  free_lane: "lane_lines",
  lane_marking: "lane_lines",
  route: "routing_intent",
  weather: "odd_constraint",
  other: "odd_constraint",
} as const satisfies Record<string, ComponentCategory>;

export type TaughtKind = keyof typeof componentKindCategories;
export const taughtKinds = Object.keys(componentKindCategories) as [TaughtKind, ...TaughtKind[]];
