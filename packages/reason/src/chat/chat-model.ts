/**
 * The one way in which labels, judges, critics and `causeway reason` reach a model that talks.
 * Behind it stands an OpenAI-compatible server, our own engine, or a scripted fake;
 * what it produced is marked with `isSynthetic`, so that a dry run can never be mistaken for a real answer.
 */

/** What a model looks at. Media come before the text in every request (Cosmos-Reason expects it so). */
export type ChatPart =
  | { readonly type: "text"; readonly text: string }
  /** Encoded picture (JPEG, PNG or WebP), as bytes; `mime` says which. */
  | { readonly type: "image"; readonly bytes: Uint8Array; readonly mime: string }
  /** Encoded video file (mp4), with the sampling that the server is to use. */
  | {
      readonly type: "video";
      readonly bytes: Uint8Array;
      readonly mime: string;
      readonly fps?: number;
      readonly maxFrames?: number;
    }
  /** Frames that were already sampled, with their times in seconds from the clip's start. */
  | {
      readonly type: "frames";
      readonly frames: readonly { readonly bytes: Uint8Array; readonly mime: string }[];
      readonly timesSecs: readonly number[];
    };

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: readonly ChatPart[];
}

export interface Sampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
  readonly presencePenalty?: number;
  readonly maxTokens: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
}

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly sampling: Sampling;
  /** JSON Schema that the server is asked to keep to; the caller checks the reply again. */
  readonly jsonSchema?: {
    readonly name: string;
    readonly schema: Readonly<Record<string, unknown>>;
  };
  /** Ask for the log-probabilities of the first generated token, this many candidates. */
  readonly topLogprobs?: number;
  /** Ask a model that can switch it off to think, or not; without it the server's own default stays. */
  readonly isThinking?: boolean;
  /**
   * Further fields of the request body, for servers that know them: vLLM's `mm_processor_kwargs`,
   * `media_io_kwargs`, `chat_template_kwargs`. Models that are no server leave them out.
   */
  readonly extraBody?: Readonly<Record<string, unknown>>;
}

export interface ChatReply {
  /** The answer without its reasoning. Never empty: an empty reply is a `ChatError`. */
  readonly text: string;
  /** What stood between the think tags, or in the server's reasoning field. */
  readonly reasoning?: string;
  /** The reply as it came, tags included: kept in ledgers. Reasoning from a field of its own is put in think tags. */
  readonly raw: string;
  readonly finish: "stop" | "length";
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** True when the server did not count, and a token was taken as four characters. */
  readonly areTokensEstimated?: boolean;
  readonly latencyMs: number;
  /** Name of the model as the server reports it. */
  readonly model: string;
  readonly topLogprobs?: readonly { readonly token: string; readonly logprob: number }[];
}

export interface ChatModel {
  /** Stable identity for cache keys and ledgers: kind, model name, version. Holds no address and no secret. */
  readonly id: string;
  /** True for a scripted fake: whatever it wrote must not be reused as a real answer. */
  readonly isSynthetic: boolean;
  /**
   * One answer.
   *
   * @param onText Called with each piece as it comes, when the model can stream.
   * @throws ChatError
   */
  complete(
    request: ChatRequest,
    options?: {
      readonly signal?: AbortSignal;
      readonly onText?: (piece: string, channel: "reasoning" | "answer") => void;
    },
  ): Promise<ChatReply>;
}

/** What went wrong, by what the caller can do about it. */
export type ChatErrorKind =
  | "rate-limit"
  | "server"
  | "timeout"
  | "network"
  | "refusal"
  | "empty"
  | "truncated"
  | "bad-request"
  | "auth"
  | "context-length"
  | "bad-reply"
  | "stopped";

export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly kind: ChatErrorKind;
  /** From Retry-After, when the server sent it. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ChatErrorKind,
    message: string,
    options?: { readonly cause?: unknown; readonly retryAfterMs?: number },
  ) {
    super(message, { cause: options?.cause });
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Kinds that may succeed when the same request is sent again. A refusal is not among them. */
export const retryableKinds: ReadonlySet<ChatErrorKind> = new Set([
  "rate-limit",
  "server",
  "timeout",
  "network",
  "empty",
]);
