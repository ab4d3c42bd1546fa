/** From verdicts to a status: thresholds in a file, every decision with its reasons. */
import { z } from "zod";
import type { CriticScore } from "../critic/critic.ts";
import type { CocLabel } from "../coc/schema.ts";
import { LabelError } from "../coc/schema.ts";
import type { Verdict } from "./outcome.ts";

const share = z.number().min(0).max(1);

export const policySchema = z
  .object({
    version: z.string().min(1),
    rules: z
      .object({
        /** What an error of the rules leads to. */
        onError: z.enum(["reject", "review"]),
        /** What an error leads to that turns when all thresholds move by a quarter. */
        onSensitiveError: z.enum(["reject", "review"]),
        /** Whether a weak fit that hangs on a threshold goes to a person. */
        reviewSensitiveWarnings: z.boolean(),
        /** Share of claims that rules must have decided. */
        leastCoverage: share,
        /** Rules whose errors only send to review, by id. */
        reviewOnly: z.array(z.string()),
      })
      .strict(),
    critic: z
      .object({
        /** Whether labels without a critic's word go to review. */
        isRequired: z.boolean(),
        accept: share,
        reject: share,
        leastCoverage: share,
        /** Least share per task, for acceptance. */
        tasks: z.object({ causes: share, decision: share, link: share }).strict(),
      })
      .strict(),
  })
  .strict();
export type Policy = z.infer<typeof policySchema>;

export const defaultPolicy: Policy = {
  version: "policy-1",
  rules: {
    onError: "reject",
    onSensitiveError: "review",
    reviewSensitiveWarnings: true,
    leastCoverage: 0.3,
    reviewOnly: [],
  },
  critic: {
    isRequired: false,
    accept: 0.8,
    reject: 0.4,
    leastCoverage: 0.5,
    tasks: { causes: 0.65, decision: 0.65, link: 0.65 },
  },
};

/** @param value parsed JSON or YAML; what is left out is taken from the default policy */
export function readPolicy(value: unknown, place: string): Policy {
  const part = (v: unknown): Record<string, unknown> =>
    v !== null && typeof v === "object" ? (v as Record<string, unknown>) : {};
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new LabelError(
      "format",
      `${place}: is no object; expected a policy with rules and critic.`,
    );
  }
  const given = part(value);
  const critic = part(given["critic"]);
  const result = policySchema.safeParse({
    ...defaultPolicy,
    version: "custom",
    ...given,
    rules: { ...defaultPolicy.rules, ...part(given["rules"]) },
    critic: {
      ...defaultPolicy.critic,
      ...critic,
      tasks: { ...defaultPolicy.critic.tasks, ...part(critic["tasks"]) },
    },
  });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new LabelError(
    "format",
    `${place}: field "${issue.path.join(".")}": ${issue.message}; expected thresholds as in the default policy.`,
  );
}

export interface Judgement {
  readonly status: CocLabel["status"];
  readonly reasons: readonly string[];
}

/** The worst of what rules and critic say. */
export function judgeLabel(
  policy: Policy,
  label: Pick<CocLabel, "status" | "statusReason" | "longitudinal" | "lateral" | "causeIds">,
  verdict: Verdict,
  critic: CriticScore | null,
): Judgement {
  if (label.longitudinal === null && label.lateral === null) {
    return { status: "no-decision", reasons: [label.statusReason ?? "nothing is decided"] };
  }
  const reject: string[] = [];
  const review: string[] = [];
  const { rules } = policy;
  for (const r of verdict.results) {
    if (r.outcome !== "error") continue;
    const isMild =
      rules.reviewOnly.includes(r.rule) ||
      (r.isSensitive ? rules.onSensitiveError : rules.onError) === "review";
    (isMild ? review : reject).push(`${r.rule}: ${r.detail}`);
  }
  if (verdict.outcome === "unparsable" || verdict.outcome === "abstain") {
    review.push(`the rules could not tell (${verdict.outcome})`);
  }
  if (rules.reviewSensitiveWarnings && verdict.outcome === "warn" && verdict.isSensitive) {
    review.push("a weak fit that hangs on a threshold");
  }
  if (verdict.coverage < rules.leastCoverage) {
    review.push(`rules decided ${(verdict.coverage * 100).toFixed(0)} % of the claims`);
  }
  if (critic === null) {
    if (policy.critic.isRequired) review.push("no critic has seen it");
  } else judgeCritic(policy.critic, critic, review, reject);
  if (reject.length > 0) return { status: "rejected", reasons: [...reject, ...review] };
  if (review.length > 0) return { status: "review", reasons: review };
  return { status: "accepted", reasons: [] };
}

function judgeCritic(
  policy: Policy["critic"],
  { score, coverage, byTask }: CriticScore,
  review: string[],
  reject: string[],
): void {
  if (score === null || coverage < policy.leastCoverage) {
    review.push(`the critic could answer ${(coverage * 100).toFixed(0)} % of its questions`);
    return;
  }
  if (score < policy.reject) reject.push(`critic: score ${score.toFixed(2)}`);
  else if (score < policy.accept) review.push(`critic: score ${score.toFixed(2)}`);
  for (const [task, least] of Object.entries(policy.tasks)) {
    const value = byTask[task as keyof typeof byTask];
    if (value !== null && value < least) review.push(`critic: ${task} ${value.toFixed(2)}`);
  }
}
