/**
 * How much a change of meta-action says about a decision, as data: into a stop and out of it most, a change back to the
 * fallback (maintain, straight) least. Scores only order keyframes; their distance has no meaning.
 */
import type { LateralAction, LongitudinalAction } from "../meta-actions/rules.ts";

export const keyframeRanks = {
  version: "keyframe-ranks-1",
  /** Score of a change into this action. */
  into: {
    Stop: 90,
    StrongDeceleration: 80,
    Reverse: 75,
    GentleDeceleration: 70,
    SharpSteerLeft: 65,
    SharpSteerRight: 65,
    ReverseLeft: 60,
    ReverseRight: 60,
    StrongAcceleration: 55,
    GentleAcceleration: 50,
    SteerLeft: 30,
    SteerRight: 30,
    MaintainSpeed: 10,
    GoStraight: 10,
  } satisfies Record<LongitudinalAction | LateralAction, number>,
  /** Leaving a stop is a decision of its own. */
  stopToAcceleration: 85,
  /** A steer that turns the car by `turnRad` is a turn at a junction rather than a bend. */
  turn: { turnRad: 0.35, score: 65 },
} as const;

/** Actions that mean "nothing in particular"; their starts are no keyframes unless asked for. */
export const fallbackActions: ReadonlySet<string> = new Set(["MaintainSpeed", "GoStraight"]);
