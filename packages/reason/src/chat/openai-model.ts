/**
 * `ChatModel` over an OpenAI-compatible server: vLLM first, also SGLang, NIM, Ollama and OpenAI itself.
 * One request is one HTTP request: retries, caching and budgets are the batch runner's, so that they count everything.
 */
import OpenAI, { APIUserAbortError } from "openai";
import { z } from "zod";
import { ChatError, type ChatModel, type ChatReply, type ChatRequest } from "./chat-model.ts";
import { estimateTextTokens } from "./estimate-tokens.ts";
import { chatErrorOf } from "./openai-errors.ts";
import {
  type OpenAiDialect,
  type RequestBody,
  requestBody,
  vllmDialect,
} from "./openai-request.ts";
import { isRefusalText } from "./refusal.ts";
import { ReasoningStream, splitReasoning } from "./split-reasoning.ts";

export interface OpenAiModelOptions {
  /** Name as the server lists it. */
  readonly model: string;
  /** Address with the version, such as `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  /** From the environment; null when the server wants none. Never stored, never printed. */
  readonly apiKey: string | null;
  readonly dialect?: OpenAiDialect;
  /** For a whole answer. */
  readonly timeoutMs?: number;
}

export const defaultTimeoutMs = 240_000;
/** Node's fetch gives up on a silent server after 300 s; longer answers are streamed so that it is not silent. */
const silentLimitMs = 290_000;

const usageShape = z.object({
  prompt_tokens: z.number().nullish(),
  completion_tokens: z.number().nullish(),
});
const candidateShape = z.object({ token: z.string(), logprob: z.number() });
const logprobsShape = z
  .object({
    content: z
      .array(candidateShape.extend({ top_logprobs: z.array(candidateShape).nullish() }))
      .nullish(),
  })
  .nullish();
/** A message, or a piece of one while it is streamed. The field for reasoning depends on vLLM's version. */
const messageShape = z.object({
  content: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
  refusal: z.string().nullish(),
});
const replyShape = z.object({
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        index: z.number().nullish(),
        message: messageShape,
        finish_reason: z.string().nullish(),
        logprobs: logprobsShape,
      }),
    )
    .min(1),
  usage: usageShape.nullish(),
});
const chunkShape = z.object({
  model: z.string().nullish(),
  choices: z.array(
    z.object({
      index: z.number().nullish(),
      delta: messageShape.nullish(),
      finish_reason: z.string().nullish(),
      logprobs: logprobsShape,
    }),
  ),
  usage: usageShape.nullish(),
});

/** What both ways of asking come down to. */
interface Received {
  content: string;
  reasoning: string;
  refusal: string;
  finish: string | null;
  model: string | null;
  usage: z.infer<typeof usageShape> | null;
  topLogprobs: readonly { token: string; logprob: number }[] | null;
}

export function createOpenAiModel(options: OpenAiModelOptions): ChatModel {
  const { model, baseUrl, apiKey, dialect = vllmDialect } = options;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const client = newClient(baseUrl, apiKey);
  return {
    id: `openai:${model}`,
    isSynthetic: false,
    async complete(request, { signal, onText } = {}) {
      const start = performance.now();
      const body = requestBody(request, model, dialect);
      const timer = AbortSignal.timeout(timeoutMs);
      const stop = signal === undefined ? timer : AbortSignal.any([signal, timer]);
      try {
        const received =
          onText !== undefined || timeoutMs > silentLimitMs
            ? await askStreaming(client, body, stop, onText ?? (() => {}))
            : await ask(client, body, stop);
        stop.throwIfAborted();
        return toReply(received, request, model, performance.now() - start);
      } catch (error) {
        if (signal?.aborted === true)
          throw new ChatError("stopped", `model ${model}: stopped`, { cause: error });
        if (timer.aborted || error instanceof APIUserAbortError)
          throw new ChatError("timeout", `model ${model}: no answer within ${timeoutMs / 1000} s`, {
            cause: error,
          });
        throw chatErrorOf(error, model, apiKey);
      }
    },
  };
}

/** Names of the models that a server serves, in its order. */
export async function listServedModels(baseUrl: string, apiKey: string | null): Promise<string[]> {
  try {
    const page = await newClient(baseUrl, apiKey).models.list({ timeout: 10_000 });
    return page.data.map((m) => m.id);
  } catch (error) {
    throw chatErrorOf(error, `list of ${baseUrl}`, apiKey);
  }
}

function newClient(baseUrl: string, apiKey: string | null): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    // vLLM's own convention for "no key".
    apiKey: apiKey ?? "EMPTY",
    organization: null,
    project: null,
    maxRetries: 0,
    // Ours counts the whole answer; the library's counts only until the headers.
    timeout: 0x7fffffff,
    logLevel: "off",
  });
}

async function ask(client: OpenAI, body: RequestBody, signal: AbortSignal): Promise<Received> {
  const answer: unknown = await client.chat.completions.create(
    body as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming,
    { signal },
  );
  const parsed = replyShape.safeParse(answer);
  if (!parsed.success) {
    const what = typeof answer === "string" ? `"${answer.slice(0, 80)}"` : typeof answer;
    throw new ChatError(
      "server",
      `model ${String(body.model)}: the server's answer is no chat completion (${what}; ${parsed.error.issues[0]?.path.join(".") ?? ""} ${parsed.error.issues[0]?.message ?? ""}). Is this the address of an OpenAI-compatible server, with /v1?`,
    );
  }
  // A server may repeat its reply; the first one counts.
  const choice = parsed.data.choices[0] as (typeof parsed.data.choices)[number];
  const { message } = choice;
  return {
    content: message.content ?? "",
    reasoning: message.reasoning_content ?? message.reasoning ?? "",
    refusal: message.refusal ?? "",
    finish: choice.finish_reason ?? null,
    model: parsed.data.model ?? null,
    usage: parsed.data.usage ?? null,
    topLogprobs: choice.logprobs?.content?.[0]?.top_logprobs ?? null,
  };
}

async function askStreaming(
  client: OpenAI,
  body: RequestBody,
  signal: AbortSignal,
  onText: (piece: string, channel: "reasoning" | "answer") => void,
): Promise<Received> {
  const stream = await client.chat.completions.create(
    {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    } as unknown as OpenAI.ChatCompletionCreateParamsStreaming,
    { signal },
  );
  const received: Received = {
    content: "",
    reasoning: "",
    refusal: "",
    finish: null,
    model: null,
    usage: null,
    topLogprobs: null,
  };
  const pieces = new ReasoningStream(onText);
  for await (const raw of stream) {
    const parsed = chunkShape.safeParse(raw);
    if (!parsed.success) continue;
    received.model ??= parsed.data.model ?? null;
    if (parsed.data.usage) received.usage = parsed.data.usage;
    for (const choice of parsed.data.choices) {
      if ((choice.index ?? 0) !== 0) continue;
      const { delta } = choice;
      const reasoning = delta?.reasoning_content ?? delta?.reasoning ?? "";
      if (reasoning !== "") onText(reasoning, "reasoning");
      received.reasoning += reasoning;
      received.content += delta?.content ?? "";
      received.refusal += delta?.refusal ?? "";
      if (delta?.content) pieces.push(delta.content);
      received.finish = choice.finish_reason ?? received.finish;
      received.topLogprobs ??= choice.logprobs?.content?.[0]?.top_logprobs ?? null;
    }
  }
  pieces.end();
  // An aborted stream ends quietly, and so does one whose connection was lost.
  if (received.finish === null && !signal.aborted)
    throw new ChatError(
      "network",
      `model ${String(body.model)}: the stream ended in the middle of the answer`,
    );
  return received;
}

function toReply(
  received: Received,
  request: ChatRequest,
  model: string,
  latencyMs: number,
): ChatReply {
  const where = `model ${model}`;
  if (received.refusal !== "" || received.finish === "content_filter")
    throw new ChatError(
      "refusal",
      `${where} refused: ${received.refusal.slice(0, 200) || "stopped by its content filter"}`,
    );
  const split = splitReasoning(received.content);
  const isCut = received.finish === "length";
  if (isCut && (split.isUnclosed || split.answer === ""))
    throw new ChatError(
      "truncated",
      `${where}: max_tokens (${request.sampling.maxTokens}) ran out before the answer began`,
    );
  if (split.answer === "")
    throw new ChatError(
      "empty",
      `${where}: empty reply (finish reason ${received.finish ?? "none"})`,
    );
  if (isRefusalText(split.answer))
    throw new ChatError("refusal", `${where} refused: ${split.answer.slice(0, 200)}`);
  const reasoning = [received.reasoning.trim(), split.reasoning ?? ""]
    .filter((text) => text !== "")
    .join("\n\n");
  const raw =
    received.reasoning === ""
      ? received.content
      : `<think>\n${received.reasoning.trim()}\n</think>\n\n${received.content.trim()}`;
  const { usage } = received;
  const isCounted = typeof usage?.completion_tokens === "number";
  return {
    text: split.answer,
    ...(reasoning === "" ? {} : { reasoning }),
    raw,
    finish: isCut ? "length" : "stop",
    inputTokens: usage?.prompt_tokens ?? estimateTextTokens(request),
    outputTokens: usage?.completion_tokens ?? Math.ceil(raw.length / 4),
    ...(isCounted ? {} : { areTokensEstimated: true }),
    latencyMs,
    model: received.model ?? model,
    ...(received.topLogprobs === null ? {} : { topLogprobs: received.topLogprobs }),
  };
}
