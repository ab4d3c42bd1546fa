/** A recipe that cannot be run as written: unknown key, wrong type, settings that contradict each other. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
  readonly code = "ERR_RECIPE";
}

/** A checkpoint or run folder that cannot be used, or could not be written. What was there before is unchanged. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly code: "ERR_CHECKPOINT_MISMATCH" | "ERR_CHECKPOINT_DAMAGED" | "ERR_CHECKPOINT_WRITE";
  constructor(code: CheckpointError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Training that went wrong numerically and was stopped. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
  readonly code = "ERR_DIVERGED";
}

/** A trainer was given something its contract excludes (our own bug, or a caller's). */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`train: ${message}`);
}
