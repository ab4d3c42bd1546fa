/**
 * Work in batches that survives a kill: each batch is one JSONL file, written whole. What is there is not done again.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readJsonl, writeJsonl } from "@causeway/data";
import { listFiles } from "../pipeline/content-hash.ts";
import type { WorkContext } from "../pipeline/child-protocol.ts";

export interface Batch<Item> {
  /** File-name safe, unique, sorts in the order of the work. */
  readonly name: string;
  readonly items: readonly Item[];
}

/** Cuts items into batches called `<prefix>-000`, … */
export function batchesOf<Item>(
  prefix: string,
  items: readonly Item[],
  size: number,
): Batch<Item>[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => ({
    name: `${prefix}-${String(i).padStart(3, "0")}`,
    items: items.slice(i * size, (i + 1) * size),
  }));
}

/** Runs the batches of this process; `run` returns the rows of a batch. Progress counts items. */
export async function runBatches<Item>(
  folder: string,
  batches: readonly Batch<Item>[],
  context: WorkContext,
  run: (
    batch: Batch<Item>,
    report: (itemsDone: number, note?: string) => void,
  ) => Promise<Iterable<unknown>>,
): Promise<void> {
  const mine = batches.filter((_, i) => i % context.parts === context.part);
  const total = mine.reduce((n, b) => n + b.items.length, 0);
  let done = 0;
  for (const batch of mine) {
    context.signal.throwIfAborted();
    const path = join(folder, `${batch.name}.jsonl`);
    if ((await stat(path).catch(() => null)) === null) {
      const rows = await run(batch, (itemsDone, note) =>
        context.progress({
          done: done + itemsDone,
          total,
          ...(note === undefined ? {} : { note }),
        }),
      );
      await writeJsonl(path, rows);
    }
    done += batch.items.length;
    context.progress({ done, total });
  }
}

/** All rows of the batch files of a folder, in file order. */
export async function* readBatches<Row>(runDir: string, folder: string): AsyncGenerator<Row> {
  for (const file of await listFiles(runDir, folder))
    if (file.endsWith(".jsonl"))
      for await (const row of readJsonl(join(runDir, file))) yield row as Row;
}
