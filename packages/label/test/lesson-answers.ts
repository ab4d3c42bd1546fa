/** What a well-behaved teacher says to the requests of `lesson-drives.ts`. */
import type { ComponentsReply, DecisionReply } from "@causeway/label";

export const isDecisionRequest = (text: string): boolean =>
  text.includes("At t = 0 these components");

export const goodComponents: ComponentsReply = {
  components: [
    {
      id: "c1",
      kind: "lead_vehicle",
      text: "the car ahead is braking",
      side: "ahead",
      state: "braking",
      distance_m: 18,
      uncertainty: "low",
      frames: [3, 4],
    },
    {
      id: "c2",
      kind: "free_lane",
      text: "the lane is free",
      side: null,
      state: null,
      distance_m: null,
      uncertainty: "medium",
      frames: [4],
    },
  ],
};

export const goodDecision: DecisionReply = {
  longitudinal: "lead_following",
  lateral: "lane_keep",
  lateral_side: null,
  cause_ids: ["c1"],
  trace: "Slow down behind the car ahead while keeping the lane because the car ahead is braking.",
  unobserved: null,
};

export const goodAnswer = (text: string): unknown =>
  isDecisionRequest(text) ? goodDecision : goodComponents;
