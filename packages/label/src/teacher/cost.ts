/** What labelling will take, before it is paid for. */
import { type ChatRequest, costUsd, estimateTextTokens, type TokenPrice } from "@causeway/reason";

/** Tokens of one picture of a few hundred kilobytes; servers differ, so this is a guess that is called one. */
export const tokensPerPicture = 800;
/** Replies of both calls together, as real teachers write them. */
export const replyTokensPerKeyframe = 700;

/** Input tokens of a request, pictures included. */
export function requestTokens(request: ChatRequest): number {
  let pictures = 0;
  for (const message of request.messages)
    for (const part of message.content) {
      if (part.type === "image") pictures++;
      if (part.type === "frames") pictures += part.frames.length;
    }
  return estimateTextTokens(request) + pictures * tokensPerPicture;
}

export interface CostEstimate {
  readonly keyframes: number;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Null without prices. */
  readonly costUsd: number | null;
  readonly secs: number;
}

/**
 * @param perKeyframe input tokens of both calls, measured on a few keyframes
 * @param secsPerRequest how long one answer takes; `concurrency` of them run at once
 */
export function estimateCost(
  keyframes: number,
  perKeyframe: number,
  options: {
    readonly price: TokenPrice | null;
    readonly secsPerRequest: number;
    readonly concurrency: number;
  },
): CostEstimate {
  const spending = {
    requests: 2 * keyframes,
    inputTokens: Math.round(keyframes * perKeyframe),
    outputTokens: keyframes * replyTokensPerKeyframe,
  };
  return {
    keyframes,
    ...spending,
    costUsd: options.price === null ? null : costUsd(spending, options.price),
    secs: (spending.requests * options.secsPerRequest) / Math.max(1, options.concurrency),
  };
}
