/**
 * Scores of labelled boxes: optimal matching of one picture, and average precision over many.
 * Average precision is the area under the precision-recall curve, so an object that is missed costs recall; the
 * number that some evaluators call AP (precision of an optimal matching) is 1.0 for one perfect box of two.
 */
import { assign } from "./assignment.ts";

export interface LabelledBox<Box> {
  readonly label: string;
  readonly box: Box;
  /** Confidence; predictions without one rank after all others, in the order of the answer. */
  readonly score?: number;
}

/** Lower-case text before the first underscore: `Car_5` is a `car`. */
export function baseLabel(label: string): string {
  return label.toLowerCase().split("_")[0].trim();
}

export interface BoxMatch {
  readonly truth: number;
  readonly predicted: number;
  readonly iou: number;
}

/** Pairs of equal label with the largest total IoU; pairs without any overlap are left out. */
export function matchBoxes<Box>(
  truth: readonly LabelledBox<Box>[],
  predicted: readonly LabelledBox<Box>[],
  iouOf: (a: Box, b: Box) => number,
): BoxMatch[] {
  if (truth.length === 0 || predicted.length === 0) return [];
  const iou = truth.map((t) =>
    predicted.map((p) => (baseLabel(t.label) === baseLabel(p.label) ? iouOf(t.box, p.box) : null)),
  );
  return assign(iou.map((row) => row.map((v) => (v === null ? 1e6 : 1 - v))))
    .map(([t, p]) => ({ truth: t, predicted: p, iou: iou[t][p] ?? 0 }))
    .filter((m) => m.iou > 0);
}

export interface DetectionItem<Box> {
  readonly id: string;
  readonly truth: readonly LabelledBox<Box>[];
  /** null: the answer could not be read; its objects are all missed. */
  readonly predicted: readonly LabelledBox<Box>[] | null;
}

/** IoU 0.50, 0.55, … 0.95. */
export const iouThresholds: readonly number[] = Array.from(
  { length: 10 },
  (_, i) => (50 + 5 * i) / 100,
);

export interface AveragePrecision {
  /** Mean over labels and thresholds; null without any true object. */
  readonly map: number | null;
  readonly ap50: number | null;
  readonly ap75: number | null;
  readonly perLabel: Readonly<Record<string, { readonly truths: number; readonly ap: number }>>;
  /** Labels that were predicted but never true: false alarms that no label's AP shows. */
  readonly labelsWithoutTruth: Readonly<Record<string, number>>;
}

/**
 * AP of one label at one threshold. Predictions go by falling score; each takes the free true box of its picture
 * that it overlaps most. Precision is made monotone from the right, then integrated over recall (all points).
 */
export function averagePrecisionAt<Box>(
  items: readonly DetectionItem<Box>[],
  label: string,
  threshold: number,
  iouOf: (a: Box, b: Box) => number,
): number | null {
  const truths = items.map((item) => item.truth.filter((t) => baseLabel(t.label) === label));
  const numTruths = truths.reduce((sum, t) => sum + t.length, 0);
  if (numTruths === 0) return null;
  const ranked = items
    .flatMap((item, i) =>
      (item.predicted ?? [])
        .filter((p) => baseLabel(p.label) === label)
        .map((p) => ({ item: i, box: p.box, score: p.score ?? Number.NEGATIVE_INFINITY })),
    )
    .sort((a, b) => (a.score === b.score ? 0 : b.score - a.score));
  const taken = truths.map((t) => new Uint8Array(t.length));
  const isHit = ranked.map(({ item, box }) => {
    let best = -1;
    let bestIou = threshold;
    truths[item].forEach((t, i) => {
      const iou = taken[item][i] === 1 ? -1 : iouOf(t.box, box);
      if (iou >= bestIou && (best < 0 || iou > bestIou)) {
        best = i;
        bestIou = iou;
      }
    });
    if (best >= 0) taken[item][best] = 1;
    return best >= 0;
  });
  let hits = 0;
  const precision = isHit.map((hit, i) => {
    hits += Number(hit);
    return hits / (i + 1);
  });
  for (let i = precision.length - 2; i >= 0; i--)
    precision[i] = Math.max(precision[i], precision[i + 1]);
  return isHit.reduce((sum, hit, i) => sum + (hit ? precision[i] : 0), 0) / numTruths;
}

export function averagePrecision<Box>(
  items: readonly DetectionItem<Box>[],
  iouOf: (a: Box, b: Box) => number,
): AveragePrecision {
  const truths = new Map<string, number>();
  const extra = new Map<string, number>();
  const bump = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
  for (const item of items) for (const t of item.truth) bump(truths, baseLabel(t.label));
  for (const item of items)
    for (const p of item.predicted ?? [])
      if (!truths.has(baseLabel(p.label))) bump(extra, baseLabel(p.label));
  const labels = [...truths.keys()].sort();
  const table = new Map(
    labels.map((label) => [
      label,
      iouThresholds.map((t) => averagePrecisionAt(items, label, t, iouOf) ?? 0),
    ]),
  );
  const mean = (values: readonly number[]) =>
    values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : null;
  const at = (threshold: number) =>
    mean([...table.values()].map((row) => row[iouThresholds.indexOf(threshold)]));
  return {
    map: mean([...table.values()].flat()),
    ap50: at(0.5),
    ap75: at(0.75),
    perLabel: Object.fromEntries(
      labels.map((label) => [
        label,
        { truths: truths.get(label) as number, ap: mean(table.get(label) ?? []) ?? 0 },
      ]),
    ),
    labelsWithoutTruth: Object.fromEntries([...extra].sort((a, b) => (a[0] < b[0] ? -1 : 1))),
  };
}
