/**
 * Rules on the label itself (S: structure, words against ids, causes) and on its keyframe (T: decision against the
 * meta-action that made the keyframe). They need no motion.
 */
import type { LateralDecision, LongitudinalDecision } from "@causeway/data";
import { parseTrace } from "../coc/parse.ts";
import type { CocLabel } from "../coc/schema.ts";
import type { Keyframe } from "../keyframes/keyframes.ts";
import type { LateralAction, LongitudinalAction } from "../meta-actions/rules.ts";
import type { Finding, Outcome } from "./outcome.ts";

export interface LabelRule {
  readonly id: string;
  readonly version: number;
  readonly check: (label: CocLabel) => Finding;
}

const found = (outcome: Outcome, detail: string): Finding => ({ outcome, detail });
const pass = found("pass", "");
const error = (detail: string): Finding => found("error", detail);

export const traceWords = { least: 5, most: 40 } as const;

const vehicles = [
  "lead_vehicle",
  "cut_in_vehicle",
  "blocking_vehicle",
  "adjacent_vehicle",
  "parked_vehicle",
];
const agents = [
  "pedestrian",
  "cyclist",
  "cut_in_vehicle",
  "cross_vehicle",
  "oncoming_vehicle",
  "lead_vehicle",
  "adjacent_vehicle",
  "emergency_vehicle",
];
const obstacles = [
  "parked_vehicle",
  "blocking_vehicle",
  "pedestrian",
  "cyclist",
  "oncoming_vehicle",
  "lead_vehicle",
  "construction",
  "adjacent_vehicle",
  "cut_in_vehicle",
];

/** Kinds that can cause a decision; null = any. Kinds outside every list are unknown and not judged. */
export const fittingCauses: Record<
  LongitudinalDecision | LateralDecision,
  readonly string[] | null
> = {
  set_speed_tracking: ["free_lane", "green_light", "route"],
  lead_following: vehicles,
  speed_adaptation_road_event: [
    "curve",
    "junction_turn",
    "speed_bump",
    "ramp",
    "roundabout",
    "narrowing",
    "route",
  ],
  gap_searching: [...vehicles, "route", "free_lane"],
  accelerate_to_pass: vehicles,
  yield_right_of_way: agents,
  stop_static_constraint: [
    "red_light",
    "yellow_light",
    "stop_sign",
    "stop_line",
    "school_bus",
    "rail_crossing",
  ],
  lane_keep: null,
  merge_split: ["route", "free_lane", "ramp"],
  out_of_lane_nudge: obstacles,
  in_lane_nudge: obstacles,
  lane_change: ["route", "blocking_vehicle", "lead_vehicle", "parked_vehicle", "construction"],
  pull_over: ["route", "emergency_vehicle", "free_lane"],
  turn: ["route", "junction_turn"],
  abort_lateral: agents,
};
const knownKinds = new Set(Object.values(fittingCauses).flatMap((k) => k ?? []));

const needsSide: ReadonlySet<LateralDecision> = new Set<LateralDecision>([
  "turn",
  "lane_change",
  "in_lane_nudge",
  "out_of_lane_nudge",
]);

const futureWords =
  /\b(?:will|later|afterwards|eventually|going to|about to|soon|after that|in the next|subsequently|before \w+ing|(?:in|after|within) (?:a|the) (?:moment|second|while)|(?:in|after|within) (?:about )?\d+(?:\.\d+)? ?(?:s|secs?|seconds?)|seconds? (?:from now|after)|from now|and then)\b/i;
const echoes =
  /[{}<>[\]]|\b(?:as an ai|the image|the video|the frames?|meta[- ]actions?|json|prompt|unobserved)\b/i;

function causeKinds(label: CocLabel): { kinds: string[]; missing: string[] } {
  const kinds: string[] = [];
  const missing: string[] = [];
  for (const id of label.causeIds) {
    const c = label.components.find((x) => x.id === id);
    if (c === undefined) missing.push(id);
    else kinds.push(c.kind);
  }
  return { kinds, missing };
}

const whenTrace = (check: (trace: string, label: CocLabel) => Finding) => (label: CocLabel) =>
  label.trace === null ? found("abstain", "no sentence") : check(label.trace, label);

/** Fit of one axis: some cause that can explain the decision. */
function fits(
  decision: LongitudinalDecision | LateralDecision | null,
  kinds: readonly string[],
): Finding {
  const allowed = decision === null ? null : fittingCauses[decision];
  if (allowed === null || decision === null) return found("abstain", "any cause fits");
  if (kinds.some((k) => allowed.includes(k))) return pass;
  if (kinds.some((k) => !knownKinds.has(k)))
    return found("abstain", `kinds not known here: ${kinds.join(", ")}`);
  return error(
    `${decision} because of ${kinds.join(", ") || "nothing"}; expected one of ${allowed.join(", ")}`,
  );
}

export const labelRules: readonly LabelRule[] = [
  {
    id: "S01-one-sentence",
    version: 1,
    check: whenTrace((trace) => {
      const words = trace.trim().split(/\s+/).length;
      if (words < traceWords.least || words > traceWords.most) {
        return error(`${words} words; expected ${traceWords.least} to ${traceWords.most}`);
      }
      return /[.!?]\s+\S/.test(trace.trim()) ? error("more than one sentence") : pass;
    }),
  },
  {
    id: "S02-readable",
    version: 1,
    check: whenTrace((trace) => {
      const parsed = parseTrace(trace);
      return parsed.status === "parsed" ? pass : error(parsed.reason);
    }),
  },
  {
    id: "S03-words-are-the-decision",
    version: 1,
    check: whenTrace((trace, label) => {
      const p = parseTrace(trace);
      if (p.status !== "parsed") return found("abstain", "not readable");
      const wrong: string[] = [];
      const differ = (axis: string, said: string | null, meant: string | null) => {
        if (said !== meant)
          wrong.push(
            `${axis}: the words say ${said ?? "nothing"}, the label ${meant ?? "nothing"}`,
          );
      };
      differ("longitudinal", p.longitudinal, label.longitudinal);
      differ("lateral", p.lateral, label.lateral);
      if (p.lateral === label.lateral && label.lateral !== "lane_keep") {
        differ("side", p.lateralSide, label.lateralSide);
      }
      return wrong.length === 0 ? pass : error(wrong.join("; "));
    }),
  },
  {
    id: "S04-has-a-cause",
    version: 1,
    check: whenTrace((trace) => {
      const p = parseTrace(trace);
      if (p.status !== "parsed") return found("abstain", "not readable");
      return p.causeText === null ? error("no causal connective and cause") : pass;
    }),
  },
  {
    id: "S05-causes-exist",
    version: 1,
    check: (label) => {
      if (label.longitudinal === null && label.lateral === null)
        return found("abstain", "no decision");
      const { missing } = causeKinds(label);
      if (missing.length > 0) {
        return error(
          `causes ${missing.join(", ")} are not among the ${label.components.length} components`,
        );
      }
      return label.causeIds.length === 0 ? error("no cause is cited") : pass;
    },
  },
  {
    id: "S06-no-hedge",
    version: 1,
    check: whenTrace((trace) => {
      const p = parseTrace(trace);
      return p.status === "parsed" && p.isHedged ? found("warn", "hedged") : pass;
    }),
  },
  {
    id: "S07-no-future",
    version: 2,
    check: whenTrace((trace) => {
      const word = futureWords.exec(trace);
      return word === null ? pass : error(`"${word[0]}" tells what comes later`);
    }),
  },
  {
    id: "S08-no-echo",
    version: 1,
    check: whenTrace((trace) => {
      const word = echoes.exec(trace);
      return word === null ? pass : error(`"${word[0]}" belongs to a template or prompt`);
    }),
  },
  {
    id: "S09-side",
    version: 1,
    check: (label) =>
      label.lateral !== null && needsSide.has(label.lateral) && label.lateralSide === null
        ? error(`${label.lateral} without a side`)
        : pass,
  },
  {
    id: "S10-longitudinal-cause-fits",
    version: 1,
    check: (label) => fits(label.longitudinal, causeKinds(label).kinds),
  },
  {
    id: "S11-lateral-cause-fits",
    version: 1,
    check: (label) => {
      const finding = fits(label.lateral, causeKinds(label).kinds);
      // The obstacle of a nudge may already lie behind while the car comes back: weak, not wrong.
      return finding.outcome === "error" ? { ...finding, outcome: "warn" } : finding;
    },
  },
  {
    id: "S12-names-its-causes",
    version: 1,
    check: whenTrace((trace, label) => {
      const p = parseTrace(trace);
      if (p.status !== "parsed" || p.causes.length === 0)
        return found("abstain", "no known cause is named");
      const { kinds } = causeKinds(label);
      const strange = p.causes.filter((k) => !kinds.includes(k));
      return strange.length === 0
        ? pass
        : error(
            `the words name ${strange.join(", ")}, the cited causes are ${kinds.join(", ") || "none"}`,
          );
    }),
  },
  {
    id: "S13-no-contradiction",
    version: 2,
    check: whenTrace((trace, label) => {
      const p = parseTrace(trace);
      if (p.status !== "parsed" || p.speed === null) return found("abstain", "no word on speed");
      const slows =
        label.longitudinal === "stop_static_constraint" ||
        label.longitudinal === "yield_right_of_way";
      const isWrong =
        (slows && p.speed === "speed_up") ||
        (label.longitudinal === "accelerate_to_pass" &&
          (p.speed === "stop" || p.speed === "slow_down")) ||
        (p.speed === "speed_up" && causeKinds(label).kinds.includes("red_light"));
      return isWrong ? error(`${label.longitudinal}, but the words say ${p.speed}`) : pass;
    }),
  },
];

type Fit = Readonly<Partial<Record<LongitudinalDecision, Outcome>>>;
/** Decision against the longitudinal meta-action that begins; what is not listed passes. */
const longitudinalMatrix: Partial<Record<LongitudinalAction, Fit>> = {
  Stop: {
    set_speed_tracking: "error",
    accelerate_to_pass: "error",
    gap_searching: "warn",
    speed_adaptation_road_event: "warn",
  },
  StrongDeceleration: { set_speed_tracking: "error", accelerate_to_pass: "error" },
  GentleDeceleration: { set_speed_tracking: "warn", accelerate_to_pass: "error" },
  StrongAcceleration: {
    stop_static_constraint: "error",
    yield_right_of_way: "error",
    speed_adaptation_road_event: "warn",
  },
  GentleAcceleration: {
    stop_static_constraint: "error",
    yield_right_of_way: "warn",
    speed_adaptation_road_event: "warn",
  },
};

function lateralFit(action: LateralAction, label: CocLabel): Finding {
  const { lateral, lateralSide } = label;
  const what = `${lateral}${lateralSide === null ? "" : ` ${lateralSide}`} at the start of ${action}`;
  if (lateral === null || action.startsWith("Reverse")) return found("abstain", what);
  const side = action.endsWith("Left") ? "left" : action.endsWith("Right") ? "right" : null;
  if (side === null) return found(lateral === "turn" ? "warn" : "pass", what);
  if (lateral === "lane_keep") return found(action.startsWith("Sharp") ? "warn" : "pass", what);
  if (lateralSide === null || lateralSide === side) return found("pass", what);
  // A nudge or a lane change steers both ways; a turn does not.
  return found(lateral === "turn" ? "error" : "warn", what);
}

export const keyframeRules: readonly {
  readonly id: string;
  readonly version: number;
  readonly check: (label: CocLabel, keyframe: Keyframe) => Finding;
}[] = [
  {
    id: "T01-longitudinal-keyframe",
    version: 1,
    check: (label, { longitudinal }) => {
      if (longitudinal === null || label.longitudinal === null)
        return found("abstain", "no change on this axis");
      const outcome = longitudinalMatrix[longitudinal.to]?.[label.longitudinal] ?? "pass";
      return found(outcome, `${label.longitudinal} at the start of ${longitudinal.to}`);
    },
  },
  {
    id: "T02-lateral-keyframe",
    version: 1,
    check: (label, { lateral }) =>
      lateral === null ? found("abstain", "no change on this axis") : lateralFit(lateral.to, label),
  },
];
