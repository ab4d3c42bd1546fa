/**
 * Where the expert wants to drive beside its route: lateral offset as a function of arc length, made of quintic
 * moves (lane changes, nudges out and back). Curvature stays continuous.
 */
export interface OffsetMove {
  readonly startS: number;
  readonly endS: number;
  readonly toM: number;
}

export interface OffsetSample {
  /** Offset, m, left positive. */
  d: number;
  /** First and second derivative along the route. */
  slope: number;
  bend: number;
}

/** Offset and derivatives at `s`; `moves` in order of `startS`. Writes and returns `out`. */
export function offsetOnRoute(
  moves: readonly OffsetMove[],
  s: number,
  out: OffsetSample,
): OffsetSample {
  let from = 0;
  out.slope = 0;
  out.bend = 0;
  for (const move of moves) {
    if (s <= move.startS) break;
    const length = move.endS - move.startS;
    const u = (s - move.startS) / length;
    if (u < 1) {
      const span = move.toM - from;
      out.d = from + span * u * u * u * (10 - 15 * u + 6 * u * u);
      out.slope = (span / length) * 30 * u * u * (1 - u) * (1 - u);
      out.bend = (span / (length * length)) * 60 * u * (1 - 3 * u + 2 * u * u);
      return out;
    }
    from = move.toM;
  }
  out.d = from;
  return out;
}
