/** A part of a drive as a drive of its own: times begin at 0, the world frame stays, the recording is named. */
import type { EgoMotion } from "@causeway/geom";
import type { Drive } from "../drive.ts";
import { DataConfigError } from "../errors.ts";
import { hasMotion } from "../motion-columns.ts";
import { sliceMotion } from "./motion-score.ts";

/** Part of the key of cut clips: raise it when the same window gives another drive. */
export const cutVersion = 1;

/** @param window half-open, microseconds of the drive */
export function cutDrive(
  drive: Drive,
  window: { readonly startUs: number; readonly endUs: number },
  id: string,
): Drive {
  const { startUs, endUs } = window;
  const motion = sliceMotion(drive.egoMotion, startUs, endUs);
  if (hasMotion(drive) && motion.stampUs.length < 2) {
    throw new DataConfigError(
      `cut ${drive.id}: ${motion.stampUs.length} poses between ${startUs} and ${endUs} us; expected at least 2.`,
    );
  }
  const inside = <T extends { readonly stampUs: number }>(rows: readonly T[]): T[] =>
    rows
      .filter((r) => r.stampUs >= startUs && r.stampUs <= endUs)
      .map((r) => ({ ...r, stampUs: r.stampUs - startUs }));
  const layer = <T extends { readonly stampUs: number }>(rows: readonly T[] | null) =>
    rows === null ? null : inside(rows);
  // What held before the cut still holds at its start.
  const route =
    drive.route === null
      ? null
      : drive.route
          .filter(
            (step, i, all) =>
              step.stampUs > startUs ||
              !((all[i + 1]?.stampUs ?? Number.POSITIVE_INFINITY) <= startUs),
          )
          .filter((step) => step.stampUs <= endUs)
          .map((step) => ({
            ...step,
            stampUs: Math.max(0, step.stampUs - startUs),
            // The distance is told for the step's own time; what was driven since is behind.
            distanceM:
              step.distanceM === null
                ? null
                : Math.max(0, step.distanceM - drivenM(drive.egoMotion, step.stampUs, startUs)),
          }));
  const secs = (us: number) => (us / 1e6).toFixed(1);
  const { clockOffsetUs } = drive.source;
  return {
    ...drive,
    id,
    source: {
      ...drive.source,
      recording: drive.source.recording ?? drive.id,
      ...(clockOffsetUs === undefined ? {} : { clockOffsetUs: clockOffsetUs - startUs }),
      notes: [...drive.source.notes, `Cut from ${drive.id}, ${secs(startUs)} … ${secs(endUs)} s.`],
    },
    durationUs: endUs - startUs,
    egoMotion: { ...motion, stampUs: motion.stampUs.map((t) => t - startUs) } satisfies EgoMotion,
    cameras: drive.cameras.map((c) => ({ ...c, frames: inside(c.frames) })),
    actors: layer(drive.actors),
    lights: layer(drive.lights),
    route,
    decisions: layer(drive.decisions),
    ...(drive.reasoning === undefined ? {} : { reasoning: inside(drive.reasoning) }),
    ...(drive.questions === undefined ? {} : { questions: inside(drive.questions) }),
    ...(drive.takeovers === undefined ? {} : { takeovers: inside(drive.takeovers) }),
  };
}

/** Way driven from one time to a later one; 0 when it is not later. */
function drivenM({ stampUs, x, y }: EgoMotion, fromUs: number, toUs: number): number {
  let metres = 0;
  for (let i = 1; i < stampUs.length && stampUs[i] <= toUs; i++) {
    if (stampUs[i - 1] >= fromUs) metres += Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]);
  }
  return metres;
}
