/**
 * Filters as a table: each looks at one score and has a limit that may be moved or switched off. Scores are measured and
 * written whatever the limits are, so a limit can be chosen after a look at the histogram.
 *
 * A score that could not be measured passes (a drive without a camera is no dark drive) and is counted as unmeasured.
 */
export const filterNames = [
  "length",
  "parked",
  "accel",
  "lateralAccel",
  "poseGap",
  "frameGap",
  "jump",
  "yawJump",
  "dark",
  "blown",
  "blur",
  "black",
  "frozen",
] as const;
export type FilterName = (typeof filterNames)[number];

/** Null: not measurable on this clip. */
export type ClipScores = Readonly<Record<FilterName, number | null>>;

export interface FilterRule {
  /** What the score is, with its unit. */
  readonly title: string;
  readonly unit: string;
  /** A clip is rejected when its score is on this side of the limit. */
  readonly reject: "below" | "above";
  /** Null: off unless a policy sets it. */
  readonly limit: number | null;
}

export const filterRules: Readonly<Record<FilterName, FilterRule>> = {
  // 1.5 s of history and 6.4 s of future.
  length: { title: "time with poses", unit: "s", reject: "below", limit: 7.9 },
  parked: { title: "time below 0.3 m/s", unit: "share", reject: "above", limit: 0.95 },
  // Beyond what tyres do: a wrong unit or a broken estimate.
  accel: { title: "largest acceleration", unit: "m/s²", reject: "above", limit: 12 },
  lateralAccel: { title: "largest lateral acceleration", unit: "m/s²", reject: "above", limit: 12 },
  poseGap: { title: "longest gap between poses", unit: "s", reject: "above", limit: 0.25 },
  frameGap: { title: "longest gap between pictures", unit: "s", reject: "above", limit: 1 },
  jump: {
    title: "position step that speed does not explain",
    unit: "m",
    reject: "above",
    limit: 1,
  },
  yawJump: {
    title: "heading step that the step before does not explain",
    unit: "rad",
    reject: "above",
    limit: 0.15,
  },
  dark: { title: "mean luma of the median picture", unit: "0–255", reject: "below", limit: 20 },
  blown: {
    title: "over-exposed pixels of the median picture",
    unit: "share",
    reject: "above",
    limit: 0.5,
  },
  blur: { title: "sharpness of the median picture", unit: "luma", reject: "below", limit: 2.5 },
  black: { title: "black pictures", unit: "share", reject: "above", limit: 0.2 },
  frozen: {
    title: "pictures that do not change while the car moves",
    unit: "share",
    reject: "above",
    limit: 0.5,
  },
};

export interface Rejection {
  readonly filter: FilterName;
  readonly value: number;
  readonly limit: number;
  /** In words. */
  readonly reason: string;
}

export function limitOf(
  name: FilterName,
  limits: Partial<Record<FilterName, number | null>>,
): number | null {
  const own = limits[name];
  return own === undefined ? filterRules[name].limit : own;
}

const short = (v: number) => String(Math.round(v * 1000) / 1000);

/** Every filter that says no, in the order of the table. */
export function judgeClip(
  scores: ClipScores,
  limits: Partial<Record<FilterName, number | null>>,
): Rejection[] {
  return filterNames.flatMap((filter) => {
    const limit = limitOf(filter, limits);
    const value = scores[filter];
    const { title, unit, reject } = filterRules[filter];
    if (limit === null || value === null) return [];
    const isBad = reject === "below" ? value < limit : value > limit;
    if (!isBad) return [];
    const side = reject === "below" ? "at least" : "at most";
    return [
      {
        filter,
        value,
        limit,
        reason: `${filter}: ${title} is ${short(value)} ${unit}; ${side} ${short(limit)} wanted`,
      },
    ];
  });
}
