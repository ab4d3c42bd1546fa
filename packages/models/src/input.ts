import type { LocalPath, RgbImage } from "@causeway/geom";

/** What a driving model is asked about: one moment of one scene. No truth, no calibration. */
export interface ModelInput {
  /** Per camera name the same number of frames, oldest first, all of the size that the model's manifest states. */
  readonly cameras: ReadonlyMap<string, readonly RgbImage[]>;
  /** 16 poses t0-1.5 s … t0 in the rig frame at t0; the last row is the identity. */
  readonly history: LocalPath;
  /** Navigation text ("Turn left in 11m"), or null when nothing is ahead. */
  readonly navText: string | null;
}
