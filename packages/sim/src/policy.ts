import type { RouteStep } from "@causeway/data";
import type { LocalPath, RgbImage } from "@causeway/geom";

/** What a driver may know: sensors, its own motion, and the route. No truth. */
export interface Observation {
  readonly sceneId: string;
  readonly stampUs: number;
  /** Per camera, oldest first, 4 frames 0.1 s apart, the last one at `stampUs`. */
  readonly cameras: ReadonlyMap<string, readonly RgbImage[]>;
  /** 16 poses 0.1 s apart in the rig frame now; row 15 is the identity. */
  readonly history: LocalPath;
  readonly speedMps: number;
  readonly route: RouteStep;
}

export interface Plan {
  /** 64 poses, 0.1 s apart, first at stampUs + 0.1 s, rig frame at `stampUs`. */
  readonly path: LocalPath;
  /** Chain of causation, when the driver writes one. */
  readonly reasoning: string | null;
}

/** A driver. One call may serve several scenes that run in lockstep; answers are in the order of the observations. */
export interface Policy {
  readonly name: string;
  act(observations: readonly Observation[]): Promise<readonly Plan[]>;
}
