/** Boxes in pictures or in space: average precision over all items, and per item IoU, recall and precision at 0.5. */
import {
  type AveragePrecision,
  averagePrecision,
  type DetectionItem,
  type LabelledBox,
  matchBoxes,
} from "../geometry/detection.ts";
import { defaultBootstrap, type Estimate } from "../metrics/bootstrap.ts";
import {
  meanOf,
  type SheetItem,
  type SheetMetric,
  type SheetTable,
  statisticOf,
  withScore,
} from "./sheet.ts";

type Box = readonly number[];
export type BoxIou = (a: Box, b: Box) => number;

/** Series of one item; no box on either side is a perfect answer. */
export function groundingScores(
  truth: readonly LabelledBox<Box>[],
  predicted: readonly LabelledBox<Box>[] | null,
  iouOf: BoxIou,
): Readonly<Record<string, number>> {
  const given = predicted ?? [];
  const matches = matchBoxes(truth, given, iouOf);
  const hits = matches.filter((m) => m.iou >= 0.5).length;
  const total = matches.reduce((sum, m) => sum + m.iou, 0);
  const most = Math.max(truth.length, given.length);
  return {
    ...(truth.length > 0 ? { iou: total / truth.length, recall: hits / truth.length } : {}),
    ...(given.length > 0 ? { precision: hits / given.length } : {}),
    f1: most === 0 ? Number(predicted !== null) : (2 * hits) / (truth.length + given.length),
  };
}

export function summariseGrounding(
  items: readonly SheetItem[],
  boxes: ReadonlyMap<string, DetectionItem<Box>>,
  iouOf: BoxIou,
): {
  readonly metrics: readonly SheetMetric[];
  readonly tables: readonly SheetTable[];
  readonly notes: readonly string[];
} {
  const scored = withScore(items, "f1");
  const detections = (of: readonly SheetItem[]) =>
    of.flatMap((i) => {
      const found = boxes.get(i.id);
      return found === undefined ? [] : [found];
    });
  const all = averagePrecision(detections(scored), iouOf);
  // Every resample matches all boxes again: fewer resamples than elsewhere keep this in seconds.
  const options = { ...defaultBootstrap, resamples: 200 };
  const ap = (of: (a: AveragePrecision) => number | null): Estimate =>
    statisticOf(
      scored,
      (list) => of(averagePrecision(detections(list), iouOf)) ?? Number.NaN,
      options,
    );
  const metric = (key: string, label: string, about: string, estimate: Estimate): SheetMetric => ({
    key,
    label,
    about,
    estimate,
    format: "number",
    isHigherBetter: true,
  });
  return {
    metrics: [
      metric(
        "ap",
        "AP",
        "Area under the precision-recall curve, mean over labels and IoU 0.50 to 0.95; a missed object costs recall.",
        ap((a) => a.map),
      ),
      metric(
        "ap50",
        "AP at 0.5",
        "The same at IoU 0.5 alone.",
        ap((a) => a.ap50),
      ),
      metric(
        "iou",
        "Mean IoU",
        "Mean over true objects of an item of the IoU of its match, 0 for a missed one; mean over items.",
        meanOf(items, "iou", true),
      ),
      metric(
        "recall",
        "Recall at 0.5",
        "True objects found, mean over items.",
        meanOf(items, "recall", true),
      ),
      metric(
        "precision",
        "Precision at 0.5",
        "Given boxes that are right, mean over items with boxes.",
        meanOf(items, "precision", true),
      ),
    ],
    tables: [
      {
        title: "By label",
        columns: ["AP", "true objects"],
        format: "number",
        rows: Object.entries(all.perLabel).map(([label, { ap: value, truths }]) => ({
          label,
          cells: [value.toFixed(3), truths],
        })),
      },
    ],
    notes: Object.entries(all.labelsWithoutTruth).map(
      ([label, n]) =>
        `"${label}" was predicted ${n} times and is never true: these boxes are in precision, in no label's AP.`,
    ),
  };
}
