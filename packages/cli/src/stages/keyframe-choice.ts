/**
 * labels/keyframes.jsonl: the moments of a whole dataset that are worth a label, balanced over strata, and those that the
 * quota leaves out. One row each, with the reason; the id joins it with labels.
 */
import { createRng } from "@causeway/geom";
import { applyQuota, type DriveKeyframe, type Keyframe, stratumKey } from "@causeway/label";
import { readJsonl, writeJsonl } from "@causeway/data";

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

/** @param perStratum null: all are chosen */
export async function writeKeyframes(
  metaActionsPath: string,
  path: string,
  perStratum: number | null,
  seed: number,
): Promise<{ readonly chosen: number; readonly leftOut: number }> {
  const found: DriveKeyframe[] = [];
  for await (const row of readJsonl(metaActionsPath)) {
    const { driveId, keyframes } = row as { driveId: string; keyframes: readonly Keyframe[] };
    for (const keyframe of keyframes) found.push({ driveId, keyframe });
  }
  const { chosen, dropped } = applyQuota(
    found,
    perStratum ?? Number.POSITIVE_INFINITY,
    createRng(seed),
  );
  const rowOf = (
    { driveId, keyframe }: DriveKeyframe,
    isChosen: boolean,
    reason: string,
  ): KeyframeRow => ({
    id: `${driveId}@${keyframe.t0Us}`,
    driveId,
    t0Us: keyframe.t0Us,
    score: keyframe.score,
    stratum: stratumKey(keyframe.stratum),
    isChosen,
    reason,
  });
  await writeJsonl(path, [
    ...chosen.map((k) => rowOf(k, true, k.keyframe.reason)),
    ...dropped.map((k) => rowOf(k, false, k.reason)),
  ]);
  return { chosen: chosen.length, leftOut: dropped.length };
}
