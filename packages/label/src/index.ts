export { canonicalJson, hashColumns, hashJson } from "./hash.ts";
export { segmentMetaActions, type MetaActionSegments } from "./meta-actions/detect.ts";
export { columnsOf, egoColumns, type EgoColumns } from "./meta-actions/features.ts";
export {
  referenceIntervals,
  referenceStrings,
  referenceText,
  type TickInterval,
} from "./meta-actions/reference-format.ts";
export {
  lateralActions,
  longitudinalActions,
  nv202605,
  type LateralAction,
  type LateralStat,
  type LongitudinalAction,
  type LongitudinalStat,
  type MetaActionRules,
} from "./meta-actions/rules.ts";
export type { AxisSegments, Segment } from "./meta-actions/segmenter.ts";
export {
  detectMetaActions,
  type IntervalStats,
  type MetaActionAxis,
  type MetaActionInterval,
  type MetaActions,
} from "./meta-actions/tidy.ts";
export { inspectMotion, type InspectSeries } from "./inspect.ts";
export {
  chooseKeyframes,
  defaultKeyframeOptions,
  stratumKey,
  type DropCode,
  type DroppedKeyframe,
  type Keyframe,
  type KeyframeChoice,
  type KeyframeOptions,
  type Stratum,
  type Transition,
} from "./keyframes/keyframes.ts";
export { applyQuota, type DriveKeyframe, type QuotaResult } from "./keyframes/quota.ts";
export { keyframeRanks } from "./keyframes/rank.ts";
export {
  type CellGrid,
  perceptionChannels,
  type PerceptionChannel,
  type PerceptionScene,
  perceptionTargets,
} from "./perception/targets.ts";
export { parseTrace, type ParsedTrace, type SpeedClaim, type TraceClaims } from "./coc/parse.ts";
export {
  causeClauses,
  connectives,
  lateralClauses,
  longitudinalClauses,
  templateHash,
  templateVersion,
} from "./coc/phrases.ts";
export { causesOf, joinTrace, renderTrace, type EgoState } from "./coc/render.ts";
export { decisionAt, defaultOracleOptions, oracleLabel, type OracleOptions } from "./coc/oracle.ts";
export {
  cocLabelSchema,
  cocLabelSchemaId,
  LabelError,
  parseCocLabel,
  writeCocLabel,
  type CocLabel,
} from "./coc/schema.ts";
export { checkConsistency, checkPathConsistency, type MotionClaims } from "./verify/check.ts";
export {
  evidenceFromMotion,
  evidenceFromPath,
  type MotionEvidence,
} from "./verify/evidence.ts";
export { lateralRules, longitudinalRules, speedRules } from "./verify/kinematic-rules.ts";
export type { Finding, Outcome, RuleResult, Verdict } from "./verify/outcome.ts";
export { findSways, type Sway } from "./verify/sways.ts";
export { kinematics1, scaleThresholds, type KinematicThresholds } from "./verify/thresholds.ts";
export { fittingCauses, keyframeRules, labelRules, type LabelRule } from "./verify/label-rules.ts";
export { countOutcomes, statusFrom, verifyLabel, type VerifyInput } from "./verify/verify-label.ts";
