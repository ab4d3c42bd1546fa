/**
 * Scene scores from run metrics, side by side: AlpaSim's scene score, an EPDMS-style score (NAVSIM v2) and incidents
 * per kilometre. Definitions: AlpaSim 0.54 (evaluation), NAVSIM v2 paper.
 */
import type { RunMetrics } from "./metrics.ts";

/** Runs whose reference is shorter than this get full progress. */
export const shortReferenceM = 5;

export interface ProgressInput {
  /** Share of the reference path driven, at the end of the counted part. */
  readonly progress: number;
  readonly referenceLengthM: number;
}

/** 0 after an at-fault collision or off-road, else min(progress / 0.8, 1); 1 for references under 5 m. */
export function alpasimScore(metrics: RunMetrics, input: ProgressInput): number {
  if (metrics.collisionAtFault || metrics.offroad) return 0;
  if (input.referenceLengthM < shortReferenceM) return 1;
  return Math.max(0, Math.min(1, input.progress / 0.8));
}

export interface EpdmsTerms {
  readonly noCollision: number;
  readonly drivableArea: number;
  readonly drivingDirection: number;
  readonly trafficLight: number;
  readonly progress: number;
  readonly timeToCollision: number;
  readonly laneKeeping: number;
  readonly historyComfort: number;
  readonly extendedComfort: number;
}

/** The terms of one run. `plansAgree` is the extended-comfort test on consecutive plans. */
export function epdmsTerms(
  metrics: RunMetrics,
  input: ProgressInput,
  plansAgree: boolean,
): EpdmsTerms {
  const d = metrics.discomfort;
  const uncomfortable = d.lonAccel || d.latAccel || d.jerk || d.lonJerk || d.yawRate || d.yawAccel;
  const against = metrics.maxOncomingMetersPerSec;
  return {
    noCollision: metrics.collisionAtFault ? 0 : 1,
    drivableArea: metrics.offroad ? 0 : 1,
    drivingDirection: against < 2 ? 1 : against < 6 ? 0.5 : 0,
    trafficLight: metrics.redLight ? 0 : 1,
    progress:
      input.referenceLengthM < shortReferenceM ? 1 : Math.max(0, Math.min(1, input.progress)),
    timeToCollision: metrics.ttcViolated ? 0 : 1,
    laneKeeping: metrics.laneKeepViolated ? 0 : 1,
    historyComfort: uncomfortable ? 0 : 1,
    extendedComfort: plansAgree ? 1 : 0,
  };
}

/**
 * NC * DAC * DDC * TLC * (5 EP + 5 TTC + 2 LK + 2 HC + 2 EC) / 16. A term that the reference driver itself scores 0
 * on counts as 1.
 */
export function epdmsScore(terms: EpdmsTerms, reference: EpdmsTerms | null): number {
  const t = (name: keyof EpdmsTerms) =>
    reference !== null && reference[name] === 0 ? 1 : terms[name];
  const weighted =
    5 * t("progress") +
    5 * t("timeToCollision") +
    2 * t("laneKeeping") +
    2 * t("historyComfort") +
    2 * t("extendedComfort");
  return (
    (t("noCollision") * t("drivableArea") * t("drivingDirection") * t("trafficLight") * weighted) /
    16
  );
}

export interface IncidentRate {
  readonly km: number;
  readonly incidents: number;
  /** Infinity when there was none. */
  readonly kmPerIncident: number;
}

/** Kilometres per run with an incident: any collision or off-road, or only at-fault ones. */
export function incidentRate(runs: readonly RunMetrics[], atFaultOnly: boolean): IncidentRate {
  let km = 0;
  let incidents = 0;
  for (const run of runs) {
    km += run.distTraveledM / 1000;
    const bad = run.offroad || (atFaultOnly ? run.collisionAtFault : run.collisionAny);
    if (bad) incidents++;
  }
  return {
    km,
    incidents,
    kmPerIncident: incidents === 0 ? Number.POSITIVE_INFINITY : km / incidents,
  };
}
