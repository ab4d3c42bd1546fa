/** What a rule says about one claim. "error" contradicts; "warn" fits weakly; "abstain" cannot tell. */
export type Outcome = "pass" | "warn" | "error" | "abstain";

export interface Finding {
  readonly outcome: Outcome;
  /** With the measured values. */
  readonly detail: string;
}

export interface RuleResult extends Finding {
  readonly rule: string;
  readonly ruleVersion: number;
  readonly claim: string;
  /** Whether the outcome turns between error and not when all thresholds move by a quarter. */
  readonly isSensitive: boolean;
}

export interface Verdict {
  /** error if any rule errs, else warn, else pass; abstain when no rule could tell; unparsable for text that is no claim. */
  readonly outcome: Outcome | "unparsable";
  /** Share of claims that a rule decided, 0 … 1. */
  readonly coverage: number;
  readonly isSensitive: boolean;
  readonly results: readonly RuleResult[];
  readonly thresholds: string;
}

export function summarise(results: readonly RuleResult[], thresholds: string): Verdict {
  const decided = results.filter((r) => r.outcome !== "abstain");
  const has = (o: Outcome) => decided.some((r) => r.outcome === o);
  return {
    outcome: has("error") ? "error" : has("warn") ? "warn" : has("pass") ? "pass" : "abstain",
    coverage: results.length === 0 ? 0 : decided.length / results.length,
    isSensitive: results.some((r) => r.isSensitive),
    results,
    thresholds,
  };
}
