/** What the topics of importers share: where a case's recording lies, and comparing detector intervals. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";

/** Folder of the recording that a case is about: inside the case, or in `data/` beside the golden sets. Null: not there. */
export function recordingOf(dir: string, file: string): string | null {
  const places = [join(dir, "data"), join(dir, "..", "..", "data", basename(dir))];
  return places.find((place) => existsSync(join(place, file))) ?? null;
}

export interface TickRow {
  readonly action: string;
  readonly start_tick: number;
  readonly end_tick: number;
}
interface Interval {
  readonly action: string;
  readonly startTick: number;
  readonly endTick: number;
}

/** Why two lists differ, or null. Boundaries may be off by `ticks`. */
export function intervalProblem(
  ours: readonly Interval[],
  theirs: readonly TickRow[],
  ticks: number,
): string | null {
  const show = (rows: readonly (readonly [string, number, number])[]) =>
    rows.map(([action, from, to]) => `${action} ${from}-${to}`).join(", ");
  const isSame =
    ours.length === theirs.length &&
    ours.every((interval, i) => {
      const want = theirs[i] as TickRow;
      return (
        interval.action === want.action &&
        Math.abs(interval.startTick - want.start_tick) <= ticks &&
        Math.abs(interval.endTick - want.end_tick) <= ticks
      );
    });
  if (isSame) return null;
  return `expected ${show(theirs.map((r) => [r.action, r.start_tick, r.end_tick]))}; got ${show(ours.map((r) => [r.action, r.startTick, r.endTick]))}`;
}

/** Largest absolute difference of two equally long lists, modulo `period`; infinite when they are not as long. */
export function worstDifference(
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  period: number | null = null,
): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < ours.length; i++) {
    const difference = (ours[i] as number) - (theirs[i] as number);
    const turns = period === null ? 0 : Math.round(difference / period) * period;
    worst = Math.max(worst, Math.abs(difference - turns));
  }
  return worst;
}
