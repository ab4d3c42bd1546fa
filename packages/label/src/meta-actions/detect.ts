import { checkColumns, featuresOf, type EgoColumns, type Features } from "./features.ts";
import {
  nv202605,
  type LateralAction,
  type LateralStat,
  type LongitudinalAction,
  type LongitudinalStat,
  type MetaActionRules,
} from "./rules.ts";
import { segmentAxis, type AxisSegments } from "./segmenter.ts";

export interface MetaActionSegments {
  readonly tickCount: number;
  readonly features: Features;
  readonly longitudinal: AxisSegments<LongitudinalStat, LongitudinalAction>;
  readonly lateral: AxisSegments<LateralStat, LateralAction>;
}

/**
 * Longitudinal and lateral pieces of a 10 Hz recording, before and after cleaning.
 * The last tick has no label of its own: both axes end at tick n - 1, as in the original.
 */
export function segmentMetaActions(
  columns: EgoColumns,
  rules: MetaActionRules = nv202605,
): MetaActionSegments {
  const n = checkColumns(columns);
  const { dtSecs, smoothingTicks } = rules;
  const features = featuresOf(columns, dtSecs, smoothingTicks);
  return {
    tickCount: n,
    features,
    longitudinal: segmentAxis(rules.longitudinal, features.longitudinal, dtSecs, n, n - 1),
    lateral: segmentAxis(rules.lateral, features.lateral, dtSecs, n - 1, n - 1),
  };
}
