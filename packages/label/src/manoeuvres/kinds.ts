import type { Side } from "@causeway/data";

/** What a car did sideways, as far as its own track tells; without a map none of them is certain. */
export const manoeuvreKinds = ["lane_change", "nudge", "shift", "turn", "u_turn", "curve"] as const;
export type ManoeuvreKind = (typeof manoeuvreKinds)[number];

export interface Manoeuvre {
  readonly kind: ManoeuvreKind;
  readonly side: Side;
  /** Inclusive, 10 Hz ticks. */
  readonly startTick: number;
  /** Exclusive. */
  readonly endTick: number;
  /** Sideways way relative to the road, left positive; of a nudge the way out. 0 for turns and curves. */
  readonly lateralM: number;
  /** Left positive. */
  readonly headingChangeRad: number;
  readonly distanceM: number;
  /** 0.05 … 0.95: how clearly the track shows it. */
  readonly confidence: number;
  /** The numbers that it rests on, in words. */
  readonly reason: string;
}

export const sideOf = (value: number): Side => (value > 0 ? "left" : "right");
export const boundedConfidence = (value: number): number => Math.min(0.95, Math.max(0.05, value));
/** 0 at or below `from`, 1 at or above `to`, straight between; `from` > `to` turns it round. */
export function ramp(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}
