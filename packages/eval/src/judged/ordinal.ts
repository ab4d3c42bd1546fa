/** Scores on a scale against human scores. Series `correct`, `within1`, `error`, `predicted`, `truth`. */
import { pearsonValue, spearmanValue } from "../statistics/correlation.ts";
import type { Estimate } from "../metrics/bootstrap.ts";
import {
  meanOf,
  type SheetItem,
  type SheetMetric,
  type SheetTable,
  shareOfAll,
  statisticOf,
  withScore,
} from "./sheet.ts";

/** Series of one item; an unread score is wrong and has no prediction. */
export function ordinalScores(
  truth: number,
  predicted: number | null,
): Readonly<Record<string, number>> {
  if (predicted === null) return { correct: 0, within1: 0, truth };
  const error = Math.abs(predicted - truth);
  return { correct: Number(error === 0), within1: Number(error <= 1), error, predicted, truth };
}

export function summariseOrdinal(
  items: readonly SheetItem[],
  scale: readonly number[] = [1, 2, 3, 4, 5],
): {
  readonly metrics: readonly SheetMetric[];
  readonly tables: readonly SheetTable[];
  readonly notes: readonly string[];
} {
  const read = withScore(items, "predicted");
  const series = (of: readonly SheetItem[], key: string) => of.map((i) => i.scores[key]);
  const correlation = (value: (x: number[], y: number[]) => number): Estimate =>
    statisticOf(read, (of) => value(series(of, "truth"), series(of, "predicted")));
  const metric = (
    key: string,
    label: string,
    about: string,
    estimate: Estimate,
    format: SheetMetric["format"] = "percent",
    isHigherBetter = true,
  ): SheetMetric => ({ key, label, about, estimate, format, isHigherBetter });
  const isConstant = new Set(series(read, "predicted")).size < 2 && read.length > 1;
  return {
    metrics: [
      metric(
        "accuracy",
        "Accuracy",
        "Exactly the human score, over all items with a reply; unread is wrong.",
        meanOf(items, "correct", true),
      ),
      metric(
        "within-1",
        "Within one",
        "At most one off, over all items with a reply; unread is wrong.",
        meanOf(items, "within1", true),
      ),
      metric(
        "pearson",
        "Pearson",
        "Linear correlation over items whose score could be read; none when the model always says the same.",
        correlation(pearsonValue),
        "number",
      ),
      metric(
        "spearman",
        "Spearman",
        "Rank correlation, ties share their average rank.",
        correlation(spearmanValue),
        "number",
      ),
      metric(
        "error",
        "Mean error",
        "Mean absolute difference over items whose score could be read.",
        meanOf(items, "error", false),
        "number",
        false,
      ),
      metric(
        "accuracy-all",
        "Of all items",
        "Accuracy with items that got no reply counted as wrong.",
        shareOfAll(items, "correct"),
      ),
    ],
    tables: [
      {
        title: "Human score (rows) and given score (columns)",
        columns: [...scale.map(String), "unread"],
        format: "number",
        rows: scale.map((truth) => {
          const own = items.filter((i) => i.scores.truth === truth);
          return {
            label: String(truth),
            cells: [
              ...scale.map((p) => own.filter((i) => i.scores.predicted === p).length),
              own.filter((i) => !("predicted" in i.scores)).length,
            ],
          };
        }),
      },
    ],
    notes: isConstant
      ? [
          `Every readable reply gives the same score, ${series(read, "predicted")[0]}: correlation is undefined.`,
        ]
      : [],
  };
}
