/**
 * How well a video keeps to one rigid world seen by one camera (temporal) or by a rigid rig (cross-view), as Sampson
 * distances of matches, in pixels.
 *
 * Temporal: one fundamental matrix per pair of neighbouring frames. Cross-view: one matrix for the matches of all
 * frames, because the rig does not move in itself. Distances are over all matches, not over the inliers of the fit
 * alone: what does not fit is the error.
 */
import type { Rng } from "@causeway/geom";
import {
  defaultRansac,
  type Matches,
  type RansacOptions,
  robustFundamental,
  type SampsonSummary,
  sampsonDistances,
  summariseSampson,
} from "./epipolar.ts";

export interface ViewConsistency extends SampsonSummary {
  /** Matches in all frames together. */
  readonly matches: number;
  /** Share of them within the fit's threshold. */
  readonly inlierShare: number | null;
  /** Frames (or pairs) with too few matches for a fit. */
  readonly framesWithoutFit: number;
}

/** @param pairs Matches of each pair of neighbouring frames. */
export function temporalConsistency(
  pairs: readonly Matches[],
  rng: Rng,
  options: RansacOptions = defaultRansac,
): ViewConsistency {
  let inliers = 0;
  let fitted = 0;
  let without = 0;
  const distances = pairs.map((matches, i) => {
    const fit = robustFundamental(matches, rng.fork(i), options);
    if (fit === null) {
      without += 1;
      return [];
    }
    inliers += fit.inliers.length;
    fitted += matches.p0.length / 2;
    return sampsonDistances(fit.F, matches);
  });
  return {
    ...summariseSampson(distances),
    matches: pairs.reduce((sum, m) => sum + m.p0.length / 2, 0),
    inlierShare: fitted > 0 ? inliers / fitted : null,
    framesWithoutFit: without,
  };
}

/** @param frames Matches between the two views in each frame. */
export function crossViewConsistency(
  frames: readonly Matches[],
  rng: Rng,
  options: RansacOptions = defaultRansac,
): ViewConsistency {
  const joined: Matches = {
    p0: Float64Array.from(frames.flatMap((m) => Array.from(m.p0))),
    p1: Float64Array.from(frames.flatMap((m) => Array.from(m.p1))),
  };
  const total = joined.p0.length / 2;
  const fit = robustFundamental(joined, rng, options);
  return {
    ...summariseSampson(frames.map((m) => (fit === null ? [] : sampsonDistances(fit.F, m)))),
    matches: total,
    inlierShare: fit === null ? null : fit.inliers.length / total,
    framesWithoutFit: fit === null ? frames.length : frames.filter((m) => m.p0.length === 0).length,
  };
}
