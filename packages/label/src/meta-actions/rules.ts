/**
 * Meta-action rules as data. One axis = where to cut, what to measure on a piece, which action the measures mean, and how
 * long an action must last. The table "nv-2026-05" holds the values of the public chain-of-causation autolabeler
 * (NVlabs/alpamayo-coc-autolabeler 288ac28, 2026-05); `segmenter.ts` knows no axis by name.
 *
 * Known oddities of the table, kept for comparison: it cuts at 1.25 m/s² but classifies at 1.4, cuts at 0.3 m/s but calls
 * Stop below 0.12; a Steer has no forward-speed guard, so slow reversing with little turning is a Steer.
 * "Reverse left" names the turn of the heading, not the side that the rear goes to.
 */

export const longitudinalActions = [
  "GentleAcceleration",
  "StrongAcceleration",
  "GentleDeceleration",
  "StrongDeceleration",
  "MaintainSpeed",
  "Stop",
  "Reverse",
] as const;
export type LongitudinalAction = (typeof longitudinalActions)[number];

export const lateralActions = [
  "ReverseRight",
  "ReverseLeft",
  "SteerRight",
  "SteerLeft",
  "SharpSteerRight",
  "SharpSteerLeft",
  "GoStraight",
] as const;
export type LateralAction = (typeof lateralActions)[number];

/** A tick is on the high side of a cut while feature ≥ threshold; a piece ends where any cut changes sides. */
export interface CutRule<Feature extends string> {
  readonly feature: Feature;
  readonly threshold: number;
  /** Share of |threshold| by which the feature must pass it to change sides; 0 = no hysteresis. */
  readonly hysteresis: number;
}

/** How a number of a piece comes from its ticks and from the numbers of merged pieces. */
export type StatRule<Feature extends string, Stat extends string> =
  /** feature[end] - feature[start]; pieces add up. */
  | { readonly name: Stat; readonly kind: "change"; readonly feature: Feature }
  /** Σ feature over [start, end); pieces add up. */
  | { readonly name: Stat; readonly kind: "sum"; readonly feature: Feature }
  /** Mean over [start, end); merged by duration, or the first piece's value stays (as the original does). */
  | {
      readonly name: Stat;
      readonly kind: "mean";
      readonly feature: Feature;
      readonly merge: "by-duration" | "keep-first";
    }
  /** numerator / denominator, recomputed after every merge; 0 where the denominator is at most `floor`. */
  | {
      readonly name: Stat;
      readonly kind: "ratio";
      readonly numerator: Stat;
      readonly denominator: Stat | "durationSecs";
      readonly floor: number;
    };

export interface Condition<Stat extends string> {
  readonly stat: Stat;
  readonly is: ">=" | "<=";
  readonly value: number;
}

/** The first action whose conditions all hold; the last one has none. */
export interface ActionRule<Stat extends string, Action extends string> {
  readonly action: Action;
  readonly when: readonly Condition<Stat>[];
  /** Shorter pieces are given to their neighbours. */
  readonly minTicks: number;
}

export interface AxisRules<Feature extends string, Stat extends string, Action extends string> {
  readonly cuts: readonly CutRule<Feature>[];
  readonly stats: readonly StatRule<Feature, Stat>[];
  readonly actions: readonly ActionRule<Stat, Action>[];
  /** After a cut the next ticks cannot be cut; nor can the last ones of the recording. */
  readonly quietTicks: number;
}

export type LongitudinalFeature = "speed" | "speedAlongHeading" | "smoothedAccel";
export type LongitudinalStat =
  | "deltaVelocity"
  | "averageAcceleration"
  | "averageSpeed"
  | "averageSpeedAlongHeading";
export type LateralFeature =
  | "speedAlongHeading"
  | "headingRatePerMetre"
  | "headingChange"
  | "distance";
export type LateralStat =
  | "totalHeadingChangeRad"
  | "totalDistanceM"
  | "averageTurnRateRadPerM"
  | "averageSpeedAlongHeading";

export interface MetaActionRules {
  readonly version: string;
  readonly dtSecs: number;
  /** Centred mean over this many ticks, odd: acceleration (window shrinks at the ends), heading change (ends reflected). */
  readonly smoothingTicks: number;
  readonly longitudinal: AxisRules<LongitudinalFeature, LongitudinalStat, LongitudinalAction>;
  readonly lateral: AxisRules<LateralFeature, LateralStat, LateralAction>;
}

const accelCut = (threshold: number): CutRule<LongitudinalFeature> => ({
  feature: "smoothedAccel",
  threshold,
  hysteresis: 0.15,
});
const rateCut = (threshold: number): CutRule<LateralFeature> => ({
  feature: "headingRatePerMetre",
  threshold,
  hysteresis: 0,
});
const steer = <A extends LateralAction>(
  action: A,
  side: 1 | -1,
  rate: number,
  total: number,
  when: readonly Condition<LateralStat>[] = [],
): ActionRule<LateralStat, LateralAction> => ({
  action,
  when: [
    ...when,
    { stat: "averageTurnRateRadPerM", is: side > 0 ? ">=" : "<=", value: side * rate },
    { stat: "totalHeadingChangeRad", is: side > 0 ? ">=" : "<=", value: side * total },
  ],
  minTicks: 10,
});
const reversing: Condition<LateralStat> = {
  stat: "averageSpeedAlongHeading",
  is: "<=",
  value: -0.1,
};

export const nv202605: MetaActionRules = {
  version: "nv-2026-05",
  dtSecs: 0.1,
  smoothingTicks: 5,
  longitudinal: {
    cuts: [
      { feature: "speedAlongHeading", threshold: 0.3, hysteresis: 0 },
      { feature: "speedAlongHeading", threshold: -0.3, hysteresis: 0 },
      accelCut(0.1),
      accelCut(-0.1),
      accelCut(1.25),
      accelCut(-1.25),
    ],
    stats: [
      { name: "deltaVelocity", kind: "change", feature: "speed" },
      { name: "averageSpeed", kind: "mean", feature: "speed", merge: "by-duration" },
      {
        name: "averageSpeedAlongHeading",
        kind: "mean",
        feature: "speedAlongHeading",
        merge: "keep-first",
      },
      {
        name: "averageAcceleration",
        kind: "ratio",
        numerator: "deltaVelocity",
        denominator: "durationSecs",
        floor: 0,
      },
    ],
    actions: [
      {
        action: "Reverse",
        when: [{ stat: "averageSpeedAlongHeading", is: "<=", value: -0.12 }],
        minTicks: 8,
      },
      { action: "Stop", when: [{ stat: "averageSpeed", is: "<=", value: 0.12 }], minTicks: 8 },
      {
        action: "StrongAcceleration",
        when: [
          { stat: "averageAcceleration", is: ">=", value: 1.4 },
          { stat: "deltaVelocity", is: ">=", value: 0.8 },
        ],
        minTicks: 8,
      },
      {
        action: "GentleAcceleration",
        when: [
          { stat: "averageAcceleration", is: ">=", value: 0.15 },
          { stat: "averageAcceleration", is: "<=", value: 1.4 },
          { stat: "deltaVelocity", is: ">=", value: 0.8 },
        ],
        minTicks: 8,
      },
      {
        action: "StrongDeceleration",
        when: [
          { stat: "averageAcceleration", is: "<=", value: -1.4 },
          { stat: "deltaVelocity", is: "<=", value: -0.8 },
        ],
        minTicks: 8,
      },
      {
        action: "GentleDeceleration",
        when: [
          { stat: "averageAcceleration", is: "<=", value: -0.15 },
          { stat: "averageAcceleration", is: ">=", value: -1.4 },
          { stat: "deltaVelocity", is: "<=", value: -0.8 },
        ],
        minTicks: 8,
      },
      { action: "MaintainSpeed", when: [], minTicks: 12 },
    ],
    quietTicks: 3,
  },
  lateral: {
    cuts: [
      { feature: "speedAlongHeading", threshold: -0.1, hysteresis: 0 },
      rateCut(0.001),
      rateCut(-0.001),
      rateCut(0.05),
      rateCut(-0.05),
    ],
    stats: [
      { name: "totalHeadingChangeRad", kind: "sum", feature: "headingChange" },
      { name: "totalDistanceM", kind: "sum", feature: "distance" },
      {
        name: "averageTurnRateRadPerM",
        kind: "ratio",
        numerator: "totalHeadingChangeRad",
        denominator: "totalDistanceM",
        floor: 1e-6,
      },
      {
        name: "averageSpeedAlongHeading",
        kind: "mean",
        feature: "speedAlongHeading",
        merge: "keep-first",
      },
    ],
    actions: [
      steer("ReverseRight", -1, 0.002, 0.2, [reversing]),
      steer("ReverseLeft", 1, 0.002, 0.2, [reversing]),
      steer("SharpSteerRight", -1, 0.05, 0.2),
      steer("SharpSteerLeft", 1, 0.05, 0.2),
      steer("SteerRight", -1, 0.0015, 0.015),
      steer("SteerLeft", 1, 0.0015, 0.015),
      { action: "GoStraight", when: [], minTicks: 10 },
    ],
    quietTicks: 3,
  },
};
