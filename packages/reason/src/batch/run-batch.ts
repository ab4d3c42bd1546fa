/**
 * Many items through a model: one implementation of concurrency, cache, budget, retries, resume, shards and counting
 * for every command that asks a model about more than one thing.
 *
 * An item is known by its id, never by its position. Its end (done with a row, or failed with a kind) is in the ledger
 * before it counts. A run that was killed goes on: ended items are not asked again, nor is any question whose reply
 * had arrived; only requests that were in flight at the kill are sent again.
 */
import { join } from "node:path";
import PQueue from "p-queue";
import { ChatError, type ChatModel, type ChatReply, retryableKinds } from "../chat/chat-model.ts";
import { type Clock, systemClock } from "../clock.ts";
import { type Ask, Asker } from "./asker.ts";
import { BatchLedger, type Failure, type ItemEnd, type LedgerState } from "./batch-ledger.ts";
import { type BatchSummary, costOf, countEnds, type EarlyStop } from "./batch-summary.ts";
import { Budget, BudgetError, type BudgetLimits, noSpending, type TokenPrice } from "./budget.ts";
import { Pace, type PaceOptions } from "./pace.ts";
import { openReplyCache } from "./reply-cache.ts";
import { defaultRetryPolicy, type RetryPolicy } from "./retry.ts";
import { BatchConfigError, isInShard, type Shard } from "./shard.ts";
import { writeWholeFile } from "./whole-file.ts";

export interface BatchItem {
  /** Unique within the batch. */
  readonly id: string;
  /** Hash of what else the row depends on (files, references). Another value makes a new item of it. */
  readonly inputKey?: string;
}

export interface ItemTools {
  readonly ask: Ask;
  /** Aborted when the run is to stop; questions throw by themselves then. */
  readonly signal: AbortSignal;
}

export interface BatchOptions<Item extends BatchItem, Row> {
  readonly items: readonly Item[];
  readonly model: ChatModel;
  /** Further models that `ask` may be given. */
  readonly otherModels?: readonly ChatModel[];
  /**
   * Makes the row of an item; it must be plain JSON. What it throws is the item's failure: a `ChatError` by its kind,
   * other errors as `input`.
   */
  readonly work: (item: Item, tools: ItemTools) => Promise<Row>;
  /** Where the ledger, results.jsonl and summary.json go; null for a dry run, which writes nothing at all. */
  readonly folder: string | null;
  readonly cacheFolder: string | null;
  /** What all answers depend on: prompt hash, sampling, task. Kept in the ledger; a change needs another folder. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly concurrency?: number;
  readonly pace?: PaceOptions;
  readonly budget?: BudgetLimits;
  readonly price?: TokenPrice;
  readonly retry?: RetryPolicy;
  readonly shard?: Shard | null;
  /** Which failures of an earlier session are tried again: those that may pass, all, or none. */
  readonly retryFailed?: "passing" | "all" | "none";
  readonly signal?: AbortSignal;
  /** How long requests in flight may still take after a stop. */
  readonly graceMs?: number;
  readonly clock?: Clock;
  readonly onProgress?: (progress: BatchProgress) => void;
  /** After each item that ends in this session. */
  readonly onEnd?: (id: string, end: ItemEnd<Row>) => void;
}

export interface BatchProgress {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly inputTokensPerSec: number;
  readonly outputTokensPerSec: number;
}

export interface BatchResult<Row> {
  readonly summary: BatchSummary;
  /** Null when every item ended. */
  readonly stop: EarlyStop | null;
  /** Rows of the items that are done, by id, in the order of the items. */
  readonly rows: ReadonlyMap<string, Row>;
  readonly failures: ReadonlyMap<string, Failure>;
  /** Null in a dry run. */
  readonly resultsPath: string | null;
}

/** Items that fail one after another because nobody answers, until the run stops. */
const unreachableAfter = 8;

export async function runBatch<Item extends BatchItem, Row>(
  options: BatchOptions<Item, Row>,
): Promise<BatchResult<Row>> {
  const { model, folder, shard = null, clock = systemClock } = options;
  const models = [model, ...(options.otherModels ?? [])];
  const isSynthetic = models.some((m) => m.isSynthetic);
  const concurrency = options.concurrency ?? 8;
  const items = options.items.filter((item) => shard === null || isInShard(item.id, shard));
  checkIds(options.items);
  const identity = { ...options.identity, models: models.map((m) => m.id), isSynthetic };
  const opened = folder === null ? null : await BatchLedger.open<Row>(folder, identity, shard);
  const state: LedgerState<Row> = opened?.state ?? emptyState();
  const ledger = opened?.ledger ?? null;

  const soft = new AbortController();
  const hard = new AbortController();
  let stop: EarlyStop | null = null;
  const stopFor = (reason: EarlyStop["reason"], message: string): void => {
    stop ??= { reason, message };
    if (soft.signal.aborted) return;
    soft.abort();
    setTimeout(() => hard.abort(), options.graceMs ?? 10_000).unref();
  };
  const onSignal = (): void => stopFor("stopped", "stopped by the user");
  if (options.signal?.aborted === true) onSignal();
  options.signal?.addEventListener("abort", onSignal, { once: true });

  const ends = new Map<string, ItemEnd<Row>>();
  const fresh = new Set<string>();
  for (const item of items) {
    const known = state.ends.get(item.id);
    if (known === undefined || known.inputKey !== (item.inputKey ?? "")) continue;
    if (isFinal(known.end, options.retryFailed ?? "passing")) ends.set(item.id, known.end);
    else fresh.add(item.id);
  }
  const resumed = ends.size;
  const budget = new Budget(options.budget ?? {}, options.price ?? null, state.spent);
  const start = clock.now();
  const session = { input: 0, output: 0, cached: 0, attempts: 0, isEstimated: false };
  const onReply = (reply: ChatReply, from: "model" | "cache" | "ledger"): void => {
    if (from === "cache") session.cached++;
    if (from !== "model") return;
    session.input += reply.inputTokens;
    session.output += reply.outputTokens;
    if (reply.areTokensEstimated === true) session.isEstimated = true;
  };
  const asker = new Asker({
    model,
    known: state.replies,
    fresh,
    ledger,
    cache: options.cacheFolder === null ? null : openReplyCache(options.cacheFolder),
    pace: new Pace(options.pace ?? {}, clock),
    budget,
    retry: options.retry ?? defaultRetryPolicy,
    concurrency,
    clock,
    signal: soft.signal,
    hardSignal: hard.signal,
    onReply,
    onAttempt: () => session.attempts++,
  });

  let unanswered = 0;
  let broken: unknown = null;
  let failed = [...ends.values()].filter((end) => end.status === "failed").length;
  const progress = (): void => {
    const secs = Math.max(1e-3, (clock.now() - start) / 1000);
    options.onProgress?.({
      done: ends.size - failed,
      failed,
      total: items.length,
      inputTokensPerSec: session.input / secs,
      outputTokensPerSec: session.output / secs,
    });
  };

  const handle = async (item: Item): Promise<void> => {
    const end = await endOf(item, options.work, {
      ask: (request, ask) => asker.ask(item.id, request, ask),
      signal: soft.signal,
    });
    if (end.status === "interrupted") {
      if (end.error instanceof BudgetError) stopFor("budget", end.error.message);
      return;
    }
    if (end.status === "failed" && end.kind === "auth") {
      stopFor("auth", end.message);
      return;
    }
    if (end.status === "failed" && end.kind === "network") {
      unanswered++;
      if (unanswered >= unreachableAfter) stopFor("unreachable", end.message);
    } else unanswered = 0;
    await ledger?.end(item.id, item.inputKey ?? "", end);
    ends.set(item.id, end);
    if (end.status === "failed") failed++;
    options.onEnd?.(item.id, end);
    progress();
  };

  const queue = new PQueue({ concurrency });
  try {
    for (const item of items) {
      if (ends.has(item.id)) continue;
      await queue.onSizeLessThan(1);
      if (soft.signal.aborted) break;
      // A ledger that cannot be written ends the run: nothing may happen that is not recorded.
      void queue
        .add(async () => {
          if (!soft.signal.aborted) await handle(item);
        })
        .catch((error: unknown) => {
          broken ??= error;
          soft.abort();
          hard.abort();
        });
    }
    await queue.onIdle();
    if (broken !== null) throw broken as Error;
    const wallSecs = (clock.now() - start) / 1000;
    const secs = Math.max(1e-3, wallSecs);
    const ids = items.map((item) => item.id);
    const summary: BatchSummary = {
      isSynthetic,
      ...countEnds(ids, (id) => ends.get(id) ?? null),
      resumed,
      cached: session.cached,
      spent: budget.spent,
      numFailedRequests: state.numFailedRequests + session.attempts,
      costUsd: costOf(budget.spent, options.price ?? null),
      wallSecs,
      inputTokensPerSec: session.input / secs,
      outputTokensPerSec: session.output / secs,
      areTokensEstimated: session.isEstimated,
      damaged: state.damaged,
      repeated: state.repeated,
    };
    const resultsPath =
      folder === null ? null : await writeResults(folder, shard, ids, ends, summary, stop);
    return { summary, stop, ...split(ids, ends), resultsPath };
  } finally {
    options.signal?.removeEventListener("abort", onSignal);
    await ledger?.close();
  }
}

type WorkEnd<Row> = ItemEnd<Row> | { readonly status: "interrupted"; readonly error: unknown };

async function endOf<Item extends BatchItem, Row>(
  item: Item,
  work: BatchOptions<Item, Row>["work"],
  tools: ItemTools,
): Promise<WorkEnd<Row>> {
  try {
    return { status: "done", row: await work(item, tools) };
  } catch (error) {
    if (error instanceof BudgetError) return { status: "interrupted", error };
    if (error instanceof ChatError) {
      if (error.kind === "stopped") return { status: "interrupted", error };
      return { status: "failed", kind: error.kind, message: error.message };
    }
    if (tools.signal.aborted && error instanceof Error && /abort|stopped/i.test(error.name))
      return { status: "interrupted", error };
    const isDefect = error instanceof TypeError || error instanceof ReferenceError;
    return {
      status: "failed",
      kind: isDefect ? "internal" : "input",
      message: error instanceof Error ? error.message : String(error),
    };
  }
}

/** Whether an end of an earlier session stays. Failures that may pass are worth another try. */
function isFinal(end: ItemEnd<unknown>, retryFailed: "passing" | "all" | "none"): boolean {
  if (end.status === "done" || retryFailed === "none") return true;
  if (retryFailed === "all") return false;
  return !(retryableKinds as ReadonlySet<string>).has(end.kind) && end.kind !== "internal";
}

function checkIds(items: readonly BatchItem[]): void {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { id } of items) {
    if (seen.has(id)) twice.add(id);
    seen.add(id);
  }
  if (twice.size > 0)
    throw new BatchConfigError(
      `${twice.size} ids occur more than once (${[...twice].slice(0, 3).join(", ")}); expected one item per id.`,
    );
}

const emptyState = <Row>(): LedgerState<Row> => ({
  ends: new Map(),
  replies: new Map(),
  spent: noSpending,
  numFailedRequests: 0,
  damaged: [],
  repeated: [],
});

function split<Row>(
  ids: readonly string[],
  ends: ReadonlyMap<string, ItemEnd<Row>>,
): Pick<BatchResult<Row>, "rows" | "failures"> {
  const rows = new Map<string, Row>();
  const failures = new Map<string, Failure>();
  for (const id of ids) {
    const end = ends.get(id);
    if (end?.status === "done") rows.set(id, end.row);
    else if (end !== undefined) failures.set(id, { kind: end.kind, message: end.message });
  }
  return { rows, failures };
}

async function writeResults(
  folder: string,
  shard: Shard | null,
  ids: readonly string[],
  ends: ReadonlyMap<string, ItemEnd<unknown>>,
  summary: BatchSummary,
  stop: EarlyStop | null,
): Promise<string> {
  const suffix = shard === null ? "" : `.${shard.index}-of-${shard.count}`;
  const mark = summary.isSynthetic ? { synthetic: true } : {};
  const lines = ids.map((id) =>
    JSON.stringify({ id, ...mark, ...(ends.get(id) ?? { status: "pending" }) }),
  );
  const path = join(folder, `results${suffix}.jsonl`);
  await writeWholeFile(path, lines.map((line) => `${line}\n`).join(""));
  await writeWholeFile(
    join(folder, `summary${suffix}.json`),
    `${JSON.stringify({ ...mark, ...summary, stop }, null, 2)}\n`,
  );
  return path;
}
