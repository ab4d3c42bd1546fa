/**
 * Does the written trace name the decision that the oracle took, and does the planned path do what the trace says?
 * Parser and checker are arguments: this file knows neither the wording nor the kinematic rules.
 *
 * Joint accuracy is the strict number: longitudinal and lateral right, and the side right where the oracle's
 * lateral decision has one. "No decision on this axis" is a class ("none") like any other.
 */
import { lateralDecisions, longitudinalDecisions } from "@causeway/data";
import type { LocalPath } from "@causeway/geom";
import {
  type ConsistencyVerdict,
  type DecisionJson,
  type DecisionRow,
  type EvalSampleRow,
  type PredictionRow,
  pathFromJson,
} from "../artefacts.ts";
import { EvalError } from "../errors.ts";
import {
  type BootstrapOptions,
  bootstrapShare,
  defaultBootstrap,
  type Estimate,
} from "./bootstrap.ts";
import {
  type ClassificationSummary,
  type LabelPair,
  summariseClassification,
} from "./classification.ts";

/** Reads a written trace; null when it cannot be read. Must not guess. */
export type TraceParser = (trace: string) => DecisionJson | null;

export interface ConsistencyCheck {
  readonly verdict: ConsistencyVerdict;
  readonly reasons: readonly string[];
}
/** Compares a decision with a path (rig frame at t0, 10 Hz) and the history before it. */
export type ConsistencyChecker = (
  decision: DecisionJson,
  path: LocalPath,
  history: LocalPath,
) => ConsistencyCheck;

/**
 * One row per sample that has an oracle decision, joined by id. A sample without an answer gives an unparsed row.
 * Consistency is checked on the first path, which is the one a driver would follow.
 */
export function judgeDecisions(
  samples: readonly EvalSampleRow[],
  predictions: readonly PredictionRow[],
  predictor: string,
  parse: TraceParser,
  check: ConsistencyChecker | null,
): DecisionRow[] {
  const answers = new Map<string, PredictionRow>();
  const known = new Set(samples.map((s) => s.sampleId));
  for (const row of predictions) {
    if (row.predictor !== predictor) continue;
    if (!known.has(row.sampleId)) {
      throw new EvalError(
        "join",
        `judgeDecisions: "${predictor}" answers sample "${row.sampleId}", which is not among the ${samples.length} samples.`,
      );
    }
    if (answers.has(row.sampleId)) {
      throw new EvalError(
        "join",
        `judgeDecisions: "${predictor}" answers "${row.sampleId}" twice.`,
      );
    }
    answers.set(row.sampleId, row);
  }
  return samples.flatMap((sample) => {
    if (sample.oracle === null) return [];
    const { longitudinal, lateral, lateralSide } = sample.oracle;
    const answer = answers.get(sample.sampleId);
    const trace = answer?.reasoning ?? null;
    const predicted = trace === null ? null : parse(trace);
    const path = answer?.paths[0];
    const checked =
      predicted === null || path === undefined || check === null
        ? null
        : check(predicted, pathFromJson(path), pathFromJson(sample.history));
    return [
      {
        sampleId: sample.sampleId,
        recordingId: sample.recordingId,
        predictor,
        trace,
        oracle: { longitudinal, lateral, lateralSide },
        predicted,
        consistency: checked?.verdict ?? null,
        consistencyReasons: checked?.reasons ?? [],
      },
    ];
  });
}

const none = "none";
const withSide = (d: DecisionJson) =>
  `${d.lateral ?? none}${d.lateralSide === null ? "" : ` ${d.lateralSide}`}`;

/** Right on both axes, and on the side where the oracle has one. */
export function isJointlyRight(row: DecisionRow): boolean {
  const { oracle, predicted } = row;
  return (
    predicted !== null &&
    predicted.longitudinal === oracle.longitudinal &&
    predicted.lateral === oracle.lateral &&
    (oracle.lateralSide === null || predicted.lateralSide === oracle.lateralSide)
  );
}

export interface DecisionSummary {
  readonly predictor: string;
  readonly samples: number;
  readonly unparsed: number;
  readonly longitudinal: ClassificationSummary;
  readonly lateral: ClassificationSummary;
  /** Lateral with its side ("turn left"); only this one has no fixed label order. */
  readonly lateralWithSide: ClassificationSummary;
  readonly jointAccuracy: Estimate;
  /** The most common joint decision of the oracle, answered always: what a model that never looks could reach. */
  readonly majorityAccuracy: number | null;
  /**
   * Consistent over (consistent + inconsistent + unparsed): a trace that cannot be read cannot be acted on.
   * Samples that no rule covers are outside, see `coverage`.
   */
  readonly consistency: Estimate;
  /** Share of samples in the denominator of `consistency`. */
  readonly coverage: Estimate;
  readonly consistencyCounts: {
    readonly consistent: number;
    readonly inconsistent: number;
    readonly unparsed: number;
    readonly notApplicable: number;
  };
}

export function summariseDecisions(
  predictor: string,
  rows: readonly DecisionRow[],
  options: BootstrapOptions = defaultBootstrap,
): DecisionSummary {
  const mine = rows
    .filter((row) => row.predictor === predictor)
    .sort((a, b) => (a.sampleId < b.sampleId ? -1 : a.sampleId > b.sampleId ? 1 : 0));
  const clusters = mine.map((row) => row.recordingId);
  const pairs = (of: (d: DecisionJson) => string): LabelPair[] =>
    mine.map((row) => ({
      clusterId: row.recordingId,
      truth: of(row.oracle),
      predicted: row.predicted === null ? null : of(row.predicted),
    }));
  // A side that the oracle does not ask for is not held against the trace.
  const sided: LabelPair[] = mine.map((row) => ({
    clusterId: row.recordingId,
    truth: withSide(row.oracle),
    predicted:
      row.predicted === null
        ? null
        : withSide(
            row.oracle.lateralSide === null && row.predicted.lateral === row.oracle.lateral
              ? { ...row.predicted, lateralSide: null }
              : row.predicted,
          ),
  }));
  const joint = new Map<string, number>();
  for (const row of mine) {
    const key = `${row.oracle.longitudinal ?? none}|${withSide(row.oracle)}`;
    joint.set(key, (joint.get(key) ?? 0) + 1);
  }
  const inDenominator = mine.filter(
    (row) =>
      row.predicted === null ||
      row.consistency === "consistent" ||
      row.consistency === "inconsistent",
  );
  const count = (verdict: ConsistencyVerdict) =>
    mine.filter((row) => row.predicted !== null && row.consistency === verdict).length;
  return {
    predictor,
    samples: mine.length,
    unparsed: mine.filter((row) => row.predicted === null).length,
    longitudinal: summariseClassification(
      pairs((d) => d.longitudinal ?? none),
      [...longitudinalDecisions, none],
      options,
    ),
    lateral: summariseClassification(
      pairs((d) => d.lateral ?? none),
      [...lateralDecisions, none],
      options,
    ),
    lateralWithSide: summariseClassification(sided, [], options),
    jointAccuracy: bootstrapShare(mine.map(isJointlyRight), clusters, options),
    majorityAccuracy: mine.length === 0 ? null : Math.max(...joint.values()) / mine.length,
    consistency: bootstrapShare(
      inDenominator.map((row) => row.predicted !== null && row.consistency === "consistent"),
      inDenominator.map((row) => row.recordingId),
      options,
    ),
    coverage: bootstrapShare(
      mine.map((row) => inDenominator.includes(row)),
      clusters,
      options,
    ),
    consistencyCounts: {
      consistent: count("consistent"),
      inconsistent: count("inconsistent"),
      unparsed: mine.filter((row) => row.predicted === null).length,
      notApplicable: count("not_applicable"),
    },
  };
}
