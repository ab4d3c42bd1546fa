/**
 * Times at which sub-tasks end, over all episodes. Predicted ends are joined to true ends in order; a missing one is
 * missed, a surplus one is counted. Series `hit`, `error`, `relative`, each a mean within the episode.
 */
import { meanOf, type SheetItem, type SheetMetric, type SheetTable } from "./sheet.ts";

export interface EndError {
  readonly truthSecs: number;
  /** null: no time was given for this end. */
  readonly predictedSecs: number | null;
  readonly errorSecs: number | null;
  /** Error over the length of the sub-task: gt_i − gt_(i−1), for the first one gt_0. */
  readonly relative: number | null;
  readonly isHit: boolean;
}

/** An end is hit when it is less than this off: half of 4.1 frames. */
export const hitWindowSecs = (fps: number): number => 4.1 / fps / 2;

export function endErrors(
  truth: readonly number[],
  predicted: readonly number[],
  fps: number,
): readonly EndError[] {
  const window = hitWindowSecs(fps);
  return truth.map((truthSecs, i) => {
    const predictedSecs = predicted[i] ?? null;
    if (predictedSecs === null)
      return { truthSecs, predictedSecs, errorSecs: null, relative: null, isHit: false };
    const errorSecs = Math.abs(predictedSecs - truthSecs);
    const length = i === 0 ? truthSecs : truthSecs - truth[i - 1];
    return {
      truthSecs,
      predictedSecs,
      errorSecs,
      relative: length > 0 ? errorSecs / length : null,
      isHit: errorSecs < window,
    };
  });
}

export function temporalScores(ends: readonly EndError[]): Readonly<Record<string, number>> {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const errors = ends.flatMap((e) => (e.errorSecs === null ? [] : [e.errorSecs]));
  const relative = ends.flatMap((e) => (e.relative === null ? [] : [e.relative]));
  return {
    hit: mean(ends.map((e) => Number(e.isHit))),
    given: errors.length / ends.length,
    ...(errors.length > 0 ? { error: mean(errors) } : {}),
    ...(relative.length > 0 ? { relative: mean(relative) } : {}),
  };
}

export function summariseTemporal(items: readonly SheetItem[]): {
  readonly metrics: readonly SheetMetric[];
  readonly tables: readonly SheetTable[];
  readonly notes: readonly string[];
} {
  return {
    metrics: [
      {
        key: "hit",
        label: "Hits",
        about:
          "Share of true ends that are less than half of 4.1 frames off, mean over all episodes with a reply; a missing end is missed.",
        format: "percent",
        isHigherBetter: true,
        estimate: meanOf(items, "hit", true),
      },
      {
        key: "relative",
        label: "Relative error",
        about: "Error over the length of the sub-task, mean over the ends that were given.",
        format: "percent",
        isHigherBetter: false,
        estimate: meanOf(items, "relative", false),
      },
      {
        key: "error",
        label: "Error",
        about: "Absolute error in seconds over the ends that were given.",
        format: "s",
        isHigherBetter: false,
        estimate: meanOf(items, "error", false),
      },
      {
        key: "given",
        label: "Ends given",
        about: "Share of true ends for which a time was given.",
        format: "percent",
        isHigherBetter: true,
        estimate: meanOf(items, "given", true),
      },
    ],
    tables: [],
    notes: [],
  };
}
