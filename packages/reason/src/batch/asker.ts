/**
 * One question to a model, with everything that a batch needs around it: known replies, cache, pace, budget, retries,
 * the ledger, and a second chance for a reply that cannot be read.
 */
import PQueue from "p-queue";
import { ChatError, type ChatModel, type ChatReply, type ChatRequest } from "../chat/chat-model.ts";
import { estimateTextTokens } from "../chat/estimate-tokens.ts";
import type { Clock } from "../clock.ts";
import type { BatchLedger } from "./batch-ledger.ts";
import type { Budget, Spending } from "./budget.ts";
import { requestKey } from "./content-key.ts";
import type { Pace } from "./pace.ts";
import type { ReplyCache } from "./reply-cache.ts";
import { type RetryPolicy, retryDelay } from "./retry.ts";

/** What a reader throws when a reply is not what was asked for; the message says what is wrong with it. */
export class ReplyFormatError extends Error {
  override readonly name = "ReplyFormatError";
}

export interface AskOptions<Value> {
  /** Another model than the batch's, such as a critic. It must be among the batch's `otherModels`. */
  readonly model?: ChatModel;
  readonly promptHash?: string;
  /** For repeated trials of one request: 0, 1, 2, … */
  readonly trial?: number;
  /** Makes something of the reply. Throws `ReplyFormatError` when it cannot. */
  readonly read?: (reply: ChatReply) => Value;
  /** How often the model is told what was wrong with its reply and asked again. */
  readonly repairs?: number;
  /** Take a reply that max_tokens cut off. Otherwise it is a failure of kind "truncated". */
  readonly isCutAllowed?: boolean;
  /** Pieces of the answer as they come. Silent where the cache or the ledger answers. */
  readonly onText?: (piece: string, channel: "reasoning" | "answer") => void;
  /** Expected input tokens, media included; without it only text is counted. For budget and pace. */
  readonly inputTokens?: number;
}

export interface Asked<Value> {
  readonly value: Value;
  readonly reply: ChatReply;
  /** Names the reply in the ledger. */
  readonly key: string;
  readonly numRepairs: number;
}

/** Asks within the work of one item. */
export type Ask = <Value = ChatReply>(
  request: ChatRequest,
  options?: AskOptions<Value>,
) => Promise<Asked<Value>>;

export interface AskerParts {
  readonly model: ChatModel;
  readonly known: ReadonlyMap<string, ChatReply>;
  /** Items whose former replies failed: they are asked anew, past the ledger and the cache. */
  readonly fresh: ReadonlySet<string>;
  readonly ledger: BatchLedger | null;
  readonly cache: ReplyCache | null;
  readonly pace: Pace;
  readonly budget: Budget;
  readonly retry: RetryPolicy;
  readonly concurrency: number;
  readonly clock: Clock;
  /** No new request after this. */
  readonly signal: AbortSignal;
  /** Requests in flight are given up. */
  readonly hardSignal: AbortSignal;
  readonly onReply: (reply: ChatReply, from: "model" | "cache" | "ledger") => void;
  readonly onAttempt: (error: ChatError) => void;
}

type LiveOptions = Pick<AskOptions<unknown>, "onText" | "inputTokens">;

export class Asker {
  readonly #parts: AskerParts;
  readonly #queue: PQueue;
  /** Equal questions that are asked at the same time are asked once. */
  readonly #inFlight = new Map<string, Promise<ChatReply>>();
  /** Input tokens that servers counted, over those expected: media make the difference where nobody planned them. */
  #counted = 0;
  #expected = 0;

  constructor(parts: AskerParts) {
    this.#parts = parts;
    this.#queue = new PQueue({ concurrency: parts.concurrency });
  }

  async ask<Value>(
    item: string,
    request: ChatRequest,
    options: AskOptions<Value> = {},
  ): Promise<Asked<Value>> {
    const model = options.model ?? this.#parts.model;
    let current = request;
    for (let numRepairs = 0; ; numRepairs++) {
      const key = requestKey(model, current, options);
      const reply = await this.#reply(item, model, key, current, options);
      if (reply.finish === "length" && options.isCutAllowed !== true)
        throw new ChatError(
          "truncated",
          `model ${model.id}: max_tokens (${request.sampling.maxTokens}) ran out in the middle of the answer`,
        );
      if (options.read === undefined) return { value: reply as Value, reply, key, numRepairs };
      try {
        return { value: options.read(reply), reply, key, numRepairs };
      } catch (error) {
        if (!(error instanceof ReplyFormatError)) throw error;
        if (numRepairs >= (options.repairs ?? 1))
          throw new ChatError("bad-reply", `model ${model.id}: ${error.message}`, { cause: error });
        current = repairRequest(request, reply, error.message);
      }
    }
  }

  async #reply(
    item: string,
    model: ChatModel,
    key: string,
    request: ChatRequest,
    options: LiveOptions,
  ): Promise<ChatReply> {
    const { known, fresh, ledger, cache, onReply } = this.#parts;
    const before = fresh.has(item) ? undefined : known.get(key);
    if (before !== undefined) {
      onReply(before, "ledger");
      return before;
    }
    const running = this.#inFlight.get(key);
    if (running !== undefined) return running;
    const work = (async (): Promise<ChatReply> => {
      const cached = fresh.has(item) ? null : ((await cache?.get(model, key)) ?? null);
      if (cached !== null) {
        await ledger?.reply(item, key, cached, true);
        onReply(cached, "cache");
        return cached;
      }
      const reply = await this.#live(item, model, key, request, options);
      await ledger?.reply(item, key, reply, false);
      await cache?.put(model, key, reply);
      onReply(reply, "model");
      return reply;
    })();
    this.#inFlight.set(key, work);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(key);
    }
  }

  async #live(
    item: string,
    model: ChatModel,
    key: string,
    request: ChatRequest,
    options: LiveOptions,
  ): Promise<ChatReply> {
    const inputTokens = options.inputTokens ?? estimateTextTokens(request);
    const { ledger, pace, retry, clock, signal, onAttempt } = this.#parts;
    for (let failures = 1; ; failures++) {
      try {
        return await this.#queue.add(() => this.#send(model, request, inputTokens, options.onText));
      } catch (error) {
        if (!(error instanceof ChatError) || error.kind === "stopped") throw error;
        onAttempt(error);
        await ledger?.attempt(item, key, { kind: error.kind, message: error.message });
        const delay = retryDelay(retry, error, failures, key);
        if (delay === null) throw error;
        if (error.kind === "rate-limit" && error.retryAfterMs !== undefined)
          pace.pause(error.retryAfterMs);
        await clock.sleep(delay, signal);
      }
    }
  }

  async #send(
    model: ChatModel,
    request: ChatRequest,
    expected: number,
    onText: LiveOptions["onText"],
  ): Promise<ChatReply> {
    const { pace, budget, signal, hardSignal } = this.#parts;
    const ratio = this.#expected > 0 ? Math.max(1, this.#counted / this.#expected) : 1;
    const inputTokens = Math.ceil(expected * ratio);
    const most: Spending = { requests: 1, inputTokens, outputTokens: request.sampling.maxTokens };
    await budget.reserve(most);
    let real: Spending = { requests: 0, inputTokens: 0, outputTokens: 0 };
    try {
      await pace.wait(inputTokens, signal);
      if (signal.aborted) throw new ChatError("stopped", "stopped before the request was sent");
      real = { ...real, requests: 1 };
      const reply = await model.complete(request, {
        signal: hardSignal,
        ...(onText === undefined ? {} : { onText }),
      });
      real = { requests: 1, inputTokens: reply.inputTokens, outputTokens: reply.outputTokens };
      this.#counted += reply.inputTokens;
      this.#expected += expected;
      pace.correct(reply.inputTokens + reply.outputTokens - inputTokens);
      return reply;
    } finally {
      budget.settle(most, real);
    }
  }
}

/** The same conversation with the reply that could not be read, and what was wrong with it. */
function repairRequest(request: ChatRequest, reply: ChatReply, problem: string): ChatRequest {
  const text = `That reply could not be used: ${problem} Reply again with the complete answer in the required form and nothing else.`;
  return {
    ...request,
    messages: [
      ...request.messages,
      { role: "assistant", content: [{ type: "text", text: reply.text }] },
      { role: "user", content: [{ type: "text", text }] },
    ],
  };
}
