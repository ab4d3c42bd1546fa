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
