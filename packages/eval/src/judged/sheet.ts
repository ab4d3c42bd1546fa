/**
 * The result of one evaluation of answers: items with their scores, metrics with intervals and denominators, counts
 * that add up. One form for all benchmarks, so that reports and comparisons are one implementation.
 *
 * An item that got no reply (the server failed, the file was broken) has no score: metrics are over replied items,
 * and `ofAll` repeats the main metric with those counted as wrong. A reply that cannot be read is a wrong answer.
 */
import {
  type BootstrapOptions,
  bootstrap,
  bootstrapMean,
  bootstrapShare,
  defaultBootstrap,
  type Estimate,
} from "../metrics/bootstrap.ts";

export type ItemStatus = "answered" | "unread" | "failed" | "pending";

export interface SheetItem {
  readonly id: string;
  /** Items of one cluster are not independent; intervals resample clusters. */
  readonly cluster: string;
  readonly group: string | null;
  readonly status: ItemStatus;
  /** Kind of a failure; null otherwise. */
  readonly failure: string | null;
  /** Why it failed or could not be read. */
  readonly problem: string | null;
  /** Numbers by series; empty for items without a reply. */
  readonly scores: Readonly<Record<string, number>>;
  readonly question: string | null;
  /** Empty where nobody said what is right. */
  readonly expected: string;
  readonly answered: string | null;
  readonly reasoning: string | null;
  readonly raw: string | null;
  readonly media: readonly string[];
  /** Further facts for the report. */
  readonly details: readonly (readonly [string, string])[];
  /** 0 (as it should be) to 1 (as wrong as can be): order of the report. */
  readonly badness: number;
}

/** How a number reads: a share as percent, a number, pixels, seconds. */
export type NumberFormat = "percent" | "number" | "px" | "s";

export interface SheetMetric {
  readonly key: string;
  readonly label: string;
  /** Definition and denominator, in a sentence. */
  readonly about: string;
  readonly format: NumberFormat;
  readonly isHigherBetter: boolean;
  readonly estimate: Estimate;
}

export interface SheetTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly format: NumberFormat;
  readonly rows: readonly {
    readonly label: string;
    readonly cells: readonly (Estimate | number | string | null)[];
  }[];
}

export interface SheetCounts {
  readonly items: number;
  readonly answered: number;
  readonly unread: number;
  readonly failed: number;
  readonly pending: number;
  readonly failedByKind: Readonly<Record<string, number>>;
  /** Entries of the data file that could not be used. */
  readonly skippedEntries: number;
}

export interface ScoreSheet {
  readonly schema: "causeway-score/1";
  readonly benchmark: string;
  readonly title: string;
  /** Model or file whose answers these are. */
  readonly subject: string;
  /** True when a scripted model answered or judged. */
  readonly isSynthetic: boolean;
  readonly settings: Readonly<Record<string, string>>;
  /** What the numbers are made from, beside the report; score.json and items.jsonl unless said otherwise. */
  readonly files?: readonly string[];
  readonly counts: SheetCounts;
  readonly metrics: readonly SheetMetric[];
  readonly tables: readonly SheetTable[];
  readonly notes: readonly string[];
}

export function countItems(items: readonly SheetItem[], skippedEntries: number): SheetCounts {
  const of = (status: ItemStatus) => items.filter((i) => i.status === status).length;
  const failedByKind: Record<string, number> = {};
  for (const { failure } of items)
    if (failure !== null) failedByKind[failure] = (failedByKind[failure] ?? 0) + 1;
  return {
    items: items.length,
    answered: of("answered"),
    unread: of("unread"),
    failed: of("failed"),
    pending: of("pending"),
    failedByKind,
    skippedEntries,
  };
}

/** Items that have this series. */
export const withScore = (items: readonly SheetItem[], key: string): SheetItem[] =>
  items.filter((i) => key in i.scores);

/** Mean of a series with its interval; `isShare` for values in [0, 1]. */
export function meanOf(
  items: readonly SheetItem[],
  key: string,
  isShare: boolean,
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  const scored = withScore(items, key);
  const values = scored.map((i) => i.scores[key]);
  const clusters = scored.map((i) => i.cluster);
  return isShare
    ? bootstrapShare(values, clusters, options)
    : bootstrapMean(values, clusters, options);
}

/** Main series with items that ended without a reply counted as 0; pending ones are not counted. */
export function shareOfAll(items: readonly SheetItem[], key: string): Estimate {
  const ended = items.filter((i) => i.status !== "pending");
  return bootstrapShare(
    ended.map((i) => i.scores[key] ?? 0),
    ended.map((i) => i.cluster),
  );
}

/** Mean over groups of the group means: every group counts the same, however many items it has. */
export function macroOf(items: readonly SheetItem[], key: string): Estimate {
  const scored = withScore(items, key);
  const groups = [...new Set(scored.map((i) => i.group ?? ""))];
  return bootstrap(
    scored.map((i) => i.cluster),
    (weights) => {
      let sum = 0;
      let present = 0;
      for (const group of groups) {
        let top = 0;
        let bottom = 0;
        scored.forEach((item, i) => {
          if ((item.group ?? "") !== group) return;
          top += weights[i] * item.scores[key];
          bottom += weights[i];
        });
        if (bottom === 0) continue;
        sum += top / bottom;
        present += 1;
      }
      return sum / present;
    },
  );
}

/** Any statistic of the scored items: a resample repeats an item as often as its cluster was drawn. */
export function statisticOf(
  scored: readonly SheetItem[],
  statistic: (items: readonly SheetItem[]) => number,
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  return bootstrap(
    scored.map((i) => i.cluster),
    (weights) =>
      statistic(scored.flatMap((item, i) => Array.from({ length: weights[i] }, () => item))),
    options,
  );
}

/** A table of one series by group, groups in alphabetical order. */
export function groupTable(
  items: readonly SheetItem[],
  key: string,
  title: string,
  format: NumberFormat,
): SheetTable | null {
  const groups = [...new Set(items.map((i) => i.group ?? ""))].sort();
  if (groups.length < 2) return null;
  return {
    title,
    columns: ["score", "items"],
    format,
    rows: groups.map((group) => {
      const own = items.filter((i) => (i.group ?? "") === group);
      return {
        label: group === "" ? "no group" : group,
        cells: [meanOf(own, key, format === "percent"), withScore(own, key).length],
      };
    }),
  };
}
