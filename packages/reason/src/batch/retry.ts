/** Which failures are tried again, how often, and how long the wait is. */
import type { ChatError, ChatErrorKind } from "../chat/chat-model.ts";
import { stableFraction } from "./content-key.ts";

export interface RetryPolicy {
  /** Requests per question, the first included. Kinds that are not named are final at once. */
  readonly attempts: Readonly<Partial<Record<ChatErrorKind, number>>>;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: { "rate-limit": 8, server: 5, network: 5, timeout: 3, empty: 3 },
  firstDelayMs: 1000,
  maxDelayMs: 60_000,
};

/**
 * Milliseconds until the next request, or null when this failure is final. Doubles with each failure, with a jitter
 * that depends on the question, so that runs repeat; never shorter than what the server asked for.
 *
 * @param failures How often this question failed, at least 1.
 */
export function retryDelay(
  policy: RetryPolicy,
  error: ChatError,
  failures: number,
  key: string,
): number | null {
  if (failures >= (policy.attempts[error.kind] ?? 1)) return null;
  const doubled = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (failures - 1));
  const jittered = doubled * (0.5 + stableFraction(`${key}/${failures}`) / 2);
  return Math.max(jittered, error.retryAfterMs ?? 0);
}
