/**
 * Closed loop: per policy and per scenario kind. The independent unit is the scene (one kind and seed), so means
 * are bootstrapped over scenes, and two policies are compared scene by scene.
 * Three views side by side: AlpaSim scene score, single incident rates, and incidents per kilometre.
 */
import type { ClosedLoopRow } from "../artefacts.ts";
import { EvalError } from "../errors.ts";
import {
  type BootstrapOptions,
  bootstrapMean,
  bootstrapRatio,
  bootstrapShare,
  defaultBootstrap,
  type Estimate,
} from "./bootstrap.ts";

/** Progress at which a scene counts as done. */
export const fullProgress = 0.8;

/** AlpaSim scene score: 0 after an at-fault collision or leaving the road, else min(progress / 0.8, 1). */
export function alpasimSceneScore(scene: {
  readonly collisionAtFault: boolean;
  readonly offroad: boolean;
  readonly progress: number;
}): number {
  if (scene.collisionAtFault || scene.offroad) return 0;
  return Math.max(0, Math.min(scene.progress / fullProgress, 1));
}

export const incidentFlags = [
  "collisionAtFault",
  "collisionAny",
  "offroad",
  "redLight",
  "stopSign",
  "wrongLane",
] as const;
export type IncidentFlag = (typeof incidentFlags)[number];

export interface ClosedLoopAggregate {
  readonly scenes: number;
  readonly failed: number;
  readonly km: number;
  readonly score: Estimate;
  readonly progress: Estimate;
  readonly comfort: Estimate;
  /** Share of scenes with the incident. */
  readonly rates: Readonly<Record<IncidentFlag, Estimate>>;
  /** Scenes with any collision or off-road over kilometres; ratio of sums. */
  readonly incidentsPerKm: Estimate;
  /** The same with collisions that were the ego's fault. */
  readonly atFaultIncidentsPerKm: Estimate;
  /** Mean over scenes with actors of the least gap, m. */
  readonly minDistanceM: Estimate;
}

export interface ClosedLoopSummary extends ClosedLoopAggregate {
  readonly policy: string;
  /** By scenario kind, in alphabetical order. */
  readonly kinds: readonly (ClosedLoopAggregate & { readonly kind: string })[];
}

const bySceneId = (a: ClosedLoopRow, b: ClosedLoopRow) =>
  a.sceneId < b.sceneId ? -1 : a.sceneId > b.sceneId ? 1 : 0;

function aggregate(rows: readonly ClosedLoopRow[], options: BootstrapOptions): ClosedLoopAggregate {
  const scenes = rows.map((row) => row.sceneId);
  const km = rows.map((row) => row.km);
  const bounded = (of: (row: ClosedLoopRow) => number) =>
    bootstrapShare(rows.map(of), scenes, options);
  const share = (flag: IncidentFlag) =>
    bootstrapShare(
      rows.map((row) => row[flag]),
      scenes,
      options,
    );
  const perKm = (of: (row: ClosedLoopRow) => boolean) =>
    bootstrapRatio(
      rows.map((row) => (of(row) ? 1 : 0)),
      km,
      scenes,
      options,
    );
  const withActors = rows.filter((row) => row.minDistanceM !== null);
  return {
    scenes: rows.length,
    failed: rows.filter((row) => row.status === "failed").length,
    km: km.reduce((a, b) => a + b, 0),
    // A driver that crashed scores 0 whatever its row says.
    score: bounded((row) => (row.status === "failed" ? 0 : row.score)),
    progress: bounded((row) => row.progress),
    comfort: bounded((row) => row.comfort),
    rates: {
      collisionAtFault: share("collisionAtFault"),
      collisionAny: share("collisionAny"),
      offroad: share("offroad"),
      redLight: share("redLight"),
      stopSign: share("stopSign"),
      wrongLane: share("wrongLane"),
    },
    incidentsPerKm: perKm((row) => row.collisionAny || row.offroad),
    atFaultIncidentsPerKm: perKm((row) => row.collisionAtFault || row.offroad),
    minDistanceM: bootstrapMean(
      withActors.map((row) => row.minDistanceM as number),
      withActors.map((row) => row.sceneId),
      options,
    ),
  };
}

export function summariseClosedLoop(
  policy: string,
  rows: readonly ClosedLoopRow[],
  options: BootstrapOptions = defaultBootstrap,
): ClosedLoopSummary {
  const mine = rows.filter((row) => row.policy === policy).sort(bySceneId);
  mine.forEach((row, i) => {
    if (i > 0 && mine[i - 1].sceneId === row.sceneId) {
      throw new EvalError("join", `closed loop: "${policy}" has scene "${row.sceneId}" twice.`);
    }
    if (!(row.score >= 0 && row.score <= 1)) {
      throw new EvalError(
        "format",
        `closed loop: scene "${row.sceneId}" of "${policy}" has score ${row.score}; expected a number in [0, 1].`,
      );
    }
  });
  const kinds = [...new Set(mine.map((row) => row.kind))].sort();
  return {
    policy,
    ...aggregate(mine, options),
    kinds: kinds.map((kind) => ({
      kind,
      ...aggregate(
        mine.filter((row) => row.kind === kind),
        options,
      ),
    })),
  };
}

/** Mean of score(a) − score(b) over the scenes that both drove, paired by scene. */
export function scoreDifference(
  rows: readonly ClosedLoopRow[],
  a: string,
  b: string,
  options: BootstrapOptions = defaultBootstrap,
): Estimate {
  const score = (row: ClosedLoopRow) => (row.status === "failed" ? 0 : row.score);
  const other = new Map(rows.filter((row) => row.policy === b).map((row) => [row.sceneId, row]));
  const pairs = rows.filter((row) => row.policy === a && other.has(row.sceneId)).sort(bySceneId);
  return bootstrapMean(
    pairs.map((row) => score(row) - score(other.get(row.sceneId) as ClosedLoopRow)),
    pairs.map((row) => row.sceneId),
    options,
  );
}
