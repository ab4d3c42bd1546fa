/** Everything that one page about a recording's motion draws. */
import type { RoadMap } from "@causeway/data";
import { motionSeries, type EgoMotion, type MotionSeries } from "@causeway/geom";
import {
  chooseKeyframes,
  type KeyframeChoice,
  type KeyframeOptions,
} from "./keyframes/keyframes.ts";
import { detectLaneActions } from "./lanes/lane-actions.ts";
import { findManoeuvres } from "./manoeuvres/manoeuvres.ts";
import type { Manoeuvre } from "./manoeuvres/kinds.ts";
import { columnsOf } from "./meta-actions/features.ts";
import { detectMetaActions, type MetaActions, noMetaActions } from "./meta-actions/tidy.ts";

export interface InspectSeries {
  /** 10 Hz columns: stamps, speed, acceleration, curvature … */
  readonly series: MotionSeries;
  /** Bands on the same ticks. */
  readonly metaActions: MetaActions;
  /** Found from the track alone, with or without a map. */
  readonly manoeuvres: readonly Manoeuvre[];
  readonly keyframes: KeyframeChoice["keyframes"];
  readonly droppedKeyframes: KeyframeChoice["dropped"];
}

function noSeries(): MotionSeries {
  const empty = new Float64Array(0);
  return {
    dtSecs: 0.1,
    stampUs: empty,
    x: empty,
    y: empty,
    yaw: empty,
    vxMps: empty,
    vyMps: empty,
    speedMps: empty,
    signedSpeedMps: empty,
    accelMps2: empty,
    yawRateRadps: empty,
    curvaturePerM: empty,
  };
}

/**
 * @param motion without rows (a drive without ego motion) nothing is found, and each axis says why
 * @param map of the drive; without one there is no lane axis, only manoeuvres
 */
export function inspectMotion(
  motion: EgoMotion,
  options?: KeyframeOptions,
  map: RoadMap | null = null,
): InspectSeries {
  if (motion.stampUs.length === 0) {
    return {
      series: noSeries(),
      metaActions: noMetaActions("the drive has no ego motion"),
      manoeuvres: [],
      keyframes: [],
      droppedKeyframes: [],
    };
  }
  const series = motionSeries(motion);
  const columns = columnsOf(series);
  const found = detectMetaActions(columns, series.stampUs[0]);
  const metaActions: MetaActions = {
    ...found,
    axes: { ...found.axes, lane: detectLaneActions(columns, map, series.stampUs[0]) },
  };
  const { keyframes, dropped } = chooseKeyframes(metaActions, columns, options);
  return {
    series,
    metaActions,
    manoeuvres: findManoeuvres(columns),
    keyframes,
    droppedKeyframes: dropped,
  };
}
