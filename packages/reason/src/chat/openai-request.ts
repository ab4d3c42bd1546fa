/**
 * A `ChatRequest` as the body of an OpenAI-compatible server. Media travel as data URLs and nothing else:
 * no address from a file is ever fetched, by us or by the server on our behalf.
 */
import type { ChatMessage, ChatPart, ChatRequest } from "./chat-model.ts";

export interface OpenAiDialect {
  /** `vllm` adds sampling fields that OpenAI's own service refuses; `openai` leaves them out. */
  readonly kind: "vllm" | "openai";
  /** How the server is asked to keep to a schema. Older vLLM knows only `guided_json`. */
  readonly json: "response_format" | "guided_json" | "none";
  /**
   * Sampled frames as one image each with its time before it, which every server takes, or as vLLM's
   * `data:video/jpeg` (JPEG frames joined by commas), which loses the times.
   */
  readonly frames: "images" | "video";
}

export const vllmDialect: OpenAiDialect = {
  kind: "vllm",
  json: "response_format",
  frames: "images",
};
export const openAiDialect: OpenAiDialect = { ...vllmDialect, kind: "openai" };

/** The body, as plain JSON. Keys with the value undefined are left out. */
export type RequestBody = Record<string, unknown>;

/** Models that take neither temperature nor seed. */
const hasFixedSampling = (model: string): boolean => /^(gpt-5|o\d)/.test(model);

export function requestBody(
  request: ChatRequest,
  model: string,
  dialect: OpenAiDialect,
): RequestBody {
  const { sampling } = request;
  const isVllm = dialect.kind === "vllm";
  const isFixed = !isVllm && hasFixedSampling(model);
  const body: RequestBody = {
    model,
    messages: request.messages.map((message) => messageBody(message, dialect)),
    [isVllm ? "max_tokens" : "max_completion_tokens"]: sampling.maxTokens,
    temperature: isFixed ? undefined : sampling.temperature,
    top_p: isFixed ? undefined : sampling.topP,
    presence_penalty: isFixed ? undefined : sampling.presencePenalty,
    seed: isFixed ? undefined : sampling.seed,
    stop: sampling.stop,
    top_k: isVllm ? sampling.topK : undefined,
    repetition_penalty: isVllm ? sampling.repetitionPenalty : undefined,
    ...(request.topLogprobs === undefined
      ? {}
      : { logprobs: true, top_logprobs: request.topLogprobs }),
    ...schemaBody(request, dialect),
    ...(isVllm ? videoBody(request) : {}),
  };
  if (request.isThinking !== undefined && isVllm)
    body.chat_template_kwargs = { enable_thinking: request.isThinking };
  for (const [key, value] of Object.entries(request.extraBody ?? {}))
    body[key] = isRecord(value) && isRecord(body[key]) ? mergeDeep(body[key], value) : value;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function schemaBody(request: ChatRequest, dialect: OpenAiDialect): RequestBody {
  if (request.jsonSchema === undefined || dialect.json === "none") return {};
  const { name, schema } = request.jsonSchema;
  if (dialect.json === "guided_json") return { guided_json: schema };
  return { response_format: { type: "json_schema", json_schema: { name, schema, strict: true } } };
}

/** vLLM samples a video itself: how is said beside the messages, once per request. */
function videoBody(request: ChatRequest): RequestBody {
  const videos = request.messages.flatMap((m) => m.content).filter((p) => p.type === "video");
  const [video] = videos;
  if (video === undefined) return {};
  const processor: RequestBody = { do_sample_frames: true };
  if (video.fps !== undefined) processor.fps = video.fps;
  if (video.maxFrames !== undefined) processor.max_frames = video.maxFrames;
  return {
    mm_processor_kwargs: processor,
    // All frames are decoded; the processor chooses among them by fps.
    media_io_kwargs: { video: { num_frames: -1 } },
  };
}

function messageBody(message: ChatMessage, dialect: OpenAiDialect): RequestBody {
  const isText = message.content.every((p) => p.type === "text");
  if (message.role !== "user" && isText)
    return {
      role: message.role,
      content: message.content.map((p) => (p as { text: string }).text).join("\n"),
    };
  return { role: message.role, content: message.content.flatMap((p) => partBody(p, dialect)) };
}

function partBody(part: ChatPart, dialect: OpenAiDialect): RequestBody[] {
  if (part.type === "text") return [{ type: "text", text: part.text }];
  if (part.type === "image")
    return [{ type: "image_url", image_url: { url: dataUrl(part.mime, part.bytes) } }];
  if (part.type === "video")
    return [{ type: "video_url", video_url: { url: dataUrl(part.mime, part.bytes) } }];
  if (dialect.frames === "video") {
    const data = part.frames.map((f) => base64(f.bytes)).join(",");
    return [{ type: "video_url", video_url: { url: `data:video/jpeg;base64,${data}` } }];
  }
  return part.frames.flatMap((frame, i) => [
    { type: "text", text: `<${(part.timesSecs[i] ?? 0).toFixed(1)} seconds>` },
    { type: "image_url", image_url: { url: dataUrl(frame.mime, frame.bytes) } },
  ]);
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

const dataUrl = (mime: string, bytes: Uint8Array): string => `data:${mime};base64,${base64(bytes)}`;

const isRecord = (value: unknown): value is RequestBody =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function mergeDeep(into: RequestBody, from: RequestBody): RequestBody {
  const merged = { ...into };
  for (const [key, value] of Object.entries(from)) {
    const old = merged[key];
    merged[key] = isRecord(value) && isRecord(old) ? mergeDeep(old, value) : value;
  }
  return merged;
}
