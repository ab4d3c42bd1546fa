import { CheckpointError } from "../errors.ts";

/**
 * What to tell a person whose disk refused a write.
 *
 * @param lastStep  Step of the newest whole checkpoint, null when there is none.
 */
export function storageFailure(path: string, cause: unknown, lastStep: number | null): Error {
  const code = (cause as NodeJS.ErrnoException).code;
  const kept =
    lastStep === null
      ? "there is no checkpoint yet, so the run will start over"
      : `the checkpoint of step ${lastStep} is intact, and the run will go on from it`;
  const what =
    code === "ENOSPC" || code === "EDQUOT"
      ? "no space left on the disk. Free some space and run again"
      : `cannot be written (${code ?? (cause as Error).message}). Check the folder and run again`;
  return new CheckpointError("ERR_CHECKPOINT_WRITE", `${path}: ${what}: ${kept}.`, { cause });
}
