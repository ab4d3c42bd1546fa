/**
 * labels/keyframes.jsonl: the moments of a whole dataset that are worth a label, balanced over strata, and those that the
 * quota leaves out. One row each, with the reason; the id joins it with labels.
 */
import { createRng } from "@causeway/geom";
import {
  applyQuota,
  type DriveKeyframe,
  type Keyframe,
  type QuotaKeyframe,
  type Stratum,
  stratumKey,
} from "@causeway/label";
import { readJsonl, writeRows } from "@causeway/data";

/** A row of labels/keyframes.jsonl. */
export interface KeyframeRow {
  /** `${driveId}@${t0Us}` */
  readonly id: string;
  readonly driveId: string;
  readonly t0Us: number;
  readonly score: number;
  readonly stratum: string;
  readonly isChosen: boolean;
  /** Why it is chosen, or why it is not. */
  readonly reason: string;
}

/** What is kept of a keyframe while the quota is decided: about a hundred bytes each. */
interface Candidate extends QuotaKeyframe {
  readonly t0Us: number;
}

async function* keyframesOf(metaActionsPath: string): AsyncGenerator<DriveKeyframe> {
  for await (const row of readJsonl(metaActionsPath)) {
    const { driveId, keyframes } = row as { driveId: string; keyframes: readonly Keyframe[] };
    for (const keyframe of keyframes) yield { driveId, keyframe };
  }
}

async function candidatesOf(metaActionsPath: string): Promise<DriveKeyframe<Candidate>[]> {
  const found: DriveKeyframe<Candidate>[] = [];
  const strata = new Map<string, Stratum>();
  for await (const { driveId, keyframe } of keyframesOf(metaActionsPath)) {
    const { t0Tick, t0Us, score } = keyframe;
    const key = stratumKey(keyframe.stratum);
    const stratum = strata.get(key) ?? keyframe.stratum;
    strata.set(key, stratum);
    found.push({ driveId, keyframe: { t0Tick, t0Us, score, stratum } });
  }
  return found;
}

const idOf = (driveId: string, t0Us: number): string => `${driveId}@${t0Us}`;

/**
 * Drives of `metaActionsPath` in the order of their ids. Without a quota nothing is kept in memory.
 *
 * @param perStratum null: all are chosen
 */
export async function writeKeyframes(
  metaActionsPath: string,
  path: string,
  perStratum: number | null,
  seed: number,
): Promise<{ readonly chosen: number; readonly leftOut: number }> {
  const { dropped } =
    perStratum === null
      ? { dropped: [] }
      : applyQuota(await candidatesOf(metaActionsPath), perStratum, createRng(seed));
  const isLeftOut = new Set(dropped.map((k) => idOf(k.driveId, k.keyframe.t0Us)));
  const rowOf = (
    driveId: string,
    keyframe: Candidate,
    isChosen: boolean,
    reason: string,
  ): KeyframeRow => ({
    id: idOf(driveId, keyframe.t0Us),
    driveId,
    t0Us: keyframe.t0Us,
    score: keyframe.score,
    stratum: stratumKey(keyframe.stratum),
    isChosen,
    reason,
  });
  let chosen = 0;
  await writeRows(path, async (put) => {
    for await (const { driveId, keyframe } of keyframesOf(metaActionsPath)) {
      if (isLeftOut.has(idOf(driveId, keyframe.t0Us))) continue;
      await put(rowOf(driveId, keyframe, true, keyframe.reason));
      chosen++;
    }
    for (const { driveId, keyframe, reason } of dropped)
      await put(rowOf(driveId, keyframe, false, reason));
  });
  return { chosen, leftOut: dropped.length };
}
