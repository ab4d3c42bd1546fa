/** Keys by content: equal inputs give equal keys, whatever the order of fields. Media count by their bytes. */
import { createHash } from "node:crypto";
import type { ChatModel, ChatRequest } from "../chat/chat-model.ts";

/** JSON with sorted keys; bytes become their hash, undefined fields vanish. */
export function canonicalJson(value: unknown): string {
  const sort = (v: unknown): unknown => {
    if (v instanceof Uint8Array) return `sha256:${createHash("sha256").update(v).digest("hex")}`;
    if (Array.isArray(v)) return v.map(sort);
    if (typeof v !== "object" || v === null) return v;
    const entries = Object.entries(v).filter(([, item]) => item !== undefined);
    return Object.fromEntries(
      entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, item]) => [k, sort(item)]),
    );
  };
  return JSON.stringify(sort(value));
}

/** 32 hexadecimal digits. */
export const contentKey = (value: unknown): string =>
  createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 32);

/** What makes two questions the same question. */
export interface QuestionIdentity {
  readonly promptHash?: string;
  /** Counts repeated trials of one request, which must not share an answer. */
  readonly trial?: number;
}

export function requestKey(
  model: ChatModel,
  request: ChatRequest,
  identity: QuestionIdentity = {},
): string {
  return contentKey({
    model: model.id,
    isSynthetic: model.isSynthetic,
    request,
    promptHash: identity.promptHash ?? null,
    trial: identity.trial ?? 0,
  });
}

/** A fraction in [0, 1) that depends on the text alone: for shards and for jitter. */
export function stableFraction(text: string): number {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6) / 2 ** 48;
}
