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
export {
  applyQuota,
  type DriveKeyframe,
  type QuotaKeyframe,
  type QuotaResult,
} from "./keyframes/quota.ts";
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
export {
  componentKindCategories,
  type TaughtKind,
  taughtKinds,
} from "./teacher/component-kinds.ts";
export {
  type CostEstimate,
  estimateCost,
  replyTokensPerKeyframe,
  requestTokens,
  tokensPerPicture,
} from "./teacher/cost.ts";
export { DriveShelf } from "./teacher/drive-shelf.ts";
export { type Overlay, overlayPictures, overlays } from "./teacher/overlay.ts";
export {
  componentsPrompt,
  decisionPrompt,
  type PromptTemplate,
  teacherPromptHash,
  teacherPromptVersion,
} from "./teacher/prompts.ts";
export {
  checkComponents,
  checkDecision,
  type Checked,
  type ComponentsReply,
  type DecisionReply,
  firstJsonObject,
  type TaughtComponent,
} from "./teacher/replies.ts";
export { componentsRequest, decisionRequest, teacherSampling } from "./teacher/requests.ts";
export {
  lessonOf,
  runTeacher,
  type TeacherItem,
  type TeacherOptions,
} from "./teacher/run-teacher.ts";
export { type CallRecord, type Lesson, teach, type TeacherRow } from "./teacher/teach.ts";
export { TeacherError, type TeacherErrorKind } from "./teacher/teacher-error.ts";
export { labelFromTeacher, unverified } from "./teacher/teacher-label.ts";
export {
  cutMotion,
  defaultWindow,
  type FutureEvidence,
  futureEvidence,
  type HistoryEvidence,
  historyEvidence,
  type WindowOptions,
} from "./teacher/window.ts";
export { distanceTolerance, objectRules, type ObjectRule } from "./verify/object-rules.ts";
export {
  defaultSight,
  type LaneMoves,
  type SceneEvidence,
  sceneEvidence,
  type SceneLayers,
  sceneLayers,
  type SeenAgent,
  type SightOptions,
} from "./verify/scene-evidence.ts";
export {
  defaultDuplicates,
  type DuplicateGroup,
  type DuplicateOptions,
  findNearDuplicates,
  jaccard,
} from "./verify/near-duplicates.ts";
export { type Agreement, agreementOf, type Rate, rateOf } from "./verify/rates.ts";
export {
  type Manoeuvre,
  type ManoeuvreKind,
  manoeuvreKinds,
} from "./manoeuvres/kinds.ts";
export { findManoeuvres } from "./manoeuvres/manoeuvres.ts";
export {
  detectLaneActions,
  type LaneAction,
  laneActions,
  laneThresholds,
} from "./lanes/lane-actions.ts";
export { type LaneTrack, trackLanes } from "./lanes/match.ts";
export {
  type KeyframeRule,
  type Scenario,
  scenarioCatalogue,
  type ScenarioCondition,
  type ScenarioId,
  scenarioIds,
} from "./scenarios/catalogue.ts";
export { findScenarios, type ScenarioInput, type ScenarioOccurrence } from "./scenarios/find.ts";
export {
  type Control,
  type ControlKind,
  drawControls,
} from "./critic/controls.ts";
export {
  type CriticAnswer,
  criticise,
  criticPrompt,
  type CriticRow,
  criticSampling,
  type CriticScore,
  readAnswers,
  scoreOf,
} from "./critic/critic.ts";
export { type CriticQuestion, type CriticTask, questionsFor } from "./critic/questions.ts";
export { type CriticOptions, runCritic } from "./critic/run-critic.ts";
export { reviewPage, reviewPageAssets, type ReviewPageOptions } from "./review/page.ts";
export { reviewItem, type ReviewItem, reviewOrder, type ReviewPicture } from "./review/queue.ts";
export {
  applyReview,
  authorsOf,
  historyRowSchema,
  labelContentHash,
  mergeReviews,
  type MergeResult,
  parseReviewFile,
  replayReviews,
  reviewerStats,
  type ReviewFile,
  reviewFileSchemaId,
  type ReviewHistoryRow,
  type ReviewRecord,
} from "./review/review-record.ts";
export { type Collected, collectTaught } from "./teacher/collect.ts";
export { type PartQueueOptions, type PartsResult, workParts } from "./teacher/part-queue.ts";
export { shardOf } from "./teacher/shard-env.ts";
export {
  aggregate,
  type ControlResult,
  disagreement,
  type Verified,
  type VerifyReport,
} from "./verify/aggregate.ts";
export {
  defaultPolicy,
  type Judgement,
  judgeLabel,
  type Policy,
  policySchema,
  readPolicy,
} from "./verify/policy.ts";
