/**
 * Queue mode: Redis hands out parts of the work (shards by stable hash) to any number of workers, so that a fast worker takes
 * more of them. The queue only says who works on what; what has been done is in the ledgers. A worker that dies loses its part
 * to another one, which goes on from the dead one's ledger; a part that is handed out twice finds the ledger locked or full.
 */
import type { ConnectionOptions, Job, Worker } from "bullmq";
import type { Shard } from "@causeway/reason";

interface PartData {
  readonly index: number;
  readonly count: number;
}

export interface PartQueueOptions {
  readonly url: string;
  /** Names the run; all workers of a run give the same. */
  readonly name: string;
  readonly parts: number;
  /** A part whose worker has been silent for so long is handed out again. */
  readonly lockMs?: number;
  readonly signal?: AbortSignal;
  readonly onPart?: (shard: Shard, state: "done" | "failed", message: string | null) => void;
}

export interface PartsResult {
  /** Parts that this worker has done. */
  readonly done: number;
  /** Parts of the whole run that failed for good, with the reason. */
  readonly failed: readonly { readonly part: string; readonly reason: string }[];
}

const attempts = 3;

function connectionOf(url: string): ConnectionOptions {
  return { url, maxRetriesPerRequest: null };
}

/** Puts all parts into the queue once, takes parts until none is left, and says how it went. */
export async function workParts(
  options: PartQueueOptions,
  work: (shard: Shard) => Promise<void>,
): Promise<PartsResult> {
  const { url, parts, signal, lockMs = 30_000 } = options;
  // BullMQ keeps ":" for its own keys.
  const name = options.name.replaceAll(/[^\w.-]/g, "-");
  // The queue's library loads only where a queue is used.
  const bullmq = await import("bullmq");
  const queue = new bullmq.Queue<PartData>(name, { connection: connectionOf(url) });
  const errors: string[] = [];
  queue.on("error", (error) => errors.push(error.message));
  let done = 0;
  let worker: Worker<PartData> | null = null;
  try {
    const before = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
    if (Object.values(before).every((n) => n === 0)) {
      // Nobody is at work: parts of an earlier command may be run again; their ledgers know what is done.
      await queue.clean(0, 100_000, "completed");
      await queue.clean(0, 100_000, "failed");
    }
    await queue.addBulk(
      Array.from({ length: parts }, (_, i) => ({
        name: "part",
        data: { index: i + 1, count: parts },
        opts: {
          jobId: `part-${i + 1}-of-${parts}`,
          attempts,
          backoff: { type: "fixed", delay: 500 },
        },
      })),
    );
    worker = new bullmq.Worker<PartData>(
      name,
      async (job: Job<PartData>) => {
        await work(job.data);
        done++;
      },
      {
        connection: connectionOf(url),
        lockDuration: lockMs,
        stalledInterval: lockMs,
        maxStalledCount: 5,
      },
    );
    worker.on("error", (error) => errors.push(error.message));
    worker.on("completed", (job) => options.onPart?.(job.data, "done", null));
    worker.on("failed", (job, error) => {
      if (job !== undefined) options.onPart?.(job.data, "failed", error.message);
    });
    for (;;) {
      if (signal?.aborted === true) break;
      const left = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
      if (Object.values(left).every((n) => n === 0)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const failed = await queue.getFailed(0, parts);
    return {
      done,
      failed: failed.map((job) => ({
        part: `${job.data.index}/${job.data.count}`,
        reason: job.failedReason,
      })),
    };
  } catch (cause) {
    throw new Error(
      `queue: ${cause instanceof Error ? cause.message : String(cause)}${errors.length > 0 ? ` (${errors.at(-1)})` : ""}. Is Redis running at the address of --queue?`,
      { cause },
    );
  } finally {
    await worker?.close();
    await queue.close();
  }
}
