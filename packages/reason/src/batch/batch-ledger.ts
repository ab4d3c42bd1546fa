/**
 * The memory of a run: what was asked, what came back, what became of each item. One folder, one `ledger*.jsonl` per
 * writer (shards write side by side), read as one. Every reply is in the ledger before anything is made of it.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ChatErrorKind, ChatReply } from "../chat/chat-model.ts";
import { addSpending, noSpending, type Spending } from "./budget.ts";
import { canonicalJson } from "./content-key.ts";
import { JsonlLog, readLog } from "./jsonl-log.ts";
import { replyShape } from "./reply-cache.ts";
import { BatchConfigError, type Shard } from "./shard.ts";

/** `input`: the item itself cannot be used. `internal`: a defect of ours. */
export type FailureKind = ChatErrorKind | "input" | "internal";

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
}

export type ItemEnd<Row> =
  | { readonly status: "done"; readonly row: Row }
  | ({ readonly status: "failed" } & Failure);

/** What all answers of a run depend on. Another value in the same folder is another run. */
export type RunIdentity = Readonly<Record<string, unknown>> & { readonly isSynthetic: boolean };

const headerShape = z.object({ type: z.literal("run"), identity: z.looseObject({}) });
const replyRowShape = z.object({
  type: z.literal("reply"),
  item: z.string(),
  key: z.string(),
  isCached: z.boolean(),
  reply: replyShape,
});
const attemptRowShape = z.object({
  type: z.literal("attempt"),
  item: z.string(),
  key: z.string(),
  kind: z.string(),
});
const itemRowShape = z.object({
  type: z.literal("item"),
  item: z.string(),
  inputKey: z.string(),
  end: z.discriminatedUnion("status", [
    z.object({ status: z.literal("done"), row: z.unknown() }),
    z.object({ status: z.literal("failed"), kind: z.string(), message: z.string() }),
  ]),
});
const rowShape = z.discriminatedUnion("type", [
  headerShape,
  replyRowShape,
  attemptRowShape,
  itemRowShape,
]);

export interface LedgerState<Row> {
  readonly ends: ReadonlyMap<string, { readonly inputKey: string; readonly end: ItemEnd<Row> }>;
  /** Replies of items that have not ended, by request key. */
  readonly replies: ReadonlyMap<string, ChatReply>;
  /** By all earlier sessions. */
  readonly spent: Spending;
  readonly numFailedRequests: number;
  /** Lines that could not be read, as "file:line"; a torn last line is not counted. */
  readonly damaged: readonly string[];
  /** Items that ended twice as done (two writers); the first counts. */
  readonly repeated: readonly string[];
}

export class BatchLedger {
  readonly #log: JsonlLog;

  private constructor(log: JsonlLog) {
    this.#log = log;
  }

  /** Opens the folder's ledger and reads what is known. Throws when the folder belongs to another run. */
  static async open<Row>(
    folder: string,
    identity: RunIdentity,
    shard: Shard | null,
  ): Promise<{ ledger: BatchLedger; state: LedgerState<Row> }> {
    const name = shard === null ? "ledger.jsonl" : `ledger.${shard.index}-of-${shard.count}.jsonl`;
    const log = await JsonlLog.open(join(folder, name));
    try {
      const { state, hasHeader } = await readLedgers<Row>(folder, identity, name);
      const ledger = new BatchLedger(log);
      if (!hasHeader) await log.append({ type: "run", at: new Date().toISOString(), identity });
      return { ledger, state };
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  reply(item: string, key: string, reply: ChatReply, isCached: boolean): Promise<void> {
    return this.#log.append({ type: "reply", item, key, isCached, at: now(), reply });
  }

  /** A request that failed and may be tried again. */
  attempt(item: string, key: string, failure: Failure): Promise<void> {
    return this.#log.append({ type: "attempt", item, key, at: now(), ...failure });
  }

  end(item: string, inputKey: string, end: ItemEnd<unknown>): Promise<void> {
    return this.#log.append({ type: "item", item, inputKey, at: now(), end });
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

const now = (): string => new Date().toISOString();

async function readLedgers<Row>(
  folder: string,
  identity: RunIdentity,
  own: string,
): Promise<{ state: LedgerState<Row>; hasHeader: boolean }> {
  const names = (await readdir(folder))
    .filter((n) => /^ledger(\.\d+-of-\d+)?\.jsonl$/.test(n))
    .sort();
  const ends = new Map<string, { inputKey: string; end: ItemEnd<Row> }>();
  const replies = new Map<string, { item: string; reply: ChatReply }>();
  const damaged: string[] = [];
  const repeated: string[] = [];
  let spent = noSpending;
  let numFailedRequests = 0;
  let hasHeader = false;
  for (const name of names) {
    const content = await readLog(join(folder, name));
    damaged.push(...content.damagedLines.map((line) => `${name}:${line}`));
    content.rows.forEach((raw, i) => {
      const parsed = rowShape.safeParse(raw);
      if (!parsed.success) {
        damaged.push(`${name}:row ${i + 1}`);
        return;
      }
      const row = parsed.data;
      if (row.type === "run") {
        if (name === own) hasHeader = true;
        checkIdentity(row.identity, identity, folder);
      } else if (row.type === "reply") {
        replies.set(row.key, { item: row.item, reply: row.reply });
        if (!row.isCached)
          spent = addSpending(spent, {
            requests: 1,
            inputTokens: row.reply.inputTokens,
            outputTokens: row.reply.outputTokens,
          });
      } else if (row.type === "attempt") {
        numFailedRequests++;
        spent = addSpending(spent, { requests: 1, inputTokens: 0, outputTokens: 0 });
      } else {
        const known = ends.get(row.item);
        const isRepeat =
          known?.end.status === "done" &&
          row.end.status === "done" &&
          known.inputKey === row.inputKey;
        if (isRepeat) repeated.push(row.item);
        else if (known?.end.status !== "done" || row.end.status === "done")
          ends.set(row.item, { inputKey: row.inputKey, end: row.end as ItemEnd<Row> });
      }
    });
  }
  const open = [...replies].filter(([, { item }]) => ends.get(item)?.end.status !== "done");
  return {
    hasHeader,
    state: {
      ends,
      replies: new Map(open.map(([key, { reply }]) => [key, reply])),
      spent,
      numFailedRequests,
      damaged,
      repeated,
    },
  };
}

function checkIdentity(
  before: Readonly<Record<string, unknown>>,
  identity: RunIdentity,
  folder: string,
): void {
  const differing = [...new Set([...Object.keys(before), ...Object.keys(identity)])].filter(
    (key) => canonicalJson(before[key] ?? null) !== canonicalJson(identity[key] ?? null),
  );
  if (differing.length === 0) return;
  if (before.isSynthetic !== identity.isSynthetic)
    throw new BatchConfigError(
      `this folder holds ${before.isSynthetic === true ? "synthetic answers of a scripted model; a real run" : "answers of a real model; a synthetic run"} must not be mixed with them: choose another --out (${folder})`,
    );
  const shown = differing
    .slice(0, 3)
    .map((key) => `${key} was ${brief(before[key])}, is ${brief(identity[key])}`);
  throw new BatchConfigError(
    `this folder holds another run (${shown.join("; ")}). Use the same settings to go on, or another --out (${folder})`,
  );
}

const brief = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "not set";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};
