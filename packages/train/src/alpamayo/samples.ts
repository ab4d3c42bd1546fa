import type { LocalPath } from "@causeway/geom";
import type { ModelInput } from "@causeway/models";

/** One labelled moment: what the model sees, what the driver then did, and why. */
export interface LabelledMoment {
  readonly input: ModelInput;
  /** Poses after t0, rig frame at t0. */
  readonly future: LocalPath;
  /** Chain-of-causation sentence. */
  readonly cot: string;
  /** What every visual token should see: tokens x channels, 0 or 1. Null where no truth is there. */
  readonly perception?: Float32Array | null;
}

/** A training set. Order and content must not change during a run; the dataset fingerprint stands for them. */
export interface LabelledSamples {
  readonly length: number;
  /** For messages: "drive-17@5100000". */
  id(index: number): string;
  /** The words of a moment; cheap, read once for every moment at the start. */
  words(index: number): {
    readonly navText: string | null;
    readonly cot: string;
    /** What the sentence says apart from its wording (decision ids); equal strings mean the same. */
    readonly meaning: string;
  };
  /** `perception` of a moment without its pictures. */
  perception?(index: number): Float32Array | null;
  /** A moment with its pictures. Called ahead of time, several at once. */
  read(index: number): Promise<LabelledMoment>;
}
