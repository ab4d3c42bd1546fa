/**
 * Do the words and the wheels agree? One check for recorded motion against its label and for a model's path against its own
 * sentence. Every verdict says how much of the claim was decided and whether it hangs on a threshold.
 */
import type { LateralDecision, LongitudinalDecision, Side } from "@causeway/data";
import type { LocalPath } from "@causeway/geom";
import { parseTrace, type SpeedClaim } from "../coc/parse.ts";
import { evidenceFromPath, type MotionEvidence } from "./evidence.ts";
import {
  lateralRules,
  longitudinalRules,
  speedRules,
  type KinematicRule,
} from "./kinematic-rules.ts";
import { summarise, type RuleResult, type Verdict } from "./outcome.ts";
import { kinematics1, scaleThresholds, type KinematicThresholds } from "./thresholds.ts";

/** Decision ids, and what the words add to them. */
export interface MotionClaims {
  readonly longitudinal: LongitudinalDecision | null;
  readonly lateral: LateralDecision | null;
  readonly lateralSide: Side | null;
  /** What the words say about speed; left out when only ids are known. */
  readonly speed?: SpeedClaim | null;
  /** Hedged sideways claims ("slightly left") are not judged: they agree with motion at chance. */
  readonly isHedged?: boolean;
}

/** Speed words that say more than the decision's own rule already checks. */
const wordsAdd: Record<LongitudinalDecision, readonly SpeedClaim[]> = {
  set_speed_tracking: ["speed_up", "steady", "slow_down", "stop"],
  lead_following: ["slow_down", "stop", "speed_up"],
  speed_adaptation_road_event: ["slow_down", "stop"],
  gap_searching: ["stop", "speed_up"],
  accelerate_to_pass: ["slow_down", "stop"],
  yield_right_of_way: ["speed_up"],
  stop_static_constraint: ["speed_up"],
};

function apply(
  rule: KinematicRule,
  claim: string,
  e: MotionEvidence,
  t: KinematicThresholds,
  side: Side | null,
): RuleResult {
  const finding = rule.check(e, t, side);
  const isError = finding.outcome === "error";
  const isSensitive = [0.8, 1.25].some(
    (factor) => (rule.check(e, scaleThresholds(t, factor), side).outcome === "error") !== isError,
  );
  return { rule: rule.id, ruleVersion: rule.version, claim, ...finding, isSensitive };
}

/** @param claims decision ids, or a written sentence */
export function checkConsistency(
  claims: MotionClaims | string,
  evidence: MotionEvidence,
  thresholds: KinematicThresholds = kinematics1,
): Verdict {
  if (typeof claims === "string") {
    const parsed = parseTrace(claims);
    if (parsed.status === "parsed") return checkConsistency(parsed, evidence, thresholds);
    const finding = { outcome: "abstain", detail: parsed.reason } as const;
    return {
      ...summarise(
        [{ rule: "P01-parse", ruleVersion: 1, claim: claims, ...finding, isSensitive: false }],
        thresholds.version,
      ),
      outcome: "unparsable",
    };
  }
  const { longitudinal, lateral, lateralSide, speed = null, isHedged = false } = claims;
  const results: RuleResult[] = [];
  if (longitudinal !== null) {
    results.push(apply(longitudinalRules[longitudinal], longitudinal, evidence, thresholds, null));
  }
  if (speed !== null && (longitudinal === null || wordsAdd[longitudinal].includes(speed))) {
    results.push(apply(speedRules[speed], `words: ${speed}`, evidence, thresholds, null));
  }
  if (lateral !== null) {
    const claim = lateralSide === null ? lateral : `${lateral} ${lateralSide}`;
    const rule = lateralRules[lateral];
    results.push(
      isHedged && lateral !== "lane_keep"
        ? {
            rule: rule.id,
            ruleVersion: rule.version,
            claim,
            outcome: "abstain",
            detail: "hedged",
            isSensitive: false,
          }
        : apply(rule, claim, evidence, thresholds, lateralSide),
    );
  }
  return summarise(results, thresholds.version);
}

/** The same in the words of an evaluation: a weak fit counts as consistent, an error does not, silence is neither. */
export function checkPathConsistency(
  claims: MotionClaims | string,
  path: LocalPath,
  history: LocalPath | null,
  v0Mps?: number,
): {
  readonly verdict: "consistent" | "inconsistent" | "not_applicable";
  readonly reasons: readonly string[];
} {
  const { outcome, results } = checkConsistency(claims, evidenceFromPath(path, history, v0Mps));
  return {
    verdict:
      outcome === "error"
        ? "inconsistent"
        : outcome === "pass" || outcome === "warn"
          ? "consistent"
          : "not_applicable",
    reasons: results
      .filter((r) => r.outcome !== "pass")
      .map((r) => `${r.rule} ${r.outcome} (${r.claim}): ${r.detail}`),
  };
}
