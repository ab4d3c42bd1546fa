/**
 * Reads a decision out of one written sentence, clause by clause.
 *
 * Only the decision part counts for the ego: everything after the first causal word belongs to the cause, where other agents
 * stop, turn and slow down. Nouns that look like actions ("stop sign", "stopped car", "left-turn lane") are taken out first.
 * The wording of `phrases.ts` is one dialect of what is read here; model-written text is the other. A sentence that names no
 * decision is unparsed, with the reason: it is never guessed.
 */
import type { LateralDecision, LongitudinalDecision, Side } from "@causeway/data";

/** What the words say about speed, whatever the decision is called. */
export type SpeedClaim = "stop" | "slow_down" | "speed_up" | "steady" | "reverse";

export interface TraceClaims {
  readonly longitudinal: LongitudinalDecision | null;
  readonly lateral: LateralDecision | null;
  readonly lateralSide: Side | null;
  readonly speed: SpeedClaim | null;
  /** "slightly", "may" …: too weak to be held against a path. */
  readonly isHedged: boolean;
  /** Kinds of the named causes, in the order of the text, e.g. "red_light"; unknown ones are left out. */
  readonly causes: readonly string[];
  /** The cause part as written, or null when there is none. */
  readonly causeText: string | null;
}

export type ParsedTrace =
  | ({ readonly status: "parsed" } & TraceClaims)
  | { readonly status: "unparsed"; readonly reason: string };

const vehicle = String.raw`(?:car|cars|truck|vehicle|vehicles|van|bus|suv|lorry)`;
const agent = String.raw`(?:${vehicle}|pedestrians?|person|people|cyclists?|traffic)`;
const vru = String.raw`(?:pedestrians?|person|people|walkers?|child|children|cyclists?)`;
const re = (source: string) => new RegExp(source);

/** Nouns and side remarks that contain words of action. */
const distractions: readonly (readonly [RegExp, string])[] = [
  [/\b(red|green|yellow|amber) arrow\b/g, "$1 light"],
  [/\b(?:left|right)-turn(?:ing)? lanes?\b/g, "turnlane"],
  [/\b(?:no|without) need to [a-z]+(?: down)?\b/g, ""],
  [
    /\bafter (?:a |the )?(?:full )?(?:stopping|stop|slowing(?: down)?|braking|waiting|yielding)\b/g,
    "",
  ],
  [/\bmoving slowly\b/g, ""],
  [/\bstop signs?\b/g, "stopsign"],
  [/\bstop(?:ping)? lines?\b/g, "line"],
];

/** Other agents' doings before their noun; taken out of the decision part only, since a cause is told apart by them. */
const agentDoings = new RegExp(
  String.raw`\b(?:stopped|standing|parked|waiting|slowing|stationary|turning|braking|merging) (?=${agent}\b)`,
  "g",
);

const causal =
  /\b(?:because(?: of)?|since|as(?! well)|due to|given that|so that|in response to|to avoid)\b/;

type Pattern<T> = readonly [T, RegExp];

/** Most specific first: the first that fits any clause is the decision. */
const longitudinalPatterns: readonly Pattern<LongitudinalDecision>[] = [
  [
    "gap_searching",
    /\b(?:look(?:ing)?|search(?:ing)?|wait(?:ing)?|find(?:ing)?|adjust(?:ing)?|match(?:ing)?)\b.*\b(?:gap|opening)\b/,
  ],
  ["accelerate_to_pass", /\b(?:pass|passing|overtake|overtaking)\b/],
  [
    "yield_right_of_way",
    re(
      String.raw`\b(?:yield|yielding|give way|giving way|giv(?:e|ing) (?:the )?right of way|let(?:ting)? .*\b(?:pass|go|cross|in|through|merge)\b|(?:stop|stopping|wait|waiting|slow(?:ing)?(?: down)?|brak(?:e|ing)) (?:for|to let) (?:a |an |the |some )*(?:crossing |oncoming |cross )?${vru})`,
    ),
  ],
  [
    "lead_following",
    re(
      String.raw`\b(?:stop|stopping|stopped|wait|waiting|hold|holding|queue|queuing)\b.*\bbehind\b`,
    ),
  ],
  [
    "speed_adaptation_road_event",
    /\b(?:speed|slow|slowing|ease|easing|decelerat\w+|brak\w+|adapt\w*)\b.*\b(?:for|before|into|in|through|on)\b.*\b(?:curve|curves|bend|turn|turns|bump|ramp|roundabout|corner|hill|grade|road ahead|intersection|junction)\b/,
  ],
  [
    "stop_static_constraint",
    /\b(?:stop|stopping|stopped|wait|waiting|standstill|hold(?:ing)? (?:at|position|still)|remain(?:ing)? (?:stopped|still))\b/,
  ],
  [
    "lead_following",
    re(
      String.raw`\b(?:follow|following|stay(?:ing)? behind|behind (?:a |an |the |some )*(?:slower |slow |lead )*${vehicle}|(?:keep|keeping|maintain|maintaining|hold|holding|increase|adjust)\b.*\b(?:gap|distance|headway|spacing)\b)`,
    ),
  ],
  [
    "set_speed_tracking",
    /\b(?:set speed|steady speed|current speed|constant speed|speed limit|target speed|cruis\w+|resum\w+|proceed\w*|continu\w+|go on|keep going|speed up|speeding up|accelerat\w+|start(?:ing)?|set(?:ting)? off|pull(?:ing)? away|drive on|(?:keep|hold|maintain)(?:ing)? (?:the |a |my |your |its )?(?:\w+ )?speed)\b/,
  ],
];

const lateralPatterns: readonly Pattern<LateralDecision>[] = [
  ["abort_lateral", /\b(?:abort\w*|cancel\w*|call(?:ing)? off)\b/],
  ["pull_over", /\bpull(?:ing)? over\b/],
  [
    "out_of_lane_nudge",
    /\b(?:nudg|shift|mov|steer|swerv|bias)\w*\b.*\b(?:out of|outside|over|across|beyond)\b.*\b(?:lane|line|marking|markings)\b|\bgo(?:ing)? around\b/,
  ],
  [
    "in_lane_nudge",
    /\b(?:nudg|bias)\w*\b|\bshift\w*\b.*\b(?:in|within|inside)\b.*\blane\b|\bmov\w*\b.*\bwithin\b.*\blane\b/,
  ],
  [
    "lane_change",
    /\b(?:chang\w+|switch\w*)\b.*\blanes?\b|\blane change\b|\bmov\w*\b.*\b(?:to|into)\b.*\blane\b/,
  ],
  ["merge_split", /\b(?:merg\w+|split\w*|tak(?:e|ing) the (?:exit|ramp))\b/],
  [
    "turn",
    /\bturn(?:ing)? (?:sharply )?(?:left|right)\b|\b(?:mak|tak)(?:e|ing)\b.*\bturn\b|\bu-turn\b/,
  ],
  [
    "lane_keep",
    /\b(?:keep|stay|remain|hold|follow)(?:ing)?\b.*\b(?:lane|center|centre)\b|\b(?:go|going|drive|driving|continue) straight\b|\blane keeping\b/,
  ],
];

const speedPatterns: readonly Pattern<SpeedClaim>[] = [
  ["reverse", /\b(?:revers\w+|back(?:ing)? up)\b/],
  ["stop", /\b(?:stop|stopping|stopped|wait|waiting|standstill)\b/],
  ["slow_down", /\b(?:slow|slows|slowing|brak\w+|decelerat\w+|eas(?:e|ing) off|reduc\w+)\b/],
  [
    "speed_up",
    /\b(?:speed(?:ing)? up|accelerat\w+|start(?:ing)?|set(?:ting)? off|pull(?:ing)? away|resum\w+)\b/,
  ],
  ["steady", /\b(?:keep|hold|maintain|steady|cruis\w+|constant|drive at)\b.*\bspeed\b|\bcruis\w+/],
];

/** Kinds as the simulator and the importers name them; the first that fits a cause clause is its kind. */
const causePatterns: readonly Pattern<string>[] = [
  ["stop_sign", /\bstopsign\b/],
  ["red_light", /\bred\b.*\b(?:light|signal)|\b(?:light|signal)\b.*\bred\b/],
  [
    "yellow_light",
    /\b(?:yellow|amber)\b.*\b(?:light|signal)|\b(?:light|signal)\b.*\b(?:yellow|amber)\b/,
  ],
  ["green_light", /\bgreen\b.*\b(?:light|signal)|\b(?:light|signal)\b.*\bgreen\b/],
  ["pedestrian", /\b(?:pedestrians?|person|people|walkers?|child|children)\b/],
  ["cyclist", /\b(?:cyclists?|bicycles?|bike)\b/],
  ["cut_in_vehicle", /\bcut(?:s|ting)?[ -]in\b/],
  ["oncoming_vehicle", /\boncoming\b/],
  ["parked_vehicle", /\bparked\b/],
  ["blocking_vehicle", /\bblock(?:s|ed|ing)?\b/],
  [
    "cross_vehicle",
    re(String.raw`\b${vehicle}\b.*\bcross(?:es|ing)?\b|\bcross(?:ing)? (?:traffic|${vehicle})\b`),
  ],
  ["route", /\b(?:route|navigation)\b/],
  [
    "lead_vehicle",
    re(
      String.raw`\b(?:lead|slower|slow|stopped) (?:\w+ )?${vehicle}\b|\b${vehicle}\b.*\b(?:ahead|in front)\b`,
    ),
  ],
  [
    "adjacent_vehicle",
    re(String.raw`\b${vehicle}\b.*\b(?:next to|beside|alongside|in the (?:left|right) lane)\b`),
  ],
  ["curve", /\b(?:curves?|curvy|bend|bends)\b/],
  [
    "junction_turn",
    /\b(?:(?:left|right) turn|turn (?:is )?ahead|turn at the (?:junction|intersection))\b/,
  ],
  [
    "free_lane",
    /\b(?:lane|road|way|path)\b.*\b(?:free|clear|open|empty)\b|\b(?:free|clear|open|empty)\b.*\b(?:lane|road|way)\b/,
  ],
];
const hedges = /\b(?:slightly|may|might|maybe|perhaps|possibly|probably|seems?|appears?|could)\b/;

function firstMatch<T>(patterns: readonly Pattern<T>[], clauses: readonly string[]): T | null {
  for (const [value, pattern] of patterns) if (clauses.some((c) => pattern.test(c))) return value;
  return null;
}

function plain(text: string): string {
  let out = text.toLowerCase();
  for (const [pattern, word] of distractions) out = out.replace(pattern, word);
  return out.replace(/\s+/g, " ").trim();
}

/** Decision part and cause part; "Because X, do Y" is read as well. */
function splitCause(text: string): { decision: string; cause: string | null } {
  const found = causal.exec(text);
  if (found === null) return { decision: text, cause: null };
  const rest = text.slice(found.index + found[0].length).trim();
  if (found.index > 0) return { decision: text.slice(0, found.index).trim(), cause: rest };
  const comma = rest.indexOf(",");
  return comma < 0
    ? { decision: "", cause: rest }
    : { decision: rest.slice(comma + 1).trim(), cause: rest.slice(0, comma).trim() };
}

const agentKinds = new Set([
  "pedestrian",
  "cyclist",
  "cut_in_vehicle",
  "oncoming_vehicle",
  "cross_vehicle",
]);
const lightKinds = new Set(["red_light", "yellow_light", "stop_sign"]);

/** "Slow down because …": the words leave the decision open, the first cause that settles it does not. */
function byCause(speed: SpeedClaim | null, causes: readonly string[]): LongitudinalDecision | null {
  if (speed !== "slow_down" && speed !== "stop") return null;
  for (const kind of causes) {
    if (lightKinds.has(kind)) return "stop_static_constraint";
    if (agentKinds.has(kind)) return "yield_right_of_way";
    if (kind === "lead_vehicle" || kind === "blocking_vehicle") return "lead_following";
    if (kind === "curve" || kind === "junction_turn") return "speed_adaptation_road_event";
  }
  return null;
}

export function parseTrace(trace: string): ParsedTrace {
  const sentence = trace.trim().replace(/[.!\s]+$/, "");
  if (sentence === "") return { status: "unparsed", reason: "the text is empty" };
  if (/[.!?]\s+\S/.test(sentence)) {
    return { status: "unparsed", reason: "more than one sentence" };
  }
  const parts = splitCause(plain(sentence));
  const decision = parts.decision.replace(agentDoings, "some ");
  const { cause } = parts;
  const clauses = decision
    .split(/,|;|\band\b|\bwhile\b|\bthen\b/)
    .map((c) => c.trim())
    .filter((c) => c !== "");
  const causes = (cause ?? "")
    .split(/,|;|\band\b|\bwhile\b/)
    .flatMap((c) => firstMatch(causePatterns, [c]) ?? []);
  let speed = firstMatch(speedPatterns, clauses);
  let longitudinal = firstMatch(longitudinalPatterns, clauses);
  if (longitudinal === null || longitudinal === "stop_static_constraint") {
    // A bare "stop" or "slow down" is for whatever comes first among the causes; "at the line" settles it.
    const isAtLine = clauses.some((c) => /\b(?:line|light|stopsign|crosswalk)\b/.test(c));
    if (!isAtLine) longitudinal = byCause(speed, causes) ?? longitudinal;
  }
  const lateralClause = clauses.find((c) => firstMatch(lateralPatterns, [c]) !== null);
  // The most specific reading over all clauses, its side from the clause that gave it.
  const lateral = firstMatch(lateralPatterns, clauses);
  const from =
    clauses.find((c) => firstMatch(lateralPatterns, [c]) === lateral) ?? lateralClause ?? "";
  const side = lateral === null || lateral === "lane_keep" ? null : /\b(left|right)\b/.exec(from);
  if (
    longitudinal === "lead_following" &&
    speed === null &&
    /\b(?:slow(?:ing|er)|brak\w+|stopped)\b/.test(cause ?? "")
  ) {
    // "Keep the distance since it is slowing" is a promise to slow down.
    speed = "slow_down";
  }
  if (longitudinal === null && lateral === null && speed === null) {
    return {
      status: "unparsed",
      reason: `no driving decision in "${decision.slice(0, 80)}"`,
    };
  }
  return {
    status: "parsed",
    longitudinal,
    lateral,
    lateralSide: side === null ? null : (side[1] as Side),
    speed,
    isHedged: hedges.test(decision),
    causes,
    causeText: cause,
  };
}
