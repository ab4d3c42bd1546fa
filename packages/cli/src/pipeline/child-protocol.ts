import type { PlainError } from "../errors.ts";
import type { ProgressUpdate } from "../progress.ts";

/** What the work of a stage gets, in its own process. */
export interface WorkContext {
  /** This process does items i with i % parts === part. */
  readonly part: number;
  readonly parts: number;
  /** Aborted when the user stops: finish the item at hand or save a checkpoint, then throw `StoppedError`. */
  readonly signal: AbortSignal;
  progress(update: ProgressUpdate): void;
  /** A line that stays on the screen. */
  line(text: string): void;
}

/** A module that a child process runs exports `work`. Options and result are plain JSON. */
export type Work<Options, Result> = (options: Options, context: WorkContext) => Promise<Result>;

export type ToChild =
  | {
      readonly type: "start";
      readonly module: string;
      readonly options: unknown;
      readonly part: number;
      readonly parts: number;
    }
  | { readonly type: "abort" };

export type FromChild =
  | { readonly type: "progress"; readonly update: ProgressUpdate }
  | { readonly type: "line"; readonly text: string }
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "error"; readonly error: PlainError };
