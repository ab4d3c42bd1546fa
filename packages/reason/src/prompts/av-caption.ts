/**
 * The fifteen fields of the AV caption recipe, which the judge scores one by one. Field names, closed vocabularies and
 * the two booleans written as strings follow the recipe's label files.
 */
import { z } from "zod";
import type { PromptTemplate } from "./template.ts";

export const weatherWords = [
  "clear",
  "overcast",
  "partly cloudy",
  "light rain",
  "heavy rain",
  "light snow",
  "dense fog",
  "N/A",
] as const;

export const interactiveActions = [
  "in-lane nudging",
  "yield to VRUs",
  "vehicle following",
  "out-of-lane nudging",
  "yield to vehicles",
  "overtake VRUs",
  "vehicle cut-in ahead",
  "react to animals",
  "overtake vehicles",
] as const;

const truth = z.enum(["True", "False"]);

/** A whole answer. Labels and replies in the wild leave fields out: read those with `.partial()`. */
export const avCaptionShape = z.object({
  weather: z.enum(weatherWords),
  lighting: z.string(),
  road_conditions: z.string(),
  traffic_light: z.string(),
  traffic_sign: z.string(),
  additional_traffic_rules: z.string().nullable(),
  road_type: z.string(),
  junction_type: z.string(),
  lane_type: z.string(),
  additional_map_rules: z.string().nullable(),
  interactive_expanded_metaaction: z.array(z.enum(interactiveActions)).nullable(),
  safety_analysis: z.string(),
  driving_difficulty: z.int().min(1).max(4),
  rule_violation: truth,
  interesting_scenario: truth,
});

export const avCaptionFields = Object.keys(avCaptionShape.shape) as readonly (keyof z.infer<
  typeof avCaptionShape
>)[];

export const avCaptionPrompt: PromptTemplate = {
  name: "av-caption",
  about: "a driving clip in fifteen fields",
  media: ["video"],
  systemPrompt:
    "You annotate recordings of road traffic. You know traffic rules and driving well, you report only what can be seen, and you answer in the form that is asked for.",
  userPrompt: `This clip was recorded by the front camera of a vehicle. Fill in these fields and answer with one JSON object and nothing else.
- "weather": one of ${weatherWords.map((w) => `"${w}"`).join(", ")}
- "lighting": daylight, dawn or dusk, low sun, lit night, or dark night
- "road_conditions": dry, wet, snow, and damage or dirt that matters
- "traffic_light": lights for the vehicle's own lane and their colours over time, or "none"
- "traffic_sign": signs that matter for the vehicle, or "none"
- "additional_traffic_rules": other rules that hold here (school zone, police, works), or null
- "road_type": such as motorway, urban street, residential street, rural road, car park
- "junction_type": such as none, crossroads, T-junction, roundabout, ramp
- "lane_type": the vehicle's own lane and its neighbours
- "additional_map_rules": other rules of the lanes (turn only, bus lane), or null
- "interactive_expanded_metaaction": what the vehicle does because of others, as a list out of ${interactiveActions.map((a) => `"${a}"`).join(", ")}; null when nothing
- "safety_analysis": which road users and places are a risk and why, in a few sentences
- "driving_difficulty": from 1 (easy) to 4 (very hard)
- "rule_violation": "True" when anybody breaks a rule, else "False"
- "interesting_scenario": "True" when the clip is worth keeping for training, else "False"`,
  placeholders: [],
  sampling: { temperature: 0.1, topP: 0.9, repetitionPenalty: 1.05, maxTokens: 4096 },
  output: "json",
  schema: z.toJSONSchema(avCaptionShape) as Record<string, unknown>,
};
