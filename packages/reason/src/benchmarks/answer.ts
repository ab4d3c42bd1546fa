/**
 * One item of a benchmark through a model: build the request, ask, read, and ask again where nothing readable came.
 * The row that comes out names everything that the answer depends on, so that a score can be made again from rows
 * alone, and is joined by id: a retry or a lost item cannot move another item's answer.
 */
import { ChatError, type ChatPart, type ChatReply, type Sampling } from "../chat/chat-model.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import type { ItemTools } from "../batch/run-batch.ts";
import type { Parsed } from "../parse/parsed.ts";
import { buildRequest, type ReasoningStyle } from "../prompts/build-request.ts";
import type { PromptTemplate } from "../prompts/template.ts";

/** What the answer of an item depends on, and the reply as it came. */
export interface AnswerRecord {
  readonly promptHash: string;
  /** Stable id of the model, and the name that the server reported. */
  readonly model: string;
  readonly servedAs: string;
  readonly isSynthetic: boolean;
  readonly sampling: Sampling;
  readonly isReasoning: boolean;
  readonly raw: string;
  readonly reasoning: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ReadAnswer<Value> {
  /** null: no attempt could be read; the item counts as wrong. */
  readonly value: Value | null;
  readonly problem: string | null;
  readonly notes: readonly string[];
  /** Requests that this item took, the last one counted. */
  readonly tries: number;
  readonly answer: AnswerRecord;
}

export interface AnswerSettings {
  readonly isReasoning: boolean;
  readonly style: ReasoningStyle;
  /** Beats the template's. */
  readonly sampling: Partial<Sampling>;
  /** How often an unread or cut-off reply is asked for again. */
  readonly retries: number;
}

/**
 * Settings of the k-th retry, k from 1: 256 more tokens each and a temperature that rises by 0.05 to at most 0.9,
 * so that a greedy model does not repeat its failure.
 */
export function retrySampling(sampling: Sampling, k: number): Sampling {
  if (k === 0) return sampling;
  const { temperature = 0, maxTokens } = sampling;
  return {
    ...sampling,
    maxTokens: maxTokens + 256 * k,
    // Rounded: 0.6 + 0.05 k has a tail of digits that would change cache keys between platforms.
    temperature: Math.round(Math.min(Math.max(temperature, 0.6) + 0.05 * k, 0.9) * 1e6) / 1e6,
  };
}

export async function answerItem<Value>(
  parts: {
    readonly template: PromptTemplate;
    readonly values: Readonly<Record<string, string>>;
    readonly media: readonly ChatPart[];
    readonly model: ChatModel;
    readonly settings: AnswerSettings;
    readonly read: (raw: string) => Parsed<Value>;
    readonly extraBody?: Readonly<Record<string, unknown>>;
    /** For repeated trials of one question. */
    readonly trial?: number;
  },
  { ask }: Pick<ItemTools, "ask">,
): Promise<ReadAnswer<Value>> {
  const { template, values, media, model, settings, read, extraBody, trial = 0 } = parts;
  const { request, promptHash } = buildRequest(template, {
    values,
    media,
    isReasoning: settings.isReasoning,
    style: settings.style,
    sampling: settings.sampling,
    ...(extraBody === undefined ? {} : { extraBody }),
  });
  for (let k = 0; ; k++) {
    const { seed } = request.sampling;
    // Trials with one seed would all be the same answer.
    const sampling = retrySampling(
      seed === undefined || trial === 0
        ? request.sampling
        : { ...request.sampling, seed: seed + trial },
      k,
    );
    let reply: ChatReply;
    try {
      const asked = await ask(
        { ...request, sampling },
        { model, promptHash, trial: trial * 1000 + k, isCutAllowed: false },
      );
      reply = asked.reply;
    } catch (error) {
      // Cut off or empty: more tokens may help. Other errors are the batch's to count.
      const mayPass = error instanceof ChatError && ["truncated", "empty"].includes(error.kind);
      if (mayPass && k < settings.retries) continue;
      throw error;
    }
    const parsed = read(reply.raw);
    if (!parsed.ok && k < settings.retries) continue;
    return {
      value: parsed.ok ? parsed.value : null,
      problem: parsed.ok ? null : parsed.reason,
      notes: parsed.ok ? parsed.notes : [],
      tries: k + 1,
      answer: {
        promptHash,
        model: model.id,
        servedAs: reply.model,
        isSynthetic: model.isSynthetic,
        sampling,
        isReasoning: settings.isReasoning,
        raw: reply.raw,
        reasoning: reply.reasoning ?? null,
        inputTokens: reply.inputTokens,
        outputTokens: reply.outputTokens,
      },
    };
  }
}
