/** Clips: spans of a recording, by fixed stride or around events. What is left over is named, not lost. */
import { DataConfigError } from "../errors.ts";

/** Half-open: [startUs, endUs). */
export interface ClipWindow {
  readonly startUs: number;
  readonly endUs: number;
  /** The event that it was cut around. */
  readonly eventUs: number | null;
}
export interface LeftOver {
  readonly startUs: number;
  readonly endUs: number;
  readonly eventUs: number | null;
  readonly reason: string;
}
export interface Windows {
  readonly clips: readonly ClipWindow[];
  readonly leftOver: readonly LeftOver[];
}

export type WindowPolicy =
  /** The whole recording. */
  | { readonly kind: "drive" }
  /** Every `strideSecs` from the first pose; a tail of at least `leastSecs` is a shorter clip. */
  | {
      readonly kind: "stride";
      readonly lengthSecs: number;
      readonly strideSecs: number;
      readonly leastSecs: number;
    }
  /** Around every event; an event inside the clip of an earlier one is covered by it. */
  | { readonly kind: "events"; readonly beforeSecs: number; readonly afterSecs: number };

const us = (secs: number) => Math.round(secs * 1e6);
const secs = (value: number) => (value / 1e6).toFixed(1);

/** @param eventsUs increasing; only the kind "events" looks at them */
export function clipWindows(
  fromUs: number,
  toUs: number,
  policy: WindowPolicy,
  eventsUs: readonly number[],
): Windows {
  if (policy.kind === "drive") {
    return { clips: [{ startUs: fromUs, endUs: toUs, eventUs: null }], leftOver: [] };
  }
  return policy.kind === "stride"
    ? strideWindows(fromUs, toUs, policy)
    : eventWindows(fromUs, toUs, policy, eventsUs);
}

function strideWindows(
  fromUs: number,
  toUs: number,
  policy: Extract<WindowPolicy, { kind: "stride" }>,
): Windows {
  const [length, stride, least] = [policy.lengthSecs, policy.strideSecs, policy.leastSecs].map(us);
  if (!(length > 0 && stride > 0 && least > 0 && least <= length)) {
    throw new DataConfigError(
      `windows: lengthSecs ${policy.lengthSecs}, strideSecs ${policy.strideSecs}, leastSecs ${policy.leastSecs}; expected above 0, and leastSecs at most lengthSecs.`,
    );
  }
  const clips: ClipWindow[] = [];
  const leftOver: LeftOver[] = [];
  let coveredUs = fromUs;
  for (let startUs = fromUs; startUs < toUs; startUs += stride) {
    const endUs = Math.min(toUs, startUs + length);
    // Overlapping strides reach the end more than once; the first clip to do so is the last.
    if (coveredUs >= toUs) break;
    if (startUs > coveredUs) {
      leftOver.push({
        startUs: coveredUs,
        endUs: startUs,
        eventUs: null,
        reason: "between two clips",
      });
    }
    if (endUs - startUs >= least) {
      clips.push({ startUs, endUs, eventUs: null });
      coveredUs = endUs;
    } else {
      leftOver.push({
        startUs: Math.max(startUs, coveredUs),
        endUs,
        eventUs: null,
        reason: `tail of ${secs(endUs - startUs)} s; ${policy.leastSecs} s needed`,
      });
      coveredUs = endUs;
    }
  }
  if (coveredUs < toUs) {
    leftOver.push({
      startUs: coveredUs,
      endUs: toUs,
      eventUs: null,
      reason: "after the last clip",
    });
  }
  return { clips, leftOver };
}

function eventWindows(
  fromUs: number,
  toUs: number,
  policy: Extract<WindowPolicy, { kind: "events" }>,
  eventsUs: readonly number[],
): Windows {
  const [before, after] = [us(policy.beforeSecs), us(policy.afterSecs)];
  if (!(before >= 0 && after > 0)) {
    throw new DataConfigError(
      `windows: beforeSecs ${policy.beforeSecs}, afterSecs ${policy.afterSecs}; expected at least 0 and above 0.`,
    );
  }
  const clips: ClipWindow[] = [];
  const leftOver: LeftOver[] = [];
  for (const eventUs of eventsUs) {
    const [startUs, endUs] = [eventUs - before, eventUs + after];
    const last = clips.at(-1);
    if (startUs < fromUs || endUs > toUs) {
      leftOver.push({
        startUs: Math.max(fromUs, startUs),
        endUs: Math.min(toUs, endUs),
        eventUs,
        reason: `window ${secs(startUs)} … ${secs(endUs)} s leaves the recording ${secs(fromUs)} … ${secs(toUs)} s`,
      });
    } else if (last !== undefined && eventUs < last.endUs) {
      leftOver.push({
        startUs,
        endUs,
        eventUs,
        reason: `event lies in the clip around ${secs(last.eventUs ?? 0)} s`,
      });
    } else clips.push({ startUs, endUs, eventUs });
  }
  return { clips, leftOver };
}
