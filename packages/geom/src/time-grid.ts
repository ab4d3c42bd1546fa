import { GeomError } from "./errors.ts";

/** Evenly spaced stamps startUs + i * stepUs, i = 0 … count-1, integer microseconds. */
export interface TimeGrid {
  readonly startUs: number;
  readonly stepUs: number;
  readonly count: number;
}

/** The model grid: 10 Hz. */
export const modelStepUs = 100_000;

export function gridStamps(grid: TimeGrid): Float64Array {
  const stamps = new Float64Array(grid.count);
  for (let i = 0; i < grid.count; i++) stamps[i] = grid.startUs + i * grid.stepUs;
  return stamps;
}

/** Multiples of `stepUs` inside [firstUs, lastUs]; the grid that labels of one drive share. */
export function gridWithin(
  firstUs: number,
  lastUs: number,
  stepUs: number = modelStepUs,
): TimeGrid {
  if (!(stepUs > 0) || !Number.isInteger(stepUs)) {
    throw new GeomError("config", `gridWithin: stepUs is ${stepUs}; expected a positive integer.`);
  }
  const first = Math.ceil(firstUs / stepUs);
  const last = Math.floor(lastUs / stepUs);
  return { startUs: first * stepUs, stepUs, count: Math.max(0, last - first + 1) };
}

/** `count` stamps that end at t0 (included). */
export function historyGrid(t0Us: number, count = 16, stepUs: number = modelStepUs): TimeGrid {
  return { startUs: t0Us - (count - 1) * stepUs, stepUs, count };
}

/** `count` stamps that begin one step after t0. */
export function futureGrid(t0Us: number, count = 64, stepUs: number = modelStepUs): TimeGrid {
  return { startUs: t0Us + stepUs, stepUs, count };
}

/** Index of the last stamp at or before `timeUs` in a sorted array, or -1. O(log n). */
export function lastAtOrBefore(stampsUs: ArrayLike<number>, timeUs: number): number {
  let low = 0;
  let high = stampsUs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((stampsUs[middle] as number) <= timeUs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
