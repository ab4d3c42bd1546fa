/**
 * The files of a run folder that evaluation writes and the report reads. All plain JSON; JSONL where there are
 * many rows. Every number of the report can be recomputed from them, and rows are joined by id, never by position.
 *
 *   run.json           RunFacts (what, when, on which machine)
 *   metrics.jsonl      TrainMetricRow, both stages
 *   samples.jsonl      EvalSampleRow: what was logged and what the oracle decided
 *   predictions.jsonl  PredictionRow: one per sample and predictor
 *   openloop.jsonl     OpenLoopRow = scoreOpenLoop(sample, prediction)
 *   decisions.jsonl    DecisionRow: parsed decision against the oracle, and reasoning-action consistency
 *   closedloop.jsonl   ClosedLoopRow: one per scene and policy
 *   clips.jsonl        ClipArtefact (scene-artefacts.ts), pictures for the report
 *   films.jsonl        FilmArtefact (scene-artefacts.ts), closed-loop replays for the report
 *   summary.json       Summary (summary.ts)
 *
 * `predictor` and `policy` are free strings; the names below have a meaning of their own.
 */
import type { LateralDecision, LongitudinalDecision, Side } from "@causeway/data";
import type { LocalPath } from "@causeway/geom";
import type { ByHorizon } from "./metrics/displacement.ts";
import type { Movement } from "./metrics/movement.ts";

/** Names that tables and plots know; others are shown too, after these. */
export const predictorNames = [
  "model",
  "model_shuffled_images",
  "constant_velocity",
  "ctra",
  "expert",
] as const;
export type PredictorName = (typeof predictorNames)[number];

/** File names inside a run folder. */
export const artefactFiles = {
  run: "run.json",
  trainMetrics: "metrics.jsonl",
  samples: "samples.jsonl",
  predictions: "predictions.jsonl",
  openLoop: "openloop.jsonl",
  decisions: "decisions.jsonl",
  closedLoop: "closedloop.jsonl",
  clips: "clips.jsonl",
  films: "films.jsonl",
  summary: "summary.json",
  report: "report.html",
} as const;

/** A `LocalPath` as JSON: m, m, rad; rounded to 0.1 mm and 1e-5 rad. z is 0 when left out. */
export interface PathJson {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly yaw: readonly number[];
  readonly z?: readonly number[];
}

const rounded = (values: ArrayLike<number>, digits: number) =>
  Array.from(values, (v) => {
    const scale = 10 ** digits;
    const r = Math.round(v * scale) / scale;
    return Object.is(r, -0) ? 0 : r;
  });

/** Rounds for storage. Scores are computed on the stored form, so a reader of the files gets the same numbers. */
export function pathToJson(path: LocalPath): PathJson {
  const json = { x: rounded(path.x, 4), y: rounded(path.y, 4), yaw: rounded(path.yaw, 5) };
  return path.z.some((z) => Math.abs(z) >= 5e-5) ? { ...json, z: rounded(path.z, 4) } : json;
}

export function pathFromJson(json: PathJson): LocalPath {
  return {
    x: Float64Array.from(json.x),
    y: Float64Array.from(json.y),
    z: json.z === undefined ? new Float64Array(json.x.length) : Float64Array.from(json.z),
    yaw: Float64Array.from(json.yaw),
  };
}

/** What a written trace says the car does; what the oracle decided. `lateralSide` where the decision has one. */
export interface DecisionJson {
  readonly longitudinal: LongitudinalDecision | null;
  readonly lateral: LateralDecision | null;
  readonly lateralSide: Side | null;
}

/** What was logged at one t0. */
export interface EvalSampleRow {
  /** `${driveId}@${t0Us}`. */
  readonly sampleId: string;
  /** Cluster of the bootstrap: frames of one recording are not independent. */
  readonly recordingId: string;
  readonly t0Us: number;
  readonly scenario: string | null;
  readonly history: PathJson;
  readonly future: PathJson;
  readonly oracle: (DecisionJson & { readonly trace: string }) | null;
}

/** What one predictor answered for one sample. */
export interface PredictionRow {
  readonly sampleId: string;
  readonly predictor: string;
  readonly status: "ok" | "failed";
  /** Why it failed; null when ok. */
  readonly error: string | null;
  /** K sampled paths in sampling order; empty when failed. */
  readonly paths: readonly PathJson[];
  /** The written chain of causation; null for predictors that write none. */
  readonly reasoning: string | null;
}

/** All open-loop numbers of one answer, m unless said otherwise. Definitions: metrics/displacement.ts, corners.ts. */
export interface OpenLoopMetrics {
  readonly numPaths: number;
  /** Upstream definition: prefix means of the sample that is best over the full horizon. */
  readonly minAde: ByHorizon;
  /** Sample chosen anew at each horizon. */
  readonly minAdePerHorizon: ByHorizon;
  /** First sample, as upstream's "most likely" is in effect. */
  readonly ade: ByHorizon;
  /** Mean over all samples. */
  readonly meanAde: ByHorizon;
  /** Final distance of the first sample, and least over samples. */
  readonly fde: number;
  readonly minFde: number;
  /** 1 when no sample ends within 2 m of the logged end. */
  readonly miss: 0 | 1;
  readonly cornerMixture: ByHorizon;
  readonly cornerPerTrajectory: ByHorizon;
  /** Mean |error| along and across the logged heading, of the best sample. */
  readonly alongAbs: ByHorizon;
  readonly acrossAbs: ByHorizon;
  readonly bestSample: number;
  /** Distance of the best sample at each 0.1 s step. */
  readonly bestDisplacement: readonly number[];
}

export interface OpenLoopRow {
  readonly sampleId: string;
  readonly recordingId: string;
  /** What the car really did over the horizon. */
  readonly movement: Movement;
  readonly predictor: string;
  readonly status: "ok" | "failed";
  readonly error: string | null;
  readonly metrics: OpenLoopMetrics | null;
}

/** Whether the planned path does what the trace says; "not_applicable" when no rule covers this decision. */
export type ConsistencyVerdict = "consistent" | "inconsistent" | "not_applicable";

export interface DecisionRow {
  readonly sampleId: string;
  readonly recordingId: string;
  readonly predictor: string;
  readonly trace: string | null;
  readonly oracle: DecisionJson;
  /** null: the trace could not be parsed (or there is none); counts as wrong. */
  readonly predicted: DecisionJson | null;
  /** Verdict on the trace and the predictor's own first path; null when it was not looked at. */
  readonly consistency: ConsistencyVerdict | null;
  readonly consistencyReasons: readonly string[];
}

/** One scene driven by one policy. */
export interface ClosedLoopRow {
  readonly policy: string;
  readonly sceneId: string;
  readonly kind: string;
  readonly seed: number;
  /** A driver that threw or never answered: score 0, flags as far as it came. */
  readonly status: "ok" | "failed";
  readonly error: string | null;
  /** AlpaSim scene score in [0, 1]: 0 after an at-fault collision or off-road, else min(progress / 0.8, 1). */
  readonly score: number;
  readonly collisionAtFault: boolean;
  readonly collisionAny: boolean;
  readonly offroad: boolean;
  readonly redLight: boolean;
  readonly stopSign: boolean;
  readonly wrongLane: boolean;
  /** Share of the route done, [0, 1]. */
  readonly progress: number;
  /** Share of ticks within comfort bounds, [0, 1]. */
  readonly comfort: number;
  /** Least gap to any actor, m; null when there was none. */
  readonly minDistanceM: number | null;
  readonly km: number;
  readonly durationSecs: number;
}

/** One logged training step. */
export interface TrainMetricRow {
  readonly stage: "stage1" | "stage2";
  readonly split: "train" | "validation";
  readonly step: number;
  readonly loss: number;
  /** Parts of the loss by name, e.g. { text: 1.2, trajectory: 3.4 }. */
  readonly lossParts: Readonly<Record<string, number>>;
  readonly learningRate: number | null;
  readonly samplesPerSec: number | null;
  /** Seconds since the stage began. */
  readonly wallSecs: number | null;
}

/** Facts about a run for the head of the report. */
export interface RunFacts {
  readonly id: string;
  readonly title: string;
  readonly recipe: string;
  readonly seed: number;
  readonly commit: string | null;
  /** ISO date and time, or null when it is not to be shown. */
  readonly finishedAt: string | null;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGb: number;
  } | null;
  readonly model: { readonly name: string; readonly parameters: number } | null;
  readonly dataset: {
    readonly fingerprint: string;
    readonly trainRecordings: number;
    readonly heldOutRecordings: number;
    readonly hours: number;
  } | null;
  /** Wall seconds per stage of the run, in order. */
  readonly stages: readonly { readonly name: string; readonly secs: number }[];
  /** Further facts, shown as they are. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Warnings that a reader must see, e.g. "expert is stale". */
  readonly warnings: readonly string[];
}
