/** What a run came to, in numbers that add up: done + failed + pending = total. */
import { costUsd, type Spending, type TokenPrice } from "./budget.ts";
import type { FailureKind, ItemEnd } from "./batch-ledger.ts";

export interface BatchSummary {
  /** True when any answer is a scripted model's. */
  readonly isSynthetic: boolean;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** Not ended: stopped, over budget, or interrupted. The same command goes on with them. */
  readonly pending: number;
  /** How many failed, by kind; only kinds that occurred. */
  readonly failedByKind: Readonly<Partial<Record<FailureKind, number>>>;
  /** Items whose end was known from an earlier session. */
  readonly resumed: number;
  /** Questions that the cache answered in this session. */
  readonly cached: number;
  /** Over all sessions; the cache's answers cost nothing and are not among them. */
  readonly spent: Spending;
  readonly numFailedRequests: number;
  /** Null without prices. */
  readonly costUsd: number | null;
  /** Of this session. */
  readonly wallSecs: number;
  /** Tokens of this session's requests over its wall time. */
  readonly inputTokensPerSec: number;
  readonly outputTokensPerSec: number;
  readonly areTokensEstimated: boolean;
  /** Ledger lines that could not be read. */
  readonly damaged: readonly string[];
  readonly repeated: readonly string[];
}

/** Why a run ended before its last item. */
export interface EarlyStop {
  readonly reason: "stopped" | "budget" | "auth" | "unreachable";
  readonly message: string;
}

export function countEnds(
  ids: readonly string[],
  endOf: (id: string) => ItemEnd<unknown> | null,
): Pick<BatchSummary, "total" | "done" | "failed" | "pending" | "failedByKind"> {
  let done = 0;
  let pending = 0;
  const failedByKind: Partial<Record<FailureKind, number>> = {};
  for (const id of ids) {
    const end = endOf(id);
    if (end === null) pending++;
    else if (end.status === "done") done++;
    else failedByKind[end.kind] = (failedByKind[end.kind] ?? 0) + 1;
  }
  const failed = ids.length - done - pending;
  return { total: ids.length, done, failed, pending, failedByKind };
}

export const costOf = (spent: Spending, price: TokenPrice | null): number | null =>
  price === null ? null : costUsd(spent, price);

/** Lines for a person. */
export function summaryText(summary: BatchSummary): string {
  const kinds = Object.entries(summary.failedByKind)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} ${kind}`);
  const approx = summary.areTokensEstimated ? "about " : "";
  const parts = [
    `${summary.done} of ${summary.total} done`,
    ...(summary.failed > 0 ? [`${summary.failed} failed (${kinds.join(", ")})`] : []),
    ...(summary.pending > 0 ? [`${summary.pending} pending`] : []),
    ...(summary.resumed > 0 ? [`${summary.resumed} known from before`] : []),
    ...(summary.cached > 0 ? [`${summary.cached} answers from the cache`] : []),
  ];
  const { requests, inputTokens, outputTokens } = summary.spent;
  const lines = [
    ...(summary.isSynthetic ? ["SYNTHETIC: a scripted model answered; nothing here is real"] : []),
    parts.join(", "),
    `${requests} requests (${summary.numFailedRequests} failed), ${approx}${inputTokens} input and ${outputTokens} output tokens${summary.costUsd === null ? "" : `, ${summary.costUsd.toFixed(4)} US$`}`,
    `speed: ${approx}${summary.inputTokensPerSec.toFixed(1)} input and ${summary.outputTokensPerSec.toFixed(1)} output tokens/s`,
    ...(summary.damaged.length > 0
      ? [`unreadable ledger lines, skipped: ${summary.damaged.join(", ")}`]
      : []),
  ];
  return lines.join("\n");
}
