/** The whole rule filter on one label: structure, keyframe, scene, motion. */
import type { CocLabel } from "../coc/schema.ts";
import type { Keyframe } from "../keyframes/keyframes.ts";
import { checkConsistency } from "./check.ts";
import type { MotionEvidence } from "./evidence.ts";
import { lateralRules } from "./kinematic-rules.ts";
import { keyframeRules, labelRules } from "./label-rules.ts";
import { objectRules } from "./object-rules.ts";
import { summarise, type Finding, type RuleResult, type Verdict } from "./outcome.ts";
import type { SceneEvidence } from "./scene-evidence.ts";
import { kinematics1, type KinematicThresholds } from "./thresholds.ts";

export interface VerifyInput {
  readonly label: CocLabel;
  /** Null: the recording ends too early, or there is no motion; its rules are then left out. */
  readonly evidence: MotionEvidence | null;
  readonly keyframe: Keyframe | null;
  /** Truth of the scene where the recording has it; left out or null, its rules are left out. */
  readonly scene?: SceneEvidence | null;
}

const asResult = (
  rule: { id: string; version: number },
  claim: string,
  f: Finding,
): RuleResult => ({
  rule: rule.id,
  ruleVersion: rule.version,
  claim,
  ...f,
  isSensitive: false,
});

const sideOnMapRule = "O05-side-on-the-map";
/** Rules that guess the road from the track. */
const swayRules: ReadonlySet<string> = new Set(
  (["lane_change", "merge_split", "in_lane_nudge", "out_of_lane_nudge"] as const).map(
    (decision) => lateralRules[decision].id,
  ),
);

/** Every rule that applies. A row without a decision abstains. */
export function verifyLabel(
  { label, evidence, keyframe, scene = null }: VerifyInput,
  thresholds: KinematicThresholds = kinematics1,
): Verdict {
  const claim = label.trace ?? "(no sentence)";
  const results = labelRules.map((rule) => asResult(rule, claim, rule.check(label)));
  if (keyframe !== null) {
    results.push(
      ...keyframeRules.map((rule) => asResult(rule, claim, rule.check(label, keyframe))),
    );
  }
  if (scene !== null) {
    results.push(...objectRules.map((rule) => asResult(rule, claim, rule.check(label, scene))));
  }
  if (evidence !== null && (label.longitudinal !== null || label.lateral !== null)) {
    const { longitudinal, lateral, lateralSide } = label;
    const motion = checkConsistency({ longitudinal, lateral, lateralSide }, evidence, thresholds);
    // The map saw the move: a road that sways by itself cannot contradict it.
    const isOnMap = results.some((r) => r.rule === sideOnMapRule && r.outcome === "pass");
    results.push(
      ...motion.results.map((r) =>
        isOnMap && r.outcome === "error" && swayRules.has(r.rule)
          ? { ...r, outcome: "abstain" as const, detail: `the map shows it; ${r.detail}` }
          : r,
      ),
    );
    if (label.trace !== null) {
      const words = checkConsistency(label.trace, evidence, thresholds);
      results.push(...words.results.filter((r) => r.claim.startsWith("words: ")));
    }
  }
  return summarise(results, thresholds.version);
}

/** Accept, send to a person, or reject: errors reject, weak fits and verdicts that hang on a threshold go to review. */
export function statusFrom(verdict: Verdict): CocLabel["status"] {
  if (verdict.outcome === "error") return verdict.isSensitive ? "review" : "rejected";
  if (verdict.outcome === "unparsable" || verdict.outcome === "abstain") return "review";
  return verdict.outcome === "warn" && verdict.isSensitive ? "review" : "accepted";
}

/** How often each rule said what: the counters of a report. */
export function countOutcomes(
  verdicts: readonly Verdict[],
): ReadonlyMap<string, Readonly<Record<Finding["outcome"], number>>> {
  const counts = new Map<string, Record<Finding["outcome"], number>>();
  for (const { results } of verdicts) {
    for (const r of results) {
      const c = counts.get(r.rule) ?? { pass: 0, warn: 0, error: 0, abstain: 0 };
      c[r.outcome] += 1;
      counts.set(r.rule, c);
    }
  }
  return counts;
}
