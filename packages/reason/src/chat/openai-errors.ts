/**
 * Errors of an OpenAI-compatible server as `ChatError`, by what the caller can do about them.
 * Messages of servers may repeat the key or the request, so they are shortened and cleaned.
 */
import { APIConnectionError, APIConnectionTimeoutError, APIError } from "openai";
import { ChatError, type ChatErrorKind } from "./chat-model.ts";

const isContextLength =
  /context length|context window|maximum context|max_model_len|too many tokens|prompt is too long|longer than the maximum|exceeds the maximum/i;
const isContentFilter = /content[_ ]?(filter|policy|management)|safety system|moderation/i;

export function chatErrorOf(error: unknown, model: string, secret: string | null): ChatError {
  if (error instanceof ChatError) return error;
  const where = `model ${model}`;
  if (error instanceof APIConnectionTimeoutError)
    return new ChatError("timeout", `${where}: no answer in time`, { cause: error });
  if (error instanceof APIConnectionError || !(error instanceof APIError))
    return new ChatError(
      "network",
      `${where}: the connection failed (${connectionReason(error)}). Is the server running, and is the address right?`,
      { cause: error },
    );
  const said = cleanMessage(error.message, secret);
  const kind = kindOf(error, said);
  const retryAfterMs =
    kind === "rate-limit" || kind === "server" ? retryAfter(error.headers) : null;
  return new ChatError(kind, `${where}: ${said}${adviceOf(kind)}`, {
    cause: error,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}

function kindOf(error: APIError, said: string): ChatErrorKind {
  const { status } = error;
  const code = `${error.code ?? ""} ${error.type ?? ""}`;
  if (status === 401 || status === 403) return "auth";
  // OpenAI says "rate limit" when the account has no money left: waiting does not help.
  if (status === 429) return /insufficient_quota|billing/.test(code) ? "auth" : "rate-limit";
  if (status === 408) return "timeout";
  if (status === undefined) return "server";
  if (status >= 500 || status === 409 || status === 425) return "server";
  if (isContextLength.test(`${said} ${code}`)) return "context-length";
  if (isContentFilter.test(`${said} ${code}`)) return "refusal";
  return "bad-request";
}

function adviceOf(kind: ChatErrorKind): string {
  if (kind === "auth")
    return ". Set the key in the environment: CAUSEWAY_API_KEY, or the provider's own variable";
  if (kind === "context-length") return ". Use fewer frames or pixels, or a longer --max-model-len";
  return "";
}

/** From `retry-after-ms` or Retry-After, which is a number of seconds or a date. */
export function retryAfter(headers: Headers | undefined, now: number = Date.now()): number | null {
  const milliseconds = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds;
  const text = headers?.get("retry-after") ?? "";
  if (text === "") return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** The innermost reason: "ECONNREFUSED", "socket hang up". */
function connectionReason(error: unknown): string {
  let reason = error instanceof Error ? error.message : String(error);
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 8; e = e.cause, depth++) {
    const { code } = e as { code?: unknown };
    reason = typeof code === "string" ? code : e.message || reason;
  }
  return reason.replace(/\s+/g, " ").slice(0, 200);
}

/** One line, at most 400 characters, without the key. */
export function cleanMessage(message: string, secret: string | null): string {
  let text = message.replace(/\s+/g, " ").trim();
  if (secret !== null && secret.length >= 4) text = text.replaceAll(secret, "***");
  text = text.replace(/\b(sk|nvapi|key)-[\w-]{6,}/g, "***");
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
