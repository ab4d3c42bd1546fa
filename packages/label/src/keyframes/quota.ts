/** Balance across recordings: at most so many keyframes per stratum. */
import type { Rng } from "@causeway/geom";
import { stratumKey, type Keyframe } from "./keyframes.ts";

/** What the quota asks of a keyframe. */
export type QuotaKeyframe = Pick<Keyframe, "t0Tick" | "score" | "stratum">;

export interface DriveKeyframe<K extends QuotaKeyframe = Keyframe> {
  readonly driveId: string;
  readonly keyframe: K;
}

export interface QuotaResult<K extends QuotaKeyframe = Keyframe> {
  readonly chosen: readonly DriveKeyframe<K>[];
  readonly dropped: readonly (DriveKeyframe<K> & { readonly reason: string })[];
  /** Stratum -> found and chosen. */
  readonly counts: ReadonlyMap<string, { readonly found: number; readonly chosen: number }>;
}

/**
 * Keeps up to `perStratum` keyframes of each stratum, spread over drives: first every drive's best one, then the second
 * ones, and so on; `rng` breaks ties, so no drive is favoured by its name. Input order decides nothing.
 */
export function applyQuota<K extends QuotaKeyframe>(
  found: readonly DriveKeyframe<K>[],
  perStratum: number,
  rng: Rng,
): QuotaResult<K> {
  const strata = new Map<string, DriveKeyframe<K>[]>();
  for (const entry of found) {
    const key = stratumKey(entry.keyframe.stratum);
    const list = strata.get(key);
    if (list === undefined) strata.set(key, [entry]);
    else list.push(entry);
  }
  const chosen: DriveKeyframe<K>[] = [];
  const dropped: (DriveKeyframe<K> & { reason: string })[] = [];
  const counts = new Map<string, { found: number; chosen: number }>();
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  for (const key of [...strata.keys()].sort(byName)) {
    const list = strata.get(key) as DriveKeyframe<K>[];
    const perDrive = new Map<string, number>();
    const stratumRng = rng.fork(key);
    const ordered = [...list]
      .sort(
        (a, b) =>
          b.keyframe.score - a.keyframe.score ||
          byName(a.driveId, b.driveId) ||
          a.keyframe.t0Tick - b.keyframe.t0Tick,
      )
      .map((entry) => {
        const round = perDrive.get(entry.driveId) ?? 0;
        perDrive.set(entry.driveId, round + 1);
        return { entry, round, tie: stratumRng.next() };
      })
      .sort(
        (a, b) =>
          a.round - b.round || b.entry.keyframe.score - a.entry.keyframe.score || a.tie - b.tie,
      );
    ordered.forEach(({ entry }, i) => {
      if (i < perStratum) chosen.push(entry);
      else
        dropped.push({ ...entry, reason: `quota: ${perStratum} of ${list.length} kept in ${key}` });
    });
    counts.set(key, { found: list.length, chosen: Math.min(perStratum, list.length) });
  }
  chosen.sort((a, b) => byName(a.driveId, b.driveId) || a.keyframe.t0Tick - b.keyframe.t0Tick);
  return { chosen, dropped, counts };
}
