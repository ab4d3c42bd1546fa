/** What curation knows of a clip: scores, tags and counts for the inventory. One row of `curate/clips.jsonl`. */
import type { DriveHandle } from "../drive-handle.ts";
import type { ClipScores } from "./filters.ts";
import type { ClipWindow } from "./windows.ts";

/** What the tags of motion say in a drive without any, so that a quota can take or leave such clips. */
export const noMotionTag = "no motion";

/** Words for balancing and counting; null where nobody knows. */
export interface ClipTags {
  /** "straight", "turn left", "lane change right" …: the clearest sideways move; `noMotionTag` in a drive without motion. */
  readonly manoeuvre: string;
  /** Longitudinal meta-action that takes most of the clip. */
  readonly longitudinal: string | null;
  readonly speed: "standing" | "slow" | "city" | "fast" | typeof noMotionTag;
  readonly curvature: "straight" | "bend" | "sharp" | typeof noMotionTag;
  /** Decision of a privileged driver that is not the default, else the default one. */
  readonly decision: string | null;
  readonly scenario: string | null;
  /** By the mean luma of the median picture. */
  readonly light: "dark" | "dim" | "bright" | null;
  readonly place: string | null;
  /** As the source says it, e.g. "2018-08-02 08:34". */
  readonly time: string | null;
}

export interface ClipRecord extends ClipWindow {
  readonly id: string;
  readonly driveId: string;
  /** Clips of one recording never part at a split. */
  readonly recording: string;
  readonly format: string;
  readonly scores: ClipScores;
  readonly tags: ClipTags;
  readonly distanceM: number;
  /** 10 Hz ticks per bin of `speedEdges` and `curvatureEdges`. */
  readonly speedTicks: readonly number[];
  readonly curvatureTicks: readonly number[];
  /** Pictures looked at, and the one in the middle. */
  readonly numPictures: number;
  readonly preview: { readonly camera: string; readonly row: number } | null;
}

/** Knows what the car does: detectors of manoeuvres and meta-actions live above this package. */
export interface DriveReading {
  /** Moments worth a clip, increasing, microseconds of the drive. */
  readonly eventsUs: readonly number[];
  tagsOf(window: ClipWindow): Pick<ClipTags, "manoeuvre" | "longitudinal" | "decision">;
}
export interface DriveReader {
  /** Part of the key of finished work: raise it when readings change. */
  readonly version: string;
  read(drive: DriveHandle): Promise<DriveReading>;
}

/** Lower edges, m/s; the last bin is open. */
export const speedEdges: readonly number[] = [
  0, 0.3, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36,
];
/** Inner edges of the curvature bins, 1/m, left positive: one bin more than edges. */
export const curvatureEdges: readonly number[] = [
  -0.1, -0.05, -0.02, -0.01, -0.005, -0.002, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
];

/** Counts per bin: bin i holds edges[i - 1] ≤ v < edges[i]. */
export function binTicks(values: ArrayLike<number>, innerEdges: readonly number[]): number[] {
  const counts = Array.from({ length: innerEdges.length + 1 }, (): number => 0);
  for (let i = 0; i < values.length; i++) {
    let bin = 0;
    while (bin < innerEdges.length && values[i] >= innerEdges[bin]) bin++;
    counts[bin]++;
  }
  return counts;
}

/** Same text for the same span of the same drive. A file name. */
export function clipIdOf(driveId: string, window: ClipWindow): string {
  const ms = (us: number) => String(Math.round(us / 1000)).padStart(6, "0");
  return `${driveId.slice(0, 100)}.${ms(window.startUs)}-${ms(window.endUs)}`;
}
