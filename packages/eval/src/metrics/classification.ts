/** Accuracy, macro-F1 and confusion of a closed label set, with an answer of its own for "could not be parsed". */
import {
  type BootstrapOptions,
  bootstrap,
  bootstrapShare,
  defaultBootstrap,
  type Estimate,
} from "./bootstrap.ts";

/** Column of the confusion matrix for answers that could not be parsed; never a true class. */
export const unparsedLabel = "(unparsed)";

export interface LabelPair {
  readonly clusterId: string;
  readonly truth: string;
  /** null: unparsed, counts as wrong. */
  readonly predicted: string | null;
}

/** Rows are truth, columns are predictions, both in `labels` order; only labels that occur are listed. */
export interface ConfusionMatrix {
  readonly truthLabels: readonly string[];
  readonly predictedLabels: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

/** Counts pairs. `order` fixes the order of labels; labels outside it follow alphabetically. */
export function confusionMatrix(
  pairs: readonly LabelPair[],
  order: readonly string[] = [],
): ConfusionMatrix {
  const sorted = (labels: Iterable<string>) =>
    [...new Set(labels)].sort((a, b) => {
      const rank = (label: string) => {
        if (label === unparsedLabel) return order.length + 1;
        const at = order.indexOf(label);
        return at < 0 ? order.length : at;
      };
      return rank(a) - rank(b) || (a < b ? -1 : 1);
    });
  const truths = pairs.map((p) => p.truth);
  const truthLabels = sorted(truths);
  const predictedLabels = sorted([...truths, ...pairs.map((p) => p.predicted ?? unparsedLabel)]);
  const counts = truthLabels.map(() => predictedLabels.map(() => 0));
  for (const { truth, predicted } of pairs) {
    counts[truthLabels.indexOf(truth)][predictedLabels.indexOf(predicted ?? unparsedLabel)] += 1;
  }
  return { truthLabels, predictedLabels, counts };
}

/**
 * Macro-F1 with item weights: the mean of F1 = 2 TP / (2 TP + FP + FN) over the classes that occur in truth.
 * A class that is only predicted lowers the others through their FN, but has no F1 of its own.
 */
export function macroF1(pairs: readonly LabelPair[], weights?: ArrayLike<number>): number {
  const classes = new Map<string, { tp: number; fp: number; fn: number }>();
  const of = (label: string) => {
    let entry = classes.get(label);
    if (entry === undefined) {
      entry = { tp: 0, fp: 0, fn: 0 };
      classes.set(label, entry);
    }
    return entry;
  };
  for (const [i, { truth, predicted }] of pairs.entries()) {
    const w = weights === undefined ? 1 : weights[i];
    if (w === 0) continue;
    if (truth === predicted) of(truth).tp += w;
    else {
      of(truth).fn += w;
      if (predicted !== null) of(predicted).fp += w;
    }
  }
  let sum = 0;
  let num = 0;
  for (const { tp, fp, fn } of classes.values()) {
    if (tp + fn === 0) continue;
    sum += (2 * tp) / (2 * tp + fp + fn);
    num += 1;
  }
  return sum / num;
}

export interface ClassificationSummary {
  readonly accuracy: Estimate;
  readonly macroF1: Estimate;
  /** Answers that could not be parsed; they are in the denominator, as wrong. */
  readonly unparsed: number;
  readonly confusion: ConfusionMatrix;
}

export function summariseClassification(
  pairs: readonly LabelPair[],
  order: readonly string[] = [],
  options: BootstrapOptions = defaultBootstrap,
): ClassificationSummary {
  const clusters = pairs.map((p) => p.clusterId);
  return {
    accuracy: bootstrapShare(
      pairs.map((p) => p.truth === p.predicted),
      clusters,
      options,
    ),
    macroF1: bootstrap(clusters, (w) => macroF1(pairs, w), options),
    unparsed: pairs.filter((p) => p.predicted === null).length,
    confusion: confusionMatrix(pairs, order),
  };
}
