import type { LocalPath, RgbImage } from "@causeway/geom";
import type { RouteStep } from "./drive.ts";

export const historyCount = 16;
export const futureCount = 64;
export const framesPerCamera = 4;
export const stepUs = 100_000;

/** Drive + t0 on the 10 Hz model grid. Nothing is padded: a sample whose window leaves the recording does not exist. */
export interface ModelSample {
  /** `${driveId}@${t0Us}`: the key that labels, predictions and scores are joined by. */
  readonly id: string;
  readonly driveId: string;
  readonly t0Us: number;
  /** 16 poses t0-1.5 s … t0, rig frame at t0. */
  readonly history: LocalPath;
  /** 64 poses t0+0.1 … t0+6.4 s, rig frame at t0. */
  readonly future: LocalPath;
  /** Per camera 4 frames t0-0.3 … t0, oldest first, at the size asked for. Empty when the drive has no cameras. */
  readonly cameras: ReadonlyMap<string, readonly RgbImage[]>;
  readonly route: RouteStep | null;
}

/** Navigation text as Alpamayo 1.5 words it ("Turn left in 11m"); null when nothing is ahead. */
export function navText(route: RouteStep | null): string | null {
  if (route === null || route.command === "straight") return null;
  const where = route.distanceM === null ? "" : ` in ${Math.round(route.distanceM)}m`;
  const verb = {
    left: "Turn left",
    right: "Turn right",
    lane_change_left: "Change lane to the left",
    lane_change_right: "Change lane to the right",
  }[route.command];
  return verb + where;
}

/** Key of one question of a moment: `index` counts its frame's questions from 0, the key from 1. */
export const questionIdOf = (
  driveId: string,
  stampUs: number,
  kind: string,
  index: number,
): string => `${driveId}@${stampUs}-${kind.replace(/[^A-Za-z0-9]+/g, "_")}-${index + 1}`;
