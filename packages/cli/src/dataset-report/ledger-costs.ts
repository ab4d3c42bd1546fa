/**
 * What asking models cost: every folder below the dataset that has ledgers (`ledger*.jsonl`, append-only, of the batch
 * runner). Replies are counted from the ledger itself; money is what the run's own summary says, with its prices.
 */
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { FormatError, readJsonl } from "@causeway/data";
import type { LedgerCost } from "@causeway/eval";
import { z } from "zod";

const replyRow = z.object({
  type: z.literal("reply"),
  isCached: z.boolean(),
  reply: z.object({
    model: z.string(),
    inputTokens: z.number(),
    outputTokens: z.number(),
    latencyMs: z.number(),
    areTokensEstimated: z.boolean().optional(),
  }),
});
const itemRow = z.object({
  type: z.literal("item"),
  item: z.string(),
  end: z.object({ status: z.enum(["done", "failed"]), kind: z.string().optional() }),
});
const runRow = z.object({
  type: z.literal("run"),
  identity: z.looseObject({ isSynthetic: z.boolean().optional() }),
});
const summaryShape = z.looseObject({ costUsd: z.number().nullable().optional() });

const ledgerName = /^ledger(\.\d+-of-\d+)?\.jsonl$/;
const mostDepth = 4;
const mostLatencies = 5000;

async function ledgerFolders(dir: string, depth = 0): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const found = entries.some((e) => e.isFile() && ledgerName.test(e.name)) ? [dir] : [];
  if (depth === mostDepth) return found;
  for (const entry of entries) {
    // Pictures, caches and other datasets hold no ledgers of this one.
    if (!entry.isDirectory() || ["drives", "cache", "curate", "report"].includes(entry.name))
      continue;
    found.push(...(await ledgerFolders(join(dir, entry.name), depth + 1)));
  }
  return found;
}

export async function gatherCosts(
  dir: string,
): Promise<{ ledgers: LedgerCost[]; unreadable: { what: string; why: string }[] }> {
  const ledgers: LedgerCost[] = [];
  const unreadable: { what: string; why: string }[] = [];
  for (const folder of (await ledgerFolders(dir)).sort()) {
    const name = relative(dir, folder) || ".";
    const models = new Map<
      string,
      {
        replies: number;
        cached: number;
        inputTokens: number;
        outputTokens: number;
        areTokensEstimated: boolean;
        latencies: number[];
      }
    >();
    // An item that ended twice (two writers) counts once.
    const ends = new Map<string, string>();
    let isSynthetic = false;
    let failedRequests = 0;
    for (const file of (await readdir(folder)).filter((f) => ledgerName.test(f)).sort()) {
      try {
        for await (const row of readJsonl(join(folder, file))) {
          const { type } = row as { type?: unknown };
          if (type === "attempt") failedRequests++;
          if (type === "run")
            isSynthetic ||= runRow.safeParse(row).data?.identity.isSynthetic === true;
          if (type === "item") {
            const item = itemRow.safeParse(row).data;
            if (item !== undefined && ends.get(item.item) !== "done")
              ends.set(
                item.item,
                item.end.status === "done" ? "done" : (item.end.kind ?? "failed"),
              );
          }
          if (type !== "reply") continue;
          const parsed = replyRow.safeParse(row);
          if (!parsed.success) continue;
          const { isCached, reply } = parsed.data;
          const m = models.get(reply.model) ?? {
            replies: 0,
            cached: 0,
            inputTokens: 0,
            outputTokens: 0,
            areTokensEstimated: false,
            latencies: [],
          };
          models.set(reply.model, m);
          if (isCached) {
            m.cached++;
            continue;
          }
          m.replies++;
          m.inputTokens += reply.inputTokens;
          m.outputTokens += reply.outputTokens;
          m.areTokensEstimated ||= reply.areTokensEstimated === true;
          if (m.latencies.length < mostLatencies) m.latencies.push(reply.latencyMs / 1000);
        }
      } catch (error) {
        // A torn last line after a kill: what stands before it counts.
        if (!(error instanceof FormatError)) throw error;
        unreadable.push({ what: `${name}/${file}`, why: error.message });
      }
    }
    const failed: Record<string, number> = {};
    let done = 0;
    for (const end of ends.values()) {
      if (end === "done") done++;
      else failed[end] = (failed[end] ?? 0) + 1;
    }
    ledgers.push({
      name,
      isSynthetic,
      models: [...models]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([model, { latencies, ...m }]) => ({
          model,
          ...m,
          medianSecs: latencies.sort((a, b) => a - b)[latencies.length >> 1] ?? null,
        })),
      done,
      failed,
      failedRequests,
      costUsd: await costOf(folder),
    });
  }
  return { ledgers, unreadable };
}

/** Sum over the summaries of all shards; null when none has a price. */
async function costOf(folder: string): Promise<number | null> {
  let sum: number | null = null;
  for (const file of await readdir(folder)) {
    if (!/^summary.*\.json$/.test(file)) continue;
    try {
      const parsed = summaryShape.safeParse(JSON.parse(await readFile(join(folder, file), "utf8")));
      const cost = parsed.data?.costUsd;
      if (cost !== null && cost !== undefined) sum = (sum ?? 0) + cost;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return sum;
}
