/**
 * The teacher's instructions as data. A change of any word changes the hash, and every label names the hash that it was made
 * under; tests hold the texts as snapshots. Numbers in the texts come from the same tables that the rules use.
 */
import { lateralDecisions, longitudinalDecisions } from "@causeway/data";
import { hashJson } from "../hash.ts";
import { traceWords } from "../verify/label-rules.ts";
import { taughtKinds } from "./component-kinds.ts";

export interface PromptTemplate {
  readonly name: string;
  readonly version: string;
  readonly system: string;
  /** `{name}` is filled from the evidence. */
  readonly user: string;
  readonly hash: string;
}

/** A template with the hash of its words. */
export function template(
  name: string,
  version: string,
  system: string,
  user: string,
): PromptTemplate {
  return { name, version, system, user, hash: hashJson({ name, version, system, user }) };
}

/** Fills `{name}`; a name without a value is our own mistake. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`prompt: no value for {${name}}`);
    return value;
  });
}

const longitudinalMeaning: Record<(typeof longitudinalDecisions)[number], string> = {
  set_speed_tracking: "drive at, or speed up to, the set speed; nothing ahead limits it",
  lead_following: "hold a gap to the vehicle ahead in the same lane, down to standing behind it",
  speed_adaptation_road_event:
    "go slower for the shape of the road: curve, turn, bump, ramp, narrowing",
  gap_searching: "adjust the speed to find a gap for a merge or a lane change",
  accelerate_to_pass: "speed up to pass a slower road user",
  yield_right_of_way: "slow down or stop for a road user that has or takes priority, or cuts in",
  stop_static_constraint: "stop or stay stopped for a light, a stop sign or a line",
};
const lateralMeaning: Record<(typeof lateralDecisions)[number], string> = {
  lane_keep: "stay in the lane, also through a curve",
  merge_split: "join or leave a traffic stream where lanes merge or split",
  out_of_lane_nudge: "move aside over the lane line around an obstacle and come back",
  in_lane_nudge: "move aside within the lane to keep clear of an obstacle",
  lane_change: "go over to the neighbouring lane and stay there",
  pull_over: "go to the edge of the road to stop",
  turn: "turn off at a junction",
  abort_lateral: "give up a sideways move that had begun",
};
const listed = (table: Readonly<Record<string, string>>): string =>
  Object.entries(table)
    .map(([id, text]) => `- ${id}: ${text}`)
    .join("\n");

export const componentsPrompt: PromptTemplate = template(
  "components",
  "components-en-1",
  "You annotate recorded drives for the training of driving models. You list what can be seen, without guessing, and you answer with one JSON object and nothing else.",
  `You see {frame_count} pictures from the {camera_names} of a car, numbered from 0, oldest first:
{frame_list}
The last picture shows the present moment, t = 0. What happens after it is unknown to you.

Motion of the car up to now (speed in m/s; acceleration in m/s2; heading in degrees relative to now, left positive; position in metres in the frame of now, x ahead, y left):
{ego_table}
Navigation: {navigation}

List every component of the scene that could decide how this car drives next: road users that are near or may cross its way, the traffic light and signs that hold for its lane, the shape of the road ahead, whether the lane ahead is free, and the route if the navigation names a manoeuvre.
Rules:
- Only what the pictures or the navigation show. If you are not sure, say so in "uncertainty"; if you cannot see it, leave it out.
- A light counts for its colour in the last picture that shows it, and only the light of this car's lane. A yellow line is no yellow light.
- "lead_vehicle" drives ahead in the same lane; "cut_in_vehicle" comes into it from the side; a standing vehicle at the edge is "parked_vehicle", one that closes the lane is "blocking_vehicle".
- Name things by their function, not by colour or brand. "text" is a short noun phrase with what it does now, such as "the car ahead is braking".
- "side" is left, right, ahead or behind as seen from the car. "state" is one word such as stopped, braking, crossing, waiting, red. "distance_m" is your estimate, or null.
- "frames" holds the numbers of the pictures that show it (empty only for the route).
- ids are c1, c2, … in order of importance; at most 12.

Kinds: ${taughtKinds.join(", ")}.
Answer: {"components": [{"id", "kind", "text", "side", "state", "distance_m", "uncertainty", "frames"}]}`,
);

export const decisionPrompt: PromptTemplate = template(
  "decision",
  "decision-en-1",
  "You annotate recorded drives for the training of driving models. You name the decision that the driver took and its cause, and you answer with one JSON object and nothing else.",
  `At t = 0 these components of the scene were seen, by someone who did not know what came next:
{components}
Navigation: {navigation}

The {frame_count} pictures from the {camera_names} show what happened from t = 0 on:
{frame_list}
Motion of the car from t = 0 (speed in m/s; acceleration in m/s2; heading in degrees relative to t = 0, left positive; position in metres in the frame of t = 0, x ahead, y left):
{ego_table}
Found in that motion by rules, as a strong hint; if it contradicts the table, trust the table:
{actions}

Name the first decision after t = 0 on each axis, at most one each, or null when there is none.
Longitudinal:
${listed(longitudinalMeaning)}
Lateral:
${listed(lateralMeaning)}
Often confused: a vehicle that comes into the lane from the side is yielded to first and followed later; standing at a light behind a standing vehicle is lead_following, first in the queue it is stop_static_constraint; a move aside that stays in the next lane is a lane_change, one that comes back is a nudge; a curve of the road is lane_keep, a junction is a turn.

Then write the trace: what the car does and why.
- One sentence of ${traceWords.least} to ${traceWords.most} words, present tense, no hedging. First the longitudinal decision, then the lateral one, then "because", "since" or "as" and the cause. Example of the form: "Slow down and stop at the line while keeping the lane because the traffic light ahead is red."
- Only components from the list above may be causes. Put their ids into "cause_ids", the most direct cause first, the longitudinal one before the lateral one; leave out what did not matter.
- The pictures and the motion after t = 0 tell you what was decided; they are never a reason. Nothing that happens after t = 0 may be in the trace.
- If the car reacts to something that is not in the list, leave "cause_ids" empty and say in "unobserved" what it may be.
- "lateral_side" is left or right for turns, nudges, lane changes and merges, else null.
Answer: {"longitudinal", "lateral", "lateral_side", "cause_ids", "trace", "unobserved"}`,
);

/** One name for everything that a teacher was told. */
export const teacherPromptVersion = "teacher-en-1";
export const teacherPromptHash: string = hashJson([componentsPrompt.hash, decisionPrompt.hash]);
