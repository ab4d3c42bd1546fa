/**
 * The oracle's wording as data. One sentence = longitudinal clause, lateral clause, connective, causes, always in this order.
 * The vocabulary is small on purpose (a tiny model must learn to write it); each clause names its decision without help from
 * the cause, so that a parser can be checked against every one of them. {car} is the vehicle noun, {side} left or right.
 */
import type { LateralDecision, LongitudinalDecision } from "@causeway/data";
import { hashJson } from "../hash.ts";

/** Decision -> situation of the car -> clauses, imperative. */
export const longitudinalClauses = {
  set_speed_tracking: {
    steady: ["keep the set speed", "hold a steady speed", "drive at the set speed"],
    below: ["speed up to the set speed", "accelerate to the set speed"],
    standing: ["start and speed up to the set speed"],
  },
  lead_following: {
    steady: [
      "follow the {car} ahead",
      "keep a safe gap to the {car} ahead",
      "stay behind the {car} ahead",
    ],
    slower: ["slow down and follow the {car} ahead", "slow down behind the {car} ahead"],
    stopped: ["slow down and stop behind the {car} ahead", "stop behind the {car} ahead"],
    standing: ["wait behind the {car} ahead", "stay stopped behind the {car} ahead"],
    starting: ["start and follow the {car} ahead"],
  },
  speed_adaptation_road_event: {
    curve: ["slow down for the curve", "reduce speed for the curve", "ease off for the curve"],
    turn: ["slow down for the turn", "reduce speed for the turn", "ease off for the turn"],
    road: ["slow down for the road ahead", "reduce speed for the road ahead"],
    "slow in curve": ["keep a low speed for the curve"],
    "slow in turn": ["keep a low speed for the turn"],
    "slow on road": ["keep a low speed for the road ahead"],
  },
  gap_searching: {
    moving: ["look for a gap in the traffic", "adjust the speed to find a gap"],
    standing: ["wait for a gap in the traffic"],
  },
  accelerate_to_pass: {
    moving: ["speed up to pass the slower {car}", "accelerate and pass the slower {car}"],
  },
  yield_right_of_way: {
    moving: ["slow down and yield", "brake and yield", "slow down and give way"],
    standing: ["wait and yield", "wait and give way"],
  },
  stop_static_constraint: {
    moving: [
      "slow down and stop at the line",
      "brake and stop at the line",
      "slow to a stop at the line",
    ],
    standing: ["wait at the line", "stay stopped at the line"],
  },
} as const satisfies Record<LongitudinalDecision, Record<string, readonly string[]>>;

/** Decision -> [imperative, gerund] pairs, with and without a side. */
export const lateralClauses: Record<
  LateralDecision,
  {
    readonly sided: readonly (readonly [string, string])[];
    readonly plain: readonly (readonly [string, string])[];
  }
> = {
  lane_keep: {
    sided: [],
    plain: [
      ["keep the lane", "keeping the lane"],
      ["stay in the lane", "staying in the lane"],
    ],
  },
  merge_split: {
    sided: [["merge to the {side}", "merging to the {side}"]],
    plain: [["merge into the traffic", "merging into the traffic"]],
  },
  out_of_lane_nudge: {
    sided: [
      ["nudge {side} over the line", "nudging {side} over the line"],
      ["move {side} out of the lane", "moving {side} out of the lane"],
    ],
    plain: [["nudge over the line", "nudging over the line"]],
  },
  in_lane_nudge: {
    sided: [
      ["nudge {side} in the lane", "nudging {side} in the lane"],
      ["shift {side} in the lane", "shifting {side} in the lane"],
    ],
    plain: [["nudge in the lane", "nudging in the lane"]],
  },
  lane_change: {
    sided: [
      ["change to the {side} lane", "changing to the {side} lane"],
      ["change lane to the {side}", "changing lane to the {side}"],
    ],
    plain: [["change lane", "changing lane"]],
  },
  pull_over: {
    sided: [["pull over to the {side}", "pulling over to the {side}"]],
    plain: [["pull over", "pulling over"]],
  },
  turn: {
    sided: [
      ["turn {side}", "turning {side}"],
      ["make a {side} turn", "making a {side} turn"],
    ],
    plain: [["make the turn", "making the turn"]],
  },
  abort_lateral: {
    sided: [["abort the move to the {side}", "aborting the move to the {side}"]],
    plain: [["abort the lane change", "aborting the lane change"]],
  },
};

/**
 * Kind of a component -> state -> clauses. `*` serves every state that has no entry. Clauses with {side} are used only when
 * the component has one.
 */
export const causeClauses: Record<string, Record<string, readonly string[]>> = {
  lead_vehicle: {
    stopped: ["the {car} ahead has stopped", "there is a stopped {car} ahead"],
    braking: ["the {car} ahead is braking"],
    slower: ["the {car} ahead is slower", "there is a slower {car} ahead"],
    "*": ["the {car} ahead is close", "there is a {car} ahead"],
  },
  cut_in_vehicle: {
    sided: ["a {car} cuts in from the {side}", "a {car} is cutting in from the {side}"],
    "*": ["a {car} cuts in ahead"],
  },
  oncoming_vehicle: { "*": ["an oncoming {car} is near", "there is an oncoming {car}"] },
  cross_vehicle: {
    sided: ["a {car} is crossing from the {side}", "a {car} crosses from the {side}"],
    "*": ["a {car} is crossing ahead"],
  },
  adjacent_vehicle: {
    sided: ["a {car} is in the {side} lane", "a {car} is next to us on the {side}"],
    "*": ["a {car} is next to us"],
  },
  parked_vehicle: {
    sided: ["a parked {car} is on the {side}", "a {car} is parked on the {side}"],
    "*": ["a parked {car} is in the way"],
  },
  blocking_vehicle: { "*": ["a standing {car} blocks the lane", "the lane is blocked by a {car}"] },
  pedestrian: {
    crossing: ["a pedestrian is crossing", "a pedestrian crosses the road"],
    walking: ["a pedestrian is walking near the road"],
    waiting: ["a pedestrian is waiting to cross"],
    "*": ["a pedestrian is near the road"],
  },
  cyclist: { "*": ["a cyclist is near", "there is a cyclist ahead"] },
  red_light: { "*": ["the traffic light ahead is red", "the light ahead is red"] },
  yellow_light: { "*": ["the traffic light ahead is yellow", "the light ahead is yellow"] },
  green_light: { "*": ["the traffic light ahead is green", "the light ahead is green"] },
  stop_sign: { "*": ["there is a stop sign ahead", "a stop sign is ahead"] },
  curve: {
    sided: ["the road curves to the {side}", "there is a {side} curve ahead"],
    "*": ["there is a curve ahead"],
  },
  junction_turn: {
    sided: ["there is a {side} turn ahead", "a {side} turn is ahead"],
    "*": ["there is a turn ahead"],
  },
  free_lane: { "*": ["the lane ahead is free", "the road ahead is clear"] },
  route: {
    left: ["the route turns left", "the route goes left"],
    right: ["the route turns right", "the route goes right"],
    lane_change_left: ["the route needs the left lane"],
    lane_change_right: ["the route needs the right lane"],
    "*": ["the route goes straight"],
  },
};

/** Used in this ratio. */
export const connectives = ["because", "because", "because", "since", "as"] as const;

export const templateVersion = "oracle-en-1";
/** Changes with any word of the tables. */
export const templateHash: string = hashJson({
  templateVersion,
  longitudinalClauses,
  lateralClauses,
  causeClauses,
  connectives,
});
