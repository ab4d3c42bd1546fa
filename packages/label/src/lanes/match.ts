/**
 * Which lane of a map the car is on, tick by tick, and how far it is to the left of the lane's centre. The car stays on its
 * lane (or goes on to a successor) until another lane is clearly nearer, so that forks and crossings do not flicker.
 */
import type { RoadMap } from "@causeway/data";
import type { EgoColumns } from "../meta-actions/features.ts";

export interface LaneTrack {
  /** Index into `map.lanes` per tick; -1 where no lane is near enough and runs the same way. */
  readonly lane: Int32Array;
  /** Left of the lane's centre is positive, m; 0 where there is no lane. */
  readonly offsetM: Float64Array;
  /** Heading less that of the lane, rad. */
  readonly headingRad: Float64Array;
}

export const matchLimits = {
  /** Beside a lane's centre, m, and its direction, rad. */
  sideM: 2.5,
  headingRad: Math.PI / 3,
  /** How much nearer another lane must be to be taken, m. */
  betterM: 0.3,
  /** Ahead of or behind a lane's ends, m. */
  endM: 1.5,
} as const;

const cellM = 25;

interface Hit {
  readonly offsetM: number;
  readonly headingRad: number;
}

/** Foot of a point on a lane's centre line; null when it is too far, too skew, or beyond the ends. */
export function projectOnLane(
  lane: RoadMap["lanes"][number],
  x: number,
  y: number,
  yaw: number,
): Hit | null {
  const { x: xs, y: ys } = lane.centerline;
  let best: Hit | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i + 1 < xs.length; i++) {
    const [dx, dy] = [xs[i + 1] - xs[i], ys[i + 1] - ys[i]];
    const length = Math.hypot(dx, dy);
    if (length === 0) continue;
    const along = ((x - xs[i]) * dx + (y - ys[i]) * dy) / length;
    const low = i === 0 ? -matchLimits.endM : 0;
    const high = i + 2 === xs.length ? length + matchLimits.endM : length;
    const clamped = Math.min(high, Math.max(low, along));
    const [fx, fy] = [x - xs[i] - (dx / length) * clamped, y - ys[i] - (dy / length) * clamped];
    const distance = Math.hypot(fx, fy);
    if (distance >= least) continue;
    least = distance;
    let turn = yaw - Math.atan2(dy, dx);
    turn -= 2 * Math.PI * Math.round(turn / (2 * Math.PI));
    const isBeyond = along < low - 1e-9 || along > high + 1e-9;
    // Beyond an inner vertex the foot is the corner: that is still beside the lane. Beyond the ends it is not.
    const isOutside =
      isBeyond && ((i === 0 && along < low) || (i + 2 === xs.length && along > high));
    best =
      isOutside || distance > matchLimits.sideM || Math.abs(turn) > matchLimits.headingRad
        ? null
        : { offsetM: Math.sign(dx * fy - dy * fx) * distance, headingRad: turn };
  }
  return best;
}

/** Lanes by 25 m cell that their box touches. */
function gridOf(map: RoadMap): (x: number, y: number) => readonly number[] {
  const cells = new Map<string, number[]>();
  map.lanes.forEach((lane, index) => {
    const seen = new Set<string>();
    const { x: xs, y: ys } = lane.centerline;
    for (let i = 0; i + 1 < xs.length; i++) {
      const span = (a: number, b: number) =>
        [
          Math.floor((Math.min(a, b) - 4) / cellM),
          Math.floor((Math.max(a, b) + 4) / cellM),
        ] as const;
      const [x0, x1] = span(xs[i], xs[i + 1]);
      const [y0, y1] = span(ys[i], ys[i + 1]);
      for (let cx = x0; cx <= x1; cx++) for (let cy = y0; cy <= y1; cy++) seen.add(`${cx}/${cy}`);
    }
    for (const key of seen) cells.set(key, [...(cells.get(key) ?? []), index]);
  });
  return (x, y) => cells.get(`${Math.floor(x / cellM)}/${Math.floor(y / cellM)}`) ?? [];
}

export function trackLanes({ x, y, yaw }: EgoColumns, map: RoadMap): LaneTrack {
  const n = x.length;
  const lane = new Int32Array(n).fill(-1);
  const offsetM = new Float64Array(n);
  const headingRad = new Float64Array(n);
  const near = gridOf(map);
  const indexOf = new Map(map.lanes.map((l, i) => [l.id, i]));
  let current = -1;
  for (let i = 0; i < n; i++) {
    let own: { index: number; hit: Hit } | null = null;
    let other: { index: number; hit: Hit } | null = null;
    const nextIds = current < 0 ? [] : map.lanes[current].successors;
    const next = new Set(nextIds.map((id) => indexOf.get(id) ?? -1));
    for (const index of near(x[i], y[i])) {
      const hit = projectOnLane(map.lanes[index], x[i], y[i], yaw[i]);
      if (hit === null) continue;
      const cost = (h: Hit) => Math.abs(h.offsetM) + 2 * Math.abs(h.headingRad);
      if (index === current || next.has(index)) {
        // The current lane before its successors as long as the car is beside it.
        if (
          own === null ||
          index === current ||
          (own.index !== current && cost(hit) < cost(own.hit))
        )
          own = { index, hit };
      } else if (other === null || cost(hit) < cost(other.hit)) other = { index, hit };
    }
    const isOther =
      other !== null &&
      (own === null ||
        Math.abs(other.hit.offsetM) + matchLimits.betterM < Math.abs(own.hit.offsetM));
    const chosen = isOther ? other : own;
    current = chosen?.index ?? -1;
    if (chosen === null) continue;
    lane[i] = chosen.index;
    offsetM[i] = chosen.hit.offsetM;
    headingRad[i] = chosen.hit.headingRad;
  }
  return { lane, offsetM, headingRad };
}
