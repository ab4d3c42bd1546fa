/**
 * Manoeuvres of a recording without a map: turns first, then sideways moves on the stretches between them, then the bends
 * of the road that are neither. Every one carries a confidence and the numbers that it rests on.
 */
import { unwrapAngles } from "@causeway/geom";
import { checkColumns, type EgoColumns } from "../meta-actions/features.ts";
import type { Manoeuvre } from "./kinds.ts";
import { findShifts } from "./shifts.ts";
import { findCurves, findTurns, type SmoothTrack } from "./turns.ts";

/** Ticks; odd. */
const smoothing = 5;

function smoothed(values: Float64Array): Float64Array {
  const half = smoothing >> 1;
  return values.map((_, i) => {
    // Shrinks evenly at the ends, so that a straight line stays one.
    const reach = Math.min(half, i, values.length - 1 - i);
    let sum = values[i];
    for (let k = 1; k <= reach; k++) sum += values[i - k] + values[i + k];
    return sum / (2 * reach + 1);
  });
}

function smoothTrack(columns: EgoColumns): SmoothTrack {
  const { x, y, vx, vy } = columns;
  const n = x.length;
  const yaw = smoothed(unwrapAngles(columns.yaw));
  const way = new Float64Array(n);
  for (let i = 1; i < n; i++) way[i] = way[i - 1] + Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]);
  const bend = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const [a, b] = [Math.max(0, i - 2), Math.min(n - 1, i + 2)];
    const along = vx[i] * Math.cos(yaw[i]) + vy[i] * Math.sin(yaw[i]);
    // Reversing turns the heading the other way round; parking is not what these kinds are about.
    if (way[b] - way[a] > 0.2 && along > 0) bend[i] = (yaw[b] - yaw[a]) / (way[b] - way[a]);
  }
  return { x, y, yaw, way, bend };
}

/** In order of their start; turns and sideways moves do not overlap. */
export function findManoeuvres(columns: EgoColumns): Manoeuvre[] {
  const n = checkColumns(columns);
  const track = smoothTrack(columns);
  const taken = new Uint8Array(n);
  const take = (found: readonly Manoeuvre[]) => {
    for (const m of found) taken.fill(1, m.startTick, m.endTick);
    return found;
  };
  const turns = take(findTurns(track));
  const shifts = take(findShifts(track, taken.slice()).filter((m) => m.distanceM > 0));
  const curves = findCurves(track, taken);
  return [...turns, ...shifts, ...curves].sort(
    (a, b) => a.startTick - b.startTick || a.endTick - b.endTick,
  );
}
