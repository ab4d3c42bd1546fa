/**
 * The 16 scenarios of Alpamayo-R1 (arXiv 2511.00088, Table 3) as data: 11 reactive ones, whose keyframe lies just before the
 * car changes what it does, and 5 proactive ones, which are a range that keyframes are drawn from. Ids are ours.
 *
 * `when` says which decision with which causes is an instance; it looks at decision rows (of a privileged driver, or of
 * labels), never at pictures. A scenario whose causes no source states yet is never found, and says so in `needs`.
 */
import type { ComponentCategory, LateralDecision, LongitudinalDecision } from "@causeway/data";

export const scenarioIds = [
  "slow_for_lead",
  "stop_for_lead",
  "stop_for_control",
  "resume_at_control",
  "lane_change",
  "yield_to_vru",
  "cut_in",
  "speed_bump",
  "nudge",
  "bypass_construction",
  "risky_others",
  "curvy_road",
  "lane_change_preparation",
  "nudge_preparation",
  "passing_intersection",
  "no_yield_vru",
] as const;
export type ScenarioId = (typeof scenarioIds)[number];

export type KeyframeRule =
  /** `leadSecs` before the car's own change. */
  | { readonly at: "before-change"; readonly leadSecs: number }
  /** The later of that and the light's change to one of these colours. */
  | {
      readonly at: "later-of-change-and-light";
      readonly leadSecs: number;
      readonly colors: readonly ("red" | "yellow" | "green")[];
    }
  /** The first of that and the appearance of the cause. */
  | { readonly at: "first-of-change-and-cause"; readonly leadSecs: number }
  /** Any moment of the span. */
  | { readonly at: "range" };

/** All given conditions hold. */
export interface ScenarioCondition {
  readonly longitudinal?: readonly LongitudinalDecision[];
  readonly lateral?: readonly LateralDecision[];
  /** Some cause has one of these kinds … */
  readonly causeKinds?: readonly string[];
  /** … or categories. */
  readonly causeCategories?: readonly ComponentCategory[];
  /** Some component in view, cause or not, has one of these kinds, and one of these states where given. */
  readonly seenKinds?: readonly string[];
  readonly seenStates?: readonly string[];
  /** The car comes to (or leaves) a standstill within the span or the 6 s after it. */
  readonly comesToStop?: boolean;
  readonly wasStanding?: boolean;
  /** On a junction lane of the map. */
  readonly isInJunction?: boolean;
}

export interface Scenario {
  readonly title: string;
  readonly kind: "reactive" | "proactive";
  readonly keyframe: KeyframeRule;
  /** Any of these. */
  readonly when: readonly ScenarioCondition[];
  /** What a source must state for it to be found. */
  readonly needs: string;
}

const vru = ["pedestrian", "cyclist", "crossing_pedestrian"] as const;
const leads = ["lead_vehicle"] as const;
const before = { at: "before-change", leadSecs: 0.5 } as const;
const range = { at: "range" } as const;

export const scenarioCatalogue: Readonly<Record<ScenarioId, Scenario>> = {
  slow_for_lead: {
    title: "slow for a lead vehicle",
    kind: "reactive",
    keyframe: before,
    when: [{ longitudinal: ["lead_following"], causeKinds: leads, comesToStop: false }],
    needs: "decisions with a lead vehicle as cause",
  },
  stop_for_lead: {
    title: "stop for a lead vehicle",
    kind: "reactive",
    keyframe: before,
    when: [
      {
        longitudinal: ["lead_following"],
        causeKinds: leads,
        comesToStop: true,
        wasStanding: false,
      },
    ],
    needs: "decisions with a lead vehicle as cause",
  },
  stop_for_control: {
    title: "stop for a light or a sign",
    kind: "reactive",
    keyframe: { at: "later-of-change-and-light", leadSecs: 0.5, colors: ["yellow", "red"] },
    when: [{ longitudinal: ["stop_static_constraint"], wasStanding: false }],
    needs: "decisions; the light's colours for the later moment",
  },
  resume_at_control: {
    title: "resume at a light or a sign",
    kind: "reactive",
    keyframe: { at: "later-of-change-and-light", leadSecs: 0.5, colors: ["green"] },
    when: [
      {
        longitudinal: ["set_speed_tracking", "lead_following", "speed_adaptation_road_event"],
        causeKinds: ["green_light", "stop_sign"],
        wasStanding: true,
      },
      {
        longitudinal: ["set_speed_tracking", "lead_following", "speed_adaptation_road_event"],
        seenKinds: ["green_light", "stop_sign"],
        wasStanding: true,
      },
    ],
    needs: "decisions and a light or sign in view",
  },
  lane_change: {
    title: "lane change",
    kind: "reactive",
    keyframe: before,
    when: [{ lateral: ["lane_change", "merge_split"] }],
    needs: "decisions",
  },
  yield_to_vru: {
    title: "yield to a vulnerable road user",
    kind: "reactive",
    keyframe: before,
    when: [
      { longitudinal: ["yield_right_of_way"], causeKinds: vru },
      { lateral: ["in_lane_nudge", "out_of_lane_nudge"], causeKinds: vru },
    ],
    needs: "decisions with a pedestrian or cyclist as cause",
  },
  cut_in: {
    title: "a vehicle cuts in",
    kind: "reactive",
    keyframe: { at: "first-of-change-and-cause", leadSecs: 0.5 },
    when: [{ causeKinds: ["cut_in_vehicle"] }],
    needs: "decisions with the vehicle that cuts in as cause",
  },
  speed_bump: {
    title: "speed bump",
    kind: "reactive",
    keyframe: before,
    when: [{ longitudinal: ["speed_adaptation_road_event"], causeKinds: ["speed_bump", "bump"] }],
    needs: "decisions with a bump as cause",
  },
  nudge: {
    title: "nudge around something",
    kind: "reactive",
    keyframe: before,
    when: [
      {
        lateral: ["in_lane_nudge", "out_of_lane_nudge"],
        causeKinds: [
          "parked_vehicle",
          "blocking_vehicle",
          "adjacent_vehicle",
          "oncoming_vehicle",
          "lead_vehicle",
        ],
      },
    ],
    needs: "decisions with an object as cause",
  },
  bypass_construction: {
    title: "bypass construction",
    kind: "reactive",
    keyframe: before,
    when: [
      {
        lateral: ["in_lane_nudge", "out_of_lane_nudge", "lane_change", "merge_split"],
        causeKinds: ["construction", "construction_zone", "cone"],
      },
    ],
    needs: "decisions with construction as cause",
  },
  risky_others: {
    title: "risky driving of others",
    kind: "reactive",
    keyframe: before,
    when: [
      {
        longitudinal: ["yield_right_of_way"],
        causeKinds: ["oncoming_vehicle", "cross_vehicle", "blocking_vehicle"],
      },
    ],
    needs: "decisions with the other vehicle as cause",
  },
  curvy_road: {
    title: "curvy road",
    kind: "proactive",
    keyframe: range,
    when: [{ longitudinal: ["speed_adaptation_road_event"], causeKinds: ["curve"] }],
    needs: "decisions with a curve as cause",
  },
  lane_change_preparation: {
    title: "preparing a lane change",
    kind: "proactive",
    keyframe: range,
    when: [{ longitudinal: ["gap_searching"], causeCategories: ["routing_intent", "lane_lines"] }],
    needs: "decisions that search for a gap",
  },
  nudge_preparation: {
    title: "preparing a nudge",
    kind: "proactive",
    keyframe: range,
    when: [
      {
        longitudinal: ["gap_searching"],
        causeKinds: ["blocking_vehicle", "parked_vehicle", "oncoming_vehicle"],
      },
    ],
    needs: "decisions that search for a gap beside something that blocks",
  },
  passing_intersection: {
    title: "passing an intersection",
    kind: "proactive",
    keyframe: range,
    when: [{ isInJunction: true, comesToStop: false, wasStanding: false }],
    needs: "a map with junction lanes",
  },
  no_yield_vru: {
    title: "no need to yield to a vulnerable road user",
    kind: "proactive",
    keyframe: range,
    when: [
      {
        longitudinal: ["set_speed_tracking", "lead_following", "speed_adaptation_road_event"],
        seenKinds: vru,
        seenStates: ["waiting"],
      },
    ],
    needs: "decisions with people in view",
  },
};
