/** What a page about one recorded drive is made of: plain arrays, so that any labeller can fill it. */
import type { MapJson } from "../scene-artefacts.ts";

/** Spans of one axis of labels over time, e.g. the longitudinal meta-actions. */
export interface DriveBand {
  readonly title: string;
  /** Why there are no spans; null when there are, or when nothing happened. */
  readonly missing: string | null;
  readonly spans: readonly {
    readonly label: string;
    readonly startSecs: number;
    readonly endSecs: number;
  }[];
}

export interface DriveKeyframe {
  readonly tSecs: number;
  /** Why this moment was chosen. */
  readonly reason: string;
  /** Written chain of causation, where there is one. */
  readonly trace: string | null;
}

/** Questions that came with the recording about one moment, under the pictures of that moment. */
export interface AskedMoment {
  readonly tSecs: number;
  /** Base64 JPEG; empty on a long page, and without cameras. */
  readonly pictures: readonly { readonly camera: string; readonly jpeg: string }[];
  readonly kinds: readonly {
    readonly kind: string;
    readonly asked: readonly { readonly question: string; readonly answer: string }[];
  }[];
  /** What the source says of objects that the questions name, a line each. */
  readonly objects: readonly string[];
}

export interface DrivePageData {
  readonly id: string;
  readonly format: string;
  readonly licence: string;
  readonly scenario: string | null;
  /** What the importer assumed. */
  readonly notes: readonly string[];
  /** "map", "actors", "lights" …: those that the drive has. */
  readonly layers: readonly string[];
  readonly durationSecs: number;
  readonly distanceM: number;
  /** Columns of one length, empty in a drive without ego motion: seconds from clip start, world metres, rad, and motion (m/s, m/s², 1/m; left positive). */
  readonly tSecs: ArrayLike<number>;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly speedMps: ArrayLike<number>;
  readonly accelMps2: ArrayLike<number>;
  readonly curvaturePerM: ArrayLike<number>;
  readonly bands: readonly DriveBand[];
  readonly keyframes: readonly DriveKeyframe[];
  readonly questions: readonly AskedMoment[];
  /** World frame. */
  readonly map: MapJson | null;
  /** Small pictures of one camera over time, base64 JPEG; empty without a camera. */
  readonly pictures: readonly { readonly tSecs: number; readonly jpeg: string }[];
  /** Further facts for the head, e.g. ["cameras", "front 1164x874, 20 Hz"]. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Link back to the dataset page, relative; null when there is none. */
  readonly indexHref: string | null;
}

/** Meaning of a label for its colour: what the car does, whatever the wording of the labeller. */
export type BandTone = "stop" | "slow" | "fast" | "left" | "right" | "reverse" | "calm";

/** Tone of a meta-action or decision id in any of the usual spellings. */
export function bandTone(label: string): BandTone {
  const text = label.toLowerCase().replace(/[_\s]/g, "");
  if (/revers/.test(text)) return "reverse";
  if (/left/.test(text)) return "left";
  if (/right(?!ofway)/.test(text)) return "right";
  if (/stop|wait|yield|standing/.test(text)) return "stop";
  if (/decel|slow|follow|adapt|gap/.test(text)) return "slow";
  if (/accel|resume|pass/.test(text)) return "fast";
  return "calm";
}
