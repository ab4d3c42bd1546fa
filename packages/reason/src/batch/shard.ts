/** One of several equal parts of a job. An item's part depends on its id and the number of parts alone. */
import { stableFraction } from "./content-key.ts";

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** Reads "2/8". */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim());
  const index = Number(match?.[1]);
  const count = Number(match?.[2]);
  if (match === null || index < 1 || index > count)
    throw new BatchConfigError(
      `shard "${text}" is not understood; expected k/n with 1 ≤ k ≤ n, such as 2/8.`,
    );
  return { index, count };
}

export const isInShard = (id: string, shard: Shard): boolean =>
  Math.floor(stableFraction(id) * shard.count) === shard.index - 1;

/** The batch cannot begin: an option or the folder does not fit. */
export class BatchConfigError extends Error {
  override readonly name = "BatchConfigError";
  readonly code = "BATCH";
}
