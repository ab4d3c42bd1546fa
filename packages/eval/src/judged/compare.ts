/**
 * Two evaluations of the same items, joined by id. Differences are paired: only items that both answered count, and
 * the interval resamples clusters of those. What one side alone has is counted and named.
 */
import { bootstrapMean, type Estimate } from "../metrics/bootstrap.ts";
import { EvalError } from "../errors.ts";
import { meanOf, type ScoreSheet, type SheetItem } from "./sheet.ts";

export interface ScoredRun {
  readonly sheet: ScoreSheet;
  readonly items: readonly SheetItem[];
}

export interface ComparedSeries {
  readonly key: string;
  readonly isHigherBetter: boolean;
  readonly a: Estimate;
  readonly b: Estimate;
  /** B − A over paired items. */
  readonly difference: Estimate;
  /** Items better in B, equal, worse in B. */
  readonly better: number;
  readonly equal: number;
  readonly worse: number;
}

export interface Comparison {
  readonly benchmark: string;
  readonly isSynthetic: boolean;
  readonly series: readonly ComparedSeries[];
  readonly paired: number;
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** Settings that differ, as [name, A, B]. */
  readonly differences: readonly (readonly [string, string, string])[];
}

/** By the metric that is made from the series; series without one are scores, or errors by their name. */
function isHigherBetterIn(key: string, sheets: readonly ScoreSheet[]): boolean {
  const metric = sheets.flatMap((s) => s.metrics).find((m) => m.key === key.replace(/ mean$/, ""));
  return metric?.isHigherBetter ?? !/^(error|relative|unread)$/.test(key);
}
/** Series that describe an item instead of scoring it. */
const isFact = (key: string): boolean => key === "truth" || key === "predicted";

export function compareRuns(a: ScoredRun, b: ScoredRun): Comparison {
  if (a.sheet.benchmark !== b.sheet.benchmark)
    throw new EvalError(
      "join",
      `compare: one run is "${a.sheet.benchmark}", the other "${b.sheet.benchmark}"; expected the same benchmark`,
    );
  const inB = new Map(b.items.map((i) => [i.id, i]));
  const inA = new Set(a.items.map((i) => i.id));
  const pairs = a.items.flatMap((i) => {
    const other = inB.get(i.id);
    return other === undefined ? [] : [[i, other] as const];
  });
  const conflict = pairs.find(([x, y]) => x.expected !== y.expected);
  if (conflict !== undefined)
    throw new EvalError(
      "join",
      `compare: item "${conflict[0].id}" should be "${conflict[0].expected}" in one run and "${conflict[1].expected}" in the other; expected the same data`,
    );
  const keys = [...new Set([...a.items, ...b.items].flatMap((i) => Object.keys(i.scores)))].filter(
    (key) => !isFact(key),
  );
  const series = keys.map((key): ComparedSeries => {
    const both = pairs.filter(([x, y]) => key in x.scores && key in y.scores);
    const differences = both.map(([x, y]) => y.scores[key] - x.scores[key]);
    const isHigherBetter = isHigherBetterIn(key, [a.sheet, b.sheet]);
    const sign = isHigherBetter ? 1 : -1;
    const isShare = [...a.items, ...b.items].every(
      (i) => !(key in i.scores) || (i.scores[key] >= 0 && i.scores[key] <= 1),
    );
    return {
      key,
      isHigherBetter,
      a: meanOf(a.items, key, isShare),
      b: meanOf(b.items, key, isShare),
      difference: bootstrapMean(
        differences,
        both.map(([x]) => x.cluster),
      ),
      better: differences.filter((d) => sign * d > 0).length,
      equal: differences.filter((d) => d === 0).length,
      worse: differences.filter((d) => sign * d < 0).length,
    };
  });
  const names = [...new Set([...Object.keys(a.sheet.settings), ...Object.keys(b.sheet.settings)])];
  return {
    benchmark: a.sheet.benchmark,
    isSynthetic: a.sheet.isSynthetic || b.sheet.isSynthetic,
    series,
    paired: pairs.length,
    onlyInA: a.items.filter((i) => !inB.has(i.id)).map((i) => i.id),
    onlyInB: b.items.filter((i) => !inA.has(i.id)).map((i) => i.id),
    differences: names
      .map((n) => [n, a.sheet.settings[n] ?? "–", b.sheet.settings[n] ?? "–"] as const)
      .filter(([, x, y]) => x !== y),
  };
}
