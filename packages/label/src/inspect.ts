/** Everything that one page about a recording's motion draws. */
import { motionSeries, type EgoMotion, type MotionSeries } from "@causeway/geom";
import {
  chooseKeyframes,
  type KeyframeChoice,
  type KeyframeOptions,
} from "./keyframes/keyframes.ts";
import { columnsOf } from "./meta-actions/features.ts";
import { detectMetaActions, type MetaActions } from "./meta-actions/tidy.ts";

export interface InspectSeries {
  /** 10 Hz columns: stamps, speed, acceleration, curvature … */
  readonly series: MotionSeries;
  /** Bands on the same ticks. */
  readonly metaActions: MetaActions;
  readonly keyframes: KeyframeChoice["keyframes"];
  readonly droppedKeyframes: KeyframeChoice["dropped"];
}

export function inspectMotion(motion: EgoMotion, options?: KeyframeOptions): InspectSeries {
  const series = motionSeries(motion);
  const columns = columnsOf(series);
  const metaActions = detectMetaActions(columns, series.stampUs[0]);
  const { keyframes, dropped } = chooseKeyframes(metaActions, columns, options);
  return { series, metaActions, keyframes, droppedKeyframes: dropped };
}
