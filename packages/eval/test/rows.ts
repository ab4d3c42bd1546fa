/** Small rows for tests. */
import type {
  ClosedLoopRow,
  DecisionJson,
  DecisionRow,
  EvalSampleRow,
  PredictionRow,
} from "@causeway/eval";
import { pathToJson } from "@causeway/eval";
import { historyOf, straight } from "./paths.ts";

export function sampleRow(
  id: string,
  recordingId: string,
  oracle: DecisionJson | null = null,
): EvalSampleRow {
  return {
    sampleId: id,
    recordingId,
    t0Us: 2_000_000,
    scenario: "lead_brake",
    history: pathToJson(historyOf(10, 0, 0)),
    future: pathToJson(straight(10)),
    oracle: oracle === null ? null : { ...oracle, trace: "because" },
  };
}

export function predictionRow(
  sampleId: string,
  predictor: string,
  offsetsM: readonly number[],
  reasoning: string | null = null,
): PredictionRow {
  return {
    sampleId,
    predictor,
    status: "ok",
    error: null,
    paths: offsetsM.map((offset) => pathToJson(straight(10, offset))),
    reasoning,
  };
}

export const keep: DecisionJson = {
  longitudinal: "set_speed_tracking",
  lateral: "lane_keep",
  lateralSide: null,
};
export const follow: DecisionJson = {
  longitudinal: "lead_following",
  lateral: "lane_keep",
  lateralSide: null,
};
export const turnLeft: DecisionJson = {
  longitudinal: "set_speed_tracking",
  lateral: "turn",
  lateralSide: "left",
};
export const turnRight: DecisionJson = { ...turnLeft, lateralSide: "right" };

export function decisionRow(
  sampleId: string,
  oracle: DecisionJson,
  predicted: DecisionJson | null,
  consistency: DecisionRow["consistency"] = "consistent",
  recordingId = sampleId,
): DecisionRow {
  return {
    sampleId,
    recordingId,
    predictor: "model",
    trace: "t",
    oracle,
    predicted,
    consistency: predicted === null ? null : consistency,
    consistencyReasons: [],
  };
}

export function sceneRow(
  policy: string,
  sceneId: string,
  over: Partial<ClosedLoopRow> = {},
): ClosedLoopRow {
  return {
    policy,
    sceneId,
    kind: "lead_brake",
    seed: 1,
    status: "ok",
    error: null,
    score: 1,
    collisionAtFault: false,
    collisionAny: false,
    offroad: false,
    redLight: false,
    stopSign: false,
    wrongLane: false,
    progress: 1,
    comfort: 1,
    minDistanceM: 5,
    km: 0.2,
    durationSecs: 20,
    ...over,
  };
}
