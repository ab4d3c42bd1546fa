/** Segmentation: instances with optimal assignment, and classes with an ignore label. */
import { EvalError } from "../errors.ts";
import { assign } from "../geometry/assignment.ts";

const requireSameLength = (truth: ArrayLike<number>, predicted: ArrayLike<number>): void => {
  if (truth.length !== predicted.length)
    throw new EvalError(
      "shape",
      `mask IoU: ${predicted.length} predicted and ${truth.length} true pixels; expected the same size`,
    );
};

export interface InstanceIou {
  /** Instance ids that occur, ascending; 0 is background. */
  readonly truthIds: readonly number[];
  readonly predictedIds: readonly number[];
  /** IoU [truth][prediction]. */
  readonly iou: readonly Float64Array[];
  /** [truth id, predicted id, IoU], total IoU as large as can be. */
  readonly matches: readonly (readonly [number, number, number])[];
  /** Mean over true instances, an unmatched one counts 0; null without true instances. */
  readonly meanMatched: number | null;
  /** Mean over true instances of the best IoU, a prediction may serve twice. */
  readonly meanBest: number | null;
}

/** @param mask Pixels outside of it count as background on both sides. */
export function instanceIou(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  mask: ArrayLike<number> | null = null,
): InstanceIou {
  requireSameLength(truth, predicted);
  const truthArea = new Map<number, number>();
  const predictedArea = new Map<number, number>();
  const shared = new Map<string, number>();
  const bump = <K>(map: Map<K, number>, key: K) => map.set(key, (map.get(key) ?? 0) + 1);
  for (let i = 0; i < truth.length; i++) {
    if (mask !== null && mask[i] === 0) continue;
    if (truth[i] !== 0) bump(truthArea, truth[i]);
    if (predicted[i] !== 0) bump(predictedArea, predicted[i]);
    if (truth[i] !== 0 && predicted[i] !== 0) bump(shared, `${truth[i]}/${predicted[i]}`);
  }
  const ids = (areas: Map<number, number>) => [...areas.keys()].sort((a, b) => a - b);
  const truthIds = ids(truthArea);
  const predictedIds = ids(predictedArea);
  const iou = truthIds.map((t) =>
    Float64Array.from(predictedIds, (p) => {
      const both = shared.get(`${t}/${p}`) ?? 0;
      return both / ((truthArea.get(t) as number) + (predictedArea.get(p) as number) - both);
    }),
  );
  const matches = assign(iou.map((row) => row.map((v) => -v))).map(
    ([t, p]) => [truthIds[t], predictedIds[p], iou[t][p]] as const,
  );
  const mean = (sum: number) => (truthIds.length > 0 ? sum / truthIds.length : null);
  return {
    truthIds,
    predictedIds,
    iou,
    matches,
    meanMatched: mean(matches.reduce((sum, m) => sum + m[2], 0)),
    meanBest: mean(iou.reduce((sum, row) => sum + Math.max(0, ...row), 0)),
  };
}

/** Share of true instances that are matched with at least this IoU. */
export function instanceRecall(result: InstanceIou, threshold: number): number | null {
  const hits = result.matches.filter(([, , iou]) => iou >= threshold).length;
  return result.truthIds.length > 0 ? hits / result.truthIds.length : null;
}

export interface SemanticIou {
  /** Counts [truth][prediction]. */
  readonly confusion: readonly (readonly number[])[];
  /** Per class; null where it occurs on neither side. */
  readonly iou: readonly (number | null)[];
  /** Mean over classes that occur. */
  readonly meanIou: number | null;
  readonly pixelAccuracy: number | null;
}

/** @param ignore Pixels with this true label do not count. */
export function semanticIou(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  numClasses: number,
  ignore: number | null = null,
): SemanticIou {
  requireSameLength(truth, predicted);
  const confusion = Array.from({ length: numClasses }, () =>
    Array.from({ length: numClasses }, () => 0),
  );
  const predictedArea = Array.from({ length: numClasses }, () => 0);
  const truthArea = Array.from({ length: numClasses }, () => 0);
  let total = 0;
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i];
    if (t === ignore) continue;
    const p = predicted[i];
    if (t >= numClasses)
      throw new EvalError(
        "format",
        `semantic IoU: true label ${t} at pixel ${i}; expected 0 to ${numClasses - 1}`,
      );
    total += 1;
    truthArea[t] += 1;
    // A prediction outside of the classes (the ignore label, say) is wrong for its true class and costs no other.
    if (p >= numClasses) continue;
    predictedArea[p] += 1;
    confusion[t][p] += 1;
  }
  let correct = 0;
  const iou = confusion.map((row, c) => {
    correct += row[c];
    const union = truthArea[c] + predictedArea[c] - row[c];
    return union > 0 ? row[c] / union : null;
  });
  const present = iou.filter((v) => v !== null);
  return {
    confusion,
    iou,
    meanIou: present.length > 0 ? present.reduce((a, b) => a + b, 0) / present.length : null,
    pixelAccuracy: total > 0 ? correct / total : null,
  };
}
