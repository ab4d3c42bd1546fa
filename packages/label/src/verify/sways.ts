/**
 * Sideways moves of a track, without a map. On a road, a car that moves to a side turns its heading out and back again: the
 * heading leaves that of the road and returns to it, and the way driven at an angle is the shift. A bend turns the heading and
 * keeps it. So the road's heading is taken as a line over the way driven (an arc or a straight), fitted by medians so that a
 * short move does not tilt it, and every stay of the heading on one side of it is a sway.
 *
 * What it cannot tell apart: a road that itself swings out and back, or that begins to bend inside the window, sways too.
 * Rules therefore call only a clear sway to the wrong side, or none at all, a contradiction.
 */
export interface Sway {
  /** Seconds relative to t0. */
  readonly startSecs: number;
  readonly endSecs: number;
  /** Sideways way made, left positive. */
  readonly shiftM: number;
  /** Whether the window cuts it off. */
  readonly isOpen: boolean;
}

/** Sways that move less are noise. */
export const leastSwayM = 0.12;
/** A longer sideways way is the road's doing. */
export const mostSwayM = 6;

function medianOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param t0Row row of t0 in the track */
export function findSways(
  track: { readonly x: Float64Array; readonly y: Float64Array; readonly yaw: Float64Array },
  t0Row: number,
  dtSecs: number,
): Sway[] {
  const { x, y, yaw } = track;
  const n = x.length;
  const way = new Float64Array(n);
  for (let i = 1; i < n; i++) way[i] = way[i - 1] + Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]);
  if (way[n - 1] < 3) return [];

  // Theil-Sen: the median slope of heading over way, from pairs far enough apart to have one.
  const slopes: number[] = [];
  const step = Math.max(1, Math.floor(n / 40));
  for (let i = 0; i < n; i += step) {
    for (let j = i + step; j < n; j += step) {
      const apart = way[j] - way[i];
      if (apart > 0.2 * way[n - 1]) slopes.push((yaw[j] - yaw[i]) / apart);
    }
  }
  const curvature = slopes.length === 0 ? 0 : medianOf(Float64Array.from(slopes));
  const aside = yaw.map((v, i) => v - curvature * way[i]);
  const road = medianOf(aside);

  const sways: Sway[] = [];
  let start = 0;
  let shift = 0;
  const close = (end: number) => {
    if (Math.abs(shift) >= leastSwayM) {
      sways.push({
        startSecs: (start - t0Row) * dtSecs,
        endSecs: (end - t0Row) * dtSecs,
        shiftM: shift,
        isOpen: start === 0 || end === n - 1,
      });
    }
    start = end;
    shift = 0;
  };
  for (let i = 1; i < n; i++) {
    const angle = (aside[i] + aside[i - 1]) / 2 - road;
    const part = Math.sin(angle) * (way[i] - way[i - 1]);
    if (shift !== 0 && part !== 0 && Math.sign(part) !== Math.sign(shift)) close(i - 1);
    shift += part;
  }
  close(n - 1);
  return sways;
}
