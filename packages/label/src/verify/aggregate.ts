/** What a data set's verdicts come to: accept rates by group with intervals, agreement with people, where opinions differ. */
import type { CocLabel } from "../coc/schema.ts";
import type { ControlKind } from "../critic/controls.ts";
import { type CriticScore } from "../critic/critic.ts";
import type { DuplicateGroup } from "./near-duplicates.ts";
import type { Verdict } from "./outcome.ts";
import { type Agreement, agreementOf, type Rate, rateOf } from "./rates.ts";

/** One label with everything that was said of it. */
export interface Verified {
  readonly label: CocLabel;
  readonly scenario: string | null;
  readonly verdict: Verdict;
  readonly critic: CriticScore | null;
  readonly reasons: readonly string[];
  /** A person's word on the automatic label, where there is one. */
  readonly human: "accepted" | "rejected" | null;
}

export interface ControlResult {
  readonly kind: ControlKind;
  readonly isAccepted: boolean;
}

export interface VerifyReport {
  readonly schema: "causeway/verify-report/1";
  readonly policy: string;
  readonly labels: number;
  readonly byStatus: Readonly<Record<CocLabel["status"], number>>;
  /** Labels that failed before they were labels, by kind. */
  readonly failures: Readonly<Record<string, number>>;
  /** Accepted among those that decide something. */
  readonly accepted: {
    readonly all: Rate;
    readonly byScenario: Readonly<Record<string, Rate>>;
    readonly byLongitudinal: Readonly<Record<string, Rate>>;
    readonly byLateral: Readonly<Record<string, Rate>>;
    readonly byTeacher: Readonly<Record<string, Rate>>;
    readonly byPrompt: Readonly<Record<string, Rate>>;
  };
  readonly rules: Readonly<
    Record<
      string,
      {
        readonly pass: number;
        readonly warn: number;
        readonly error: number;
        readonly abstain: number;
      }
    >
  >;
  readonly meanCoverage: number | null;
  readonly sensitive: Rate;
  readonly critic: {
    readonly model: string;
    readonly labels: number;
    readonly meanScore: number | null;
    readonly falseAccepts: { readonly all: Rate; readonly byKind: Readonly<Record<string, Rate>> };
  } | null;
  /** Automatic status against people's, by decision; "review" counts as not accepted. */
  readonly humans: {
    readonly all: Agreement;
    readonly byLongitudinal: Readonly<Record<string, Agreement>>;
  };
  /** Rules and critic against each other or against people, worst first. */
  readonly disagreements: readonly {
    readonly id: string;
    readonly trace: string | null;
    readonly rules: string;
    readonly critic: number | null;
    readonly human: string | null;
    readonly reasons: readonly string[];
  }[];
  readonly duplicates: readonly DuplicateGroup[];
}

const grouped = <T>(rows: readonly T[], keyOf: (row: T) => string): [string, T[]][] => {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
};

export function aggregate(
  rows: readonly Verified[],
  extra: {
    readonly policy: string;
    readonly failures: Readonly<Record<string, number>>;
    readonly duplicates: readonly DuplicateGroup[];
    readonly critic: { readonly model: string; readonly controls: readonly ControlResult[] } | null;
    readonly maxDisagreements?: number;
  },
): VerifyReport {
  const byStatus = { accepted: 0, review: 0, rejected: 0, "no-decision": 0 };
  for (const { label } of rows) byStatus[label.status]++;
  const decided = rows.filter((r) => r.label.status !== "no-decision");
  const isAccepted = (r: Verified) => r.label.status === "accepted";
  const rate = (some: readonly Verified[]) => rateOf(some.filter(isAccepted).length, some.length);
  const rates = (keyOf: (r: Verified) => string) =>
    Object.fromEntries(grouped(decided, keyOf).map(([key, some]) => [key, rate(some)]));

  const rules: Record<string, { pass: number; warn: number; error: number; abstain: number }> = {};
  for (const { verdict } of rows)
    for (const r of verdict.results)
      (rules[r.rule] ??= { pass: 0, warn: 0, error: 0, abstain: 0 })[r.outcome]++;

  const judged = decided.filter((r) => r.human !== null);
  const pairs = (some: readonly Verified[]) =>
    some.map(
      (r) =>
        [
          isAccepted(r) ? "accepted" : "other",
          r.human === "accepted" ? "accepted" : "other",
        ] as const,
    );
  const scores = rows.flatMap((r) => r.critic?.score ?? []);
  const mean = (values: readonly number[]) =>
    values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
  const falseAccepts = (some: readonly ControlResult[]) =>
    rateOf(some.filter((c) => c.isAccepted).length, some.length);

  return {
    schema: "causeway/verify-report/1",
    policy: extra.policy,
    labels: rows.length,
    byStatus,
    failures: extra.failures,
    accepted: {
      all: rate(decided),
      byScenario: rates((r) => r.scenario ?? "unknown"),
      byLongitudinal: rates((r) => r.label.longitudinal ?? "none"),
      byLateral: rates((r) => r.label.lateral ?? "none"),
      byTeacher: rates((r) => r.label.teacher),
      byPrompt: rates((r) => `${r.label.template.version} ${r.label.template.hash}`),
    },
    rules: Object.fromEntries(Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1))),
    meanCoverage: mean(decided.map((r) => r.verdict.coverage)),
    sensitive: rateOf(decided.filter((r) => r.verdict.isSensitive).length, decided.length),
    critic:
      extra.critic === null
        ? null
        : {
            model: extra.critic.model,
            labels: rows.filter((r) => r.critic !== null).length,
            meanScore: mean(scores),
            falseAccepts: {
              all: falseAccepts(extra.critic.controls),
              byKind: Object.fromEntries(
                grouped(extra.critic.controls, (c) => c.kind).map(([k, c]) => [k, falseAccepts(c)]),
              ),
            },
          },
    humans: {
      all: agreementOf(pairs(judged)),
      byLongitudinal: Object.fromEntries(
        grouped(judged, (r) => r.label.longitudinal ?? "none").map(([k, r]) => [
          k,
          agreementOf(pairs(r)),
        ]),
      ),
    },
    disagreements: decided
      .map((r) => ({ row: r, size: disagreement(r) }))
      .filter(({ size }) => size > 0)
      .sort((a, b) => b.size - a.size || (a.row.label.id < b.row.label.id ? -1 : 1))
      .slice(0, extra.maxDisagreements ?? 100)
      .map(({ row }) => ({
        id: row.label.id,
        trace: row.label.trace,
        rules: row.verdict.outcome,
        critic: row.critic?.score ?? null,
        human: row.human,
        reasons: row.reasons,
      })),
    duplicates: extra.duplicates.slice(0, 50),
  };
}

/** How far opinions on one label are apart, 0 … 2. A person against the machine counts most. */
export function disagreement({ label, verdict, critic, human }: Verified): number {
  const rules = verdict.outcome === "error" ? 0 : verdict.outcome === "pass" ? 1 : 0.5;
  const between =
    critic?.score === undefined || critic.score === null ? 0 : Math.abs(rules - critic.score);
  const byHuman =
    human === null ? 0 : (human === "accepted") === (label.status === "accepted") ? 0 : 1;
  return byHuman + (between > 0.5 ? between : 0);
}
