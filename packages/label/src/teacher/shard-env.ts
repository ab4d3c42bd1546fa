/** The part of the work that a cluster gave to this process. */
import { BatchConfigError, parseShard, type Shard } from "@causeway/reason";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * "2/8", or "auto": the task of a Slurm array (any first index and step), or the index of a Kubernetes indexed job, whose
 * number of completions must stand in CAUSEWAY_SHARDS, since Kubernetes does not tell it.
 */
export function shardOf(text: string, env: Env): Shard {
  if (text !== "auto") return parseShard(text);
  const whole = (name: string): number | null => {
    const value = env[name];
    if (value === undefined || value === "") return null;
    if (/^\d{1,6}$/.test(value)) return Number(value);
    throw new BatchConfigError(`--shard auto: ${name} is "${value}"; expected a whole number.`);
  };
  const task = whole("SLURM_ARRAY_TASK_ID");
  if (task !== null) {
    const count = whole("SLURM_ARRAY_TASK_COUNT");
    const first = whole("SLURM_ARRAY_TASK_MIN") ?? 0;
    const step = Math.max(1, whole("SLURM_ARRAY_TASK_STEP") ?? 1);
    if (count === null)
      throw new BatchConfigError(
        "--shard auto: SLURM_ARRAY_TASK_COUNT is not set; use --shard k/n.",
      );
    return checked((task - first) / step + 1, count);
  }
  const index = whole("JOB_COMPLETION_INDEX");
  if (index !== null) {
    const count = whole("CAUSEWAY_SHARDS");
    if (count === null)
      throw new BatchConfigError(
        "--shard auto: a Kubernetes job does not tell its completions; set CAUSEWAY_SHARDS to them.",
      );
    return checked(index + 1, count);
  }
  throw new BatchConfigError(
    "--shard auto: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set; use --shard k/n.",
  );
}

function checked(index: number, count: number): Shard {
  if (!Number.isInteger(index) || index < 1 || index > count)
    throw new BatchConfigError(
      `--shard auto: this is part ${index} of ${count}; expected 1 to ${count}.`,
    );
  return { index, count };
}
