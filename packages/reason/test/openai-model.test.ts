import { afterEach, expect, test } from "vitest";
import { createOpenAiModel } from "../src/chat/openai-model.ts";
import { cleanMessage, retryAfter } from "../src/chat/openai-errors.ts";
import { requestBody } from "../src/chat/openai-request.ts";
import { ChatError, type ChatRequest, openModel, parseModelSpec } from "../src/index.ts";
import {
  type Fault,
  type ScriptedServer,
  type ScriptedServerOptions,
  startScriptedServer,
} from "../src/testing/index.ts";

let server: ScriptedServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

const request: ChatRequest = {
  messages: [
    { role: "system", content: [{ type: "text", text: "Be brief." }] },
    {
      role: "user",
      content: [
        { type: "image", bytes: new Uint8Array([1, 2, 3]), mime: "image/png" },
        { type: "text", text: "item=one What is it?" },
      ],
    },
  ],
  sampling: { maxTokens: 64, temperature: 0, topK: 20, seed: 7 },
};

async function start(options: Partial<ScriptedServerOptions> = {}): Promise<ScriptedServer> {
  server = await startScriptedServer({ answer: () => ({ decision: "stop" }), ...options });
  return server;
}

async function withFault(fault: Fault | null, timeoutMs = 2000) {
  const { url } = await start({
    faults: () => ({ faults: fault === null ? [] : [fault], isLasting: true }),
  });
  return createOpenAiModel({ model: "m", baseUrl: url, apiKey: null, timeoutMs });
}

test("a clean reply, with the request as the server saw it", async () => {
  const { url, requests } = await start();
  const model = createOpenAiModel({ model: "nvidia/X", baseUrl: url, apiKey: "secret-key" });
  const reply = await model.complete(request);
  expect(reply).toMatchObject({
    text: '{"decision":"stop"}',
    raw: '{"decision":"stop"}',
    finish: "stop",
    inputTokens: 5,
    outputTokens: 5,
    model: "nvidia/X",
  });
  expect(model.id).toBe("openai:nvidia/X");
  expect(requests[0]?.authorization).toBe("Bearer secret-key");
  expect(requests[0]?.body).toEqual({
    model: "nvidia/X",
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } },
          { type: "text", text: "item=one What is it?" },
        ],
      },
    ],
    max_tokens: 64,
    temperature: 0,
    top_k: 20,
    seed: 7,
  });
});

test.each<[Fault, string | undefined]>([
  ["think-tags", "First I look, then I answer."],
  ["escaped-think-tags", "First I look, then I answer."],
  ["reasoning-content", "First I look, then I answer."],
  ["reasoning-field", "First I look, then I answer."],
  ["mixed-reasoning", "First I look, then I answer.\n\nand more."],
  ["duplicate-choices", undefined],
  ["no-usage", undefined],
])("%s: answer and reasoning are told apart, streamed or not", async (fault, reasoning) => {
  const model = await withFault(fault);
  const reply = await model.complete(request);
  expect(reply.text).toBe('{"decision":"stop"}');
  expect(reply.reasoning).toBe(reasoning);
  const pieces = { reasoning: "", answer: "" };
  const streamed = await model.complete(request, {
    onText: (piece, channel) => {
      pieces[channel] += piece;
    },
  });
  expect({ ...streamed, latencyMs: 0 }).toEqual({ ...reply, latencyMs: 0 });
  // A closing tag without an opening one is known only at the end; every other stream is split as it comes.
  if (fault !== "mixed-reasoning") expect(pieces.answer.trim()).toBe('{"decision":"stop"}');
  if (reasoning !== undefined) expect(pieces.reasoning).toContain("First I look");
});

test("without a count from the server, tokens are estimated and said to be", async () => {
  const reply = await (await withFault("no-usage")).complete(request);
  expect(reply.areTokensEstimated).toBe(true);
  expect(reply.inputTokens).toBe(8);
});

test.each<[Fault, string]>([
  ["rate-limit", "rate-limit"],
  ["server-error", "server"],
  ["overloaded", "server"],
  ["time-out", "timeout"],
  ["drop-connection", "network"],
  ["drop-in-body", "network"],
  ["html-page", "server"],
  ["empty", "empty"],
  ["truncated-in-reasoning", "truncated"],
  ["refusal-field", "refusal"],
  ["refusal-text", "refusal"],
  ["content-filter", "refusal"],
  ["context-length", "context-length"],
  ["bad-request", "bad-request"],
])("%s is a ChatError of kind %s", async (fault, kind) => {
  const model = await withFault(fault, fault === "time-out" ? 60 : 2000);
  const error = await model.complete(request).then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ChatError);
  expect((error as ChatError).kind).toBe(kind);
  expect((error as ChatError).message).toMatch(/^model m/);
  if (fault === "rate-limit") expect((error as ChatError).retryAfterMs).toBe(10);
});

test("a stream that is lost in the middle is a network error", async () => {
  const model = await withFault("drop-in-body");
  await expect(model.complete(request, { onText: () => {} })).rejects.toMatchObject({
    name: "ChatError",
    kind: expect.stringMatching(/network|server/) as unknown,
  });
});

test("nobody listens: network, and the message says what to check", async () => {
  const { url, close } = await start();
  await close();
  const model = createOpenAiModel({ model: "m", baseUrl: url, apiKey: null });
  await expect(model.complete(request)).rejects.toThrow(
    /connection failed \(ECONNREFUSED\)\. Is the server running/,
  );
});

test("a caller that stops gets `stopped`, not a time-out", async () => {
  const model = await withFault("time-out");
  const stop = new AbortController();
  const asked = model.complete(request, { signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  await expect(asked).rejects.toMatchObject({ kind: "stopped" });
});

test("log-probabilities of the first token come back", async () => {
  const { url } = await start({
    topLogprobs: () => [
      { token: "No", logprob: -0.2 },
      { token: "Yes", logprob: -1.7 },
    ],
  });
  const model = createOpenAiModel({ model: "m", baseUrl: url, apiKey: null });
  const reply = await model.complete({ ...request, topLogprobs: 2 });
  expect(reply.topLogprobs).toEqual([
    { token: "No", logprob: -0.2 },
    { token: "Yes", logprob: -1.7 },
  ]);
});

test("a model without a name is the first that the server lists", async () => {
  const { url, requests } = await start({ models: ["nvidia/Cosmos-Reason2-2B", "other"] });
  const model = await openModel(parseModelSpec(`openai:@${url}`), { env: {} });
  expect(model.id).toBe("openai:nvidia/Cosmos-Reason2-2B");
  await model.complete(request);
  expect(requests[0]?.body.model).toBe("nvidia/Cosmos-Reason2-2B");
});

test("video, schema, thinking and further fields in both dialects", () => {
  const video: ChatRequest = {
    messages: [
      {
        role: "user",
        content: [{ type: "video", bytes: new Uint8Array([9]), mime: "video/mp4", fps: 4 }],
      },
    ],
    sampling: { maxTokens: 8, repetitionPenalty: 1 },
    jsonSchema: { name: "s", schema: { type: "object" } },
    isThinking: false,
    extraBody: { mm_processor_kwargs: { size: { shortest_edge: 4096 } } },
  };
  const vllm = requestBody(video, "m", { kind: "vllm", json: "guided_json", frames: "video" });
  expect(vllm).toMatchObject({
    max_tokens: 8,
    repetition_penalty: 1,
    guided_json: { type: "object" },
    chat_template_kwargs: { enable_thinking: false },
    mm_processor_kwargs: { do_sample_frames: true, fps: 4, size: { shortest_edge: 4096 } },
    media_io_kwargs: { video: { num_frames: -1 } },
  });
  const plain = requestBody({ ...video, extraBody: {} }, "gpt-5", {
    kind: "openai",
    json: "response_format",
    frames: "images",
  });
  expect(plain).toEqual({
    model: "gpt-5",
    messages: vllm.messages,
    max_completion_tokens: 8,
    response_format: {
      type: "json_schema",
      json_schema: { name: "s", schema: { type: "object" }, strict: true },
    },
  });
});

test("frames go as images with their times, or as one video of JPEGs", () => {
  const frames: ChatRequest = {
    messages: [
      {
        role: "user",
        content: [
          {
            type: "frames",
            frames: [1, 2].map((b) => ({ bytes: new Uint8Array([b]), mime: "image/jpeg" })),
            timesSecs: [0, 0.5],
          },
        ],
      },
    ],
    sampling: { maxTokens: 8 },
  };
  const content = (kind: "images" | "video"): unknown =>
    (
      requestBody(frames, "m", { kind: "vllm", json: "none", frames: kind }).messages as {
        content: unknown;
      }[]
    )[0]?.content;
  expect(content("images")).toEqual([
    { type: "text", text: "<0.0 seconds>" },
    { type: "image_url", image_url: { url: "data:image/jpeg;base64,AQ==" } },
    { type: "text", text: "<0.5 seconds>" },
    { type: "image_url", image_url: { url: "data:image/jpeg;base64,Ag==" } },
  ]);
  expect(content("video")).toEqual([
    { type: "video_url", video_url: { url: "data:video/jpeg;base64,AQ==,Ag==" } },
  ]);
});

test("Retry-After in seconds, in milliseconds, as a date, or not at all", () => {
  const of = (entries: Record<string, string>): number | null =>
    retryAfter(new Headers(entries), Date.parse("2026-01-01T00:00:00Z"));
  expect(of({ "retry-after": "2" })).toBe(2000);
  expect(of({ "retry-after-ms": "150", "retry-after": "9" })).toBe(150);
  expect(of({ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" })).toBe(30_000);
  expect(of({ "retry-after": "soon" })).toBeNull();
  expect(of({})).toBeNull();
});

test("keys never reach a message", () => {
  expect(cleanMessage("Incorrect API key provided: my-own-secret.", "my-own-secret")).toBe(
    "Incorrect API key provided: ***.",
  );
  expect(cleanMessage("bad key sk-proj-abcdef123456", null)).toBe("bad key ***");
});
