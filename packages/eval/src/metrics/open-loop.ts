/** Open loop: one row per sample and predictor, then a summary per predictor with intervals and denominators. */
import {
  type EvalSampleRow,
  type OpenLoopMetrics,
  type OpenLoopRow,
  type PredictionRow,
  pathFromJson,
} from "../artefacts.ts";
import { EvalError } from "../errors.ts";
import {
  type BootstrapOptions,
  bootstrapMean,
  bootstrapRatio,
  bootstrapShare,
  defaultBootstrap,
  type Estimate,
} from "./bootstrap.ts";
import { cornerDistances } from "./corners.ts";
import {
  byHorizon,
  displacementsM,
  errorComponentsM,
  type HorizonKey,
  horizonKeys,
  isMiss,
  minAde,
  minAdePerHorizon,
  minFde,
  prefixMean,
} from "./displacement.ts";
import { type Movement, movementOf, movements } from "./movement.ts";
import type { LocalPath } from "@causeway/geom";

/** All open-loop numbers of K paths against the logged one (same length, rig frame at t0). */
export function openLoopMetrics(paths: readonly LocalPath[], logged: LocalPath): OpenLoopMetrics {
  const displacements = paths.map((path) => displacementsM(path, logged));
  const upstream = minAde(displacements);
  const best = displacements[upstream.sample];
  const corners = cornerDistances(paths, logged);
  const parts = errorComponentsM(paths[upstream.sample], logged);
  const steps = logged.x.length;
  const abs = (values: Float64Array) => values.map(Math.abs);
  const along = abs(parts.along);
  const across = abs(parts.across);
  return {
    numPaths: paths.length,
    minAde: upstream.byHorizon,
    minAdePerHorizon: minAdePerHorizon(displacements),
    ade: byHorizon(steps, (count) => prefixMean(displacements[0], count)),
    meanAde: byHorizon(steps, (count) =>
      prefixMean(displacements.map((d) => prefixMean(d, count))),
    ),
    fde: displacements[0][steps - 1],
    minFde: minFde(displacements),
    miss: isMiss(displacements) ? 1 : 0,
    cornerMixture: corners.mixture,
    cornerPerTrajectory: corners.perTrajectory,
    alongAbs: byHorizon(steps, (count) => prefixMean(along, count)),
    acrossAbs: byHorizon(steps, (count) => prefixMean(across, count)),
    bestSample: upstream.sample,
    bestDisplacement: Array.from(best, (d) => Math.round(d * 1e4) / 1e4),
  };
}

/** Scores one answer. A path of wrong length or with a value that is not finite fails the row; it never passes silently. */
export function scoreSample(sample: EvalSampleRow, prediction: PredictionRow): OpenLoopRow {
  const logged = pathFromJson(sample.future);
  const head = {
    sampleId: sample.sampleId,
    recordingId: sample.recordingId,
    movement: movementOf(logged),
    predictor: prediction.predictor,
  };
  const failed = (error: string): OpenLoopRow => ({
    ...head,
    status: "failed",
    error,
    metrics: null,
  });
  if (prediction.status === "failed") return failed(prediction.error ?? "no reason given");
  if (prediction.paths.length === 0) return failed("no paths");
  const paths = prediction.paths.map(pathFromJson);
  for (const [k, path] of paths.entries()) {
    if (
      path.x.length !== logged.x.length ||
      path.y.length !== logged.x.length ||
      path.yaw.length !== logged.x.length
    ) {
      return failed(`path ${k} has ${path.x.length} poses, the log has ${logged.x.length}`);
    }
    for (const column of [path.x, path.y, path.yaw]) {
      if (!column.every(Number.isFinite))
        return failed(`path ${k} holds a value that is not finite`);
    }
  }
  return { ...head, status: "ok", error: null, metrics: openLoopMetrics(paths, logged) };
}

/**
 * Joins predictions to samples by id. Every predictor gets one row per sample: a sample it never answered is a
 * failed row, so no predictor is judged on the easy part only.
 */
export function scoreOpenLoop(
  samples: readonly EvalSampleRow[],
  predictions: readonly PredictionRow[],
): OpenLoopRow[] {
  const byId = new Map<string, EvalSampleRow>();
  for (const sample of samples) {
    if (byId.has(sample.sampleId)) {
      throw new EvalError(
        "join",
        `samples: id "${sample.sampleId}" appears twice. Ids must be unique.`,
      );
    }
    byId.set(sample.sampleId, sample);
  }
  const answers = new Map<string, Map<string, PredictionRow>>();
  for (const row of predictions) {
    if (!byId.has(row.sampleId)) {
      throw new EvalError(
        "join",
        `predictions: "${row.predictor}" answers sample "${row.sampleId}", which is not among the ${samples.length} samples. Evaluate both on one split.`,
      );
    }
    const mine = answers.get(row.predictor) ?? new Map<string, PredictionRow>();
    if (mine.has(row.sampleId)) {
      throw new EvalError(
        "join",
        `predictions: "${row.predictor}" answers "${row.sampleId}" twice.`,
      );
    }
    answers.set(row.predictor, mine.set(row.sampleId, row));
  }
  return [...answers].flatMap(([predictor, mine]) =>
    samples.map((sample) =>
      scoreSample(
        sample,
        mine.get(sample.sampleId) ?? {
          sampleId: sample.sampleId,
          predictor,
          status: "failed",
          error: "no answer for this sample",
          paths: [],
          reasoning: null,
        },
      ),
    ),
  );
}

export type EstimateByHorizon = Partial<Record<HorizonKey, Estimate>>;

/** Means over the samples that have a score; `samples` and `failed` are the denominators. */
export interface OpenLoopSummary {
  readonly predictor: string;
  readonly samples: number;
  readonly failed: number;
  readonly recordings: number;
  /** Paths per answer: the k of minADE_k; least over the rows. */
  readonly numPaths: number;
  readonly minAde: EstimateByHorizon;
  readonly minAdePerHorizon: EstimateByHorizon;
  readonly ade: EstimateByHorizon;
  readonly meanAde: EstimateByHorizon;
  readonly cornerMixture: EstimateByHorizon;
  readonly cornerPerTrajectory: EstimateByHorizon;
  readonly alongAbs: EstimateByHorizon;
  readonly acrossAbs: EstimateByHorizon;
  readonly fde: Estimate;
  readonly minFde: Estimate;
  /** Share of samples missed, [0, 1]. */
  readonly missRate: Estimate;
  /** Mean distance of the best sample at each 0.1 s step with its interval. */
  readonly curve: readonly Estimate[];
}

type Scored = OpenLoopRow & { readonly metrics: OpenLoopMetrics };
const isScored = (row: OpenLoopRow): row is Scored => row.metrics !== null;
const byId = (a: OpenLoopRow, b: OpenLoopRow) =>
  a.sampleId < b.sampleId ? -1 : a.sampleId > b.sampleId ? 1 : 0;

type HorizonMetric =
  | "minAde"
  | "minAdePerHorizon"
  | "ade"
  | "meanAde"
  | "cornerMixture"
  | "cornerPerTrajectory"
  | "alongAbs"
  | "acrossAbs";

/** Summary of the rows of one predictor. The order of the rows does not matter. */
export function summariseOpenLoop(
  predictor: string,
  rows: readonly OpenLoopRow[],
  options: BootstrapOptions = defaultBootstrap,
): OpenLoopSummary {
  const mine = rows.filter((row) => row.predictor === predictor).sort(byId);
  const scored = mine.filter(isScored);
  const clusters = scored.map((row) => row.recordingId);
  const mean = (of: (m: OpenLoopMetrics) => number) =>
    bootstrapMean(
      scored.map((row) => of(row.metrics)),
      clusters,
      options,
    );
  const horizons = (metric: HorizonMetric): EstimateByHorizon => {
    const out: EstimateByHorizon = {};
    for (const key of horizonKeys) {
      const have = scored.filter((row) => row.metrics[metric][key] !== undefined);
      if (have.length === 0) continue;
      out[key] = bootstrapMean(
        have.map((row) => row.metrics[metric][key] as number),
        have.map((row) => row.recordingId),
        options,
      );
    }
    return out;
  };
  const steps = Math.min(...scored.map((row) => row.metrics.bestDisplacement.length));
  return {
    predictor,
    samples: mine.length,
    failed: mine.length - scored.length,
    recordings: new Set(mine.map((row) => row.recordingId)).size,
    numPaths: scored.length === 0 ? 0 : Math.min(...scored.map((row) => row.metrics.numPaths)),
    minAde: horizons("minAde"),
    minAdePerHorizon: horizons("minAdePerHorizon"),
    ade: horizons("ade"),
    meanAde: horizons("meanAde"),
    cornerMixture: horizons("cornerMixture"),
    cornerPerTrajectory: horizons("cornerPerTrajectory"),
    alongAbs: horizons("alongAbs"),
    acrossAbs: horizons("acrossAbs"),
    fde: mean((m) => m.fde),
    minFde: mean((m) => m.minFde),
    missRate: bootstrapShare(
      scored.map((row) => row.metrics.miss === 1),
      clusters,
      options,
    ),
    curve:
      scored.length === 0
        ? []
        : Array.from({ length: steps }, (_, i) => mean((m) => m.bestDisplacement[i])),
  };
}

/**
 * minADE ratio of two predictors over the samples that both answered, paired and resampled by recording:
 * far narrower than comparing two separate intervals.
 */
export function minAdeRatio(
  rows: readonly OpenLoopRow[],
  numerator: string,
  denominator: string,
  horizon: HorizonKey = "6.4s",
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  const pairs = pairMinAde(rows, numerator, denominator, horizon);
  return bootstrapRatio(
    pairs.map((p) => p.a),
    pairs.map((p) => p.b),
    pairs.map((p) => p.recordingId),
    options,
  );
}

function pairMinAde(rows: readonly OpenLoopRow[], a: string, b: string, horizon: HorizonKey) {
  const other = new Map(
    rows.filter((r) => r.predictor === b && isScored(r)).map((r) => [r.sampleId, r]),
  );
  return rows
    .filter((row) => row.predictor === a)
    .sort(byId)
    .flatMap((row) => {
      const first = row.metrics?.minAde[horizon];
      const second = other.get(row.sampleId)?.metrics?.minAde[horizon];
      if (first === undefined || second === undefined) return [];
      return [{ a: first, b: second, recordingId: row.recordingId }];
    });
}

/** Share of samples on which `a` has the smaller minADE than `b`. */
export function winRate(
  rows: readonly OpenLoopRow[],
  a: string,
  b: string,
  horizon: HorizonKey = "6.4s",
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  const pairs = pairMinAde(rows, a, b, horizon);
  const wins = pairs.map((p) => p.a < p.b);
  return bootstrapShare(
    wins,
    pairs.map((p) => p.recordingId),
    options,
  );
}

/** minADE of one predictor by what the car really did; movements that do not occur are left out. */
export function minAdeByMovement(
  predictor: string,
  rows: readonly OpenLoopRow[],
  horizon: HorizonKey = "6.4s",
  options: BootstrapOptions = defaultBootstrap,
): { readonly movement: Movement; readonly samples: number; readonly minAde: Estimate }[] {
  const mine = rows.filter((row) => row.predictor === predictor).sort(byId);
  return movements.flatMap((movement) => {
    const some = mine.filter((row) => row.movement === movement);
    if (some.length === 0) return [];
    const scored = some.filter((row) => row.metrics?.minAde[horizon] !== undefined);
    return [
      {
        movement,
        samples: some.length,
        minAde: bootstrapMean(
          scored.map((row) => row.metrics?.minAde[horizon] as number),
          scored.map((row) => row.recordingId),
          options,
        ),
      },
    ];
  });
}
