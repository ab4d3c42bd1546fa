/**
 * An OpenAI-compatible server for tests, on the loopback, that answers from a script and misbehaves by plan.
 * It works on sockets, since several faults (half a body, a lost connection) exist only there.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import { type Fault, type FaultPlan, faultAt, noFaults } from "./faults.ts";

/** The parts of a request that scripts look at; `body` has the rest. */
export interface ServerRequest {
  /** From `itemOf`. */
  readonly item: string;
  /** How often this item was asked before. */
  readonly attempt: number;
  /** All text parts of the last user message, joined. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string | null;
  readonly fault: Fault | null;
}

export interface ScriptedServerOptions {
  /** The clean answer: an object is sent as JSON text. */
  readonly answer: (request: ServerRequest) => unknown;
  readonly faults?: (item: string) => FaultPlan;
  /** Names the item of a request; by default "item=NAME" in the text, else a hash of the messages. */
  readonly itemOf?: (text: string, body: Readonly<Record<string, unknown>>) => string;
  readonly models?: readonly string[];
  readonly delayMs?: number;
  /** Value of Retry-After. */
  readonly retryAfterSecs?: number;
  /** Candidates of the first token, when the request asks for them. */
  readonly topLogprobs?: (request: ServerRequest) => readonly { token: string; logprob: number }[];
}

export interface ScriptedServer {
  /** With /v1, as `openai:MODEL@URL` takes it. */
  readonly url: string;
  /** Every chat request that arrived, in order. */
  readonly requests: readonly ServerRequest[];
  /** How often an item was asked. */
  asked(item: string): number;
  close(): Promise<void>;
}

export async function startScriptedServer(options: ScriptedServerOptions): Promise<ScriptedServer> {
  const requests: ServerRequest[] = [];
  const counts = new Map<string, number>();
  const server = createServer((incoming, response) => {
    void handle(incoming, response).catch((error: unknown) => {
      if (!response.headersSent) sendJson(response, 500, { error: { message: String(error) } });
      else response.destroy();
    });
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.url?.endsWith("/models") === true) {
      const data = (options.models ?? ["scripted"]).map((id) => ({ id, object: "model" }));
      sendJson(response, 200, { object: "list", data });
      return;
    }
    const body = JSON.parse(await readBody(incoming)) as Record<string, unknown>;
    const text = lastUserText(body);
    const item = (options.itemOf ?? defaultItem)(text, body);
    const attempt = counts.get(item) ?? 0;
    counts.set(item, attempt + 1);
    const fault = faultAt((options.faults ?? (() => noFaults))(item), attempt);
    const request: ServerRequest = {
      item,
      attempt,
      text,
      body,
      authorization: incoming.headers.authorization ?? null,
      fault,
    };
    requests.push(request);
    if (options.delayMs !== undefined)
      await new Promise((resolve) => setTimeout(resolve, options.delayMs));
    const answer = options.answer(request);
    const clean = typeof answer === "string" ? answer : JSON.stringify(answer);
    send(response, request, clean, options);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    asked: (item) => counts.get(item) ?? 0,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

interface Message {
  content: string | null;
  reasoning_content?: string;
  reasoning?: string;
  refusal?: string;
}

function send(
  response: ServerResponse,
  request: ServerRequest,
  clean: string,
  options: ScriptedServerOptions,
): void {
  const error = (status: number, message: string, code: string | null = null): void =>
    sendJson(response, status, { error: { message, code, type: code } });
  const reply = (message: Message, finish = "stop", extra: object = {}): void =>
    sendReply(response, request, { message, finish, ...extra }, options);
  const thought = "First I look, then I answer.";
  switch (request.fault) {
    case null:
      return reply({ content: clean });
    case "rate-limit":
      response.setHeader("retry-after", String(options.retryAfterSecs ?? 0.01));
      return error(429, "Rate limit reached. Please slow down.");
    case "server-error":
      return error(500, "CUDA error: an illegal memory access was encountered");
    case "overloaded":
      return error(503, "The server is overloaded.");
    case "time-out":
      return;
    case "drop-connection":
      response.socket?.destroy();
      return;
    case "drop-in-body":
      response.writeHead(200, { "content-type": "application/json", "content-length": "4096" });
      response.write('{"choices":[{"message":{"content":"half of an ans');
      setTimeout(() => response.socket?.destroy(), 5);
      return;
    case "html-page":
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html><body>Please sign in</body></html>");
      return;
    case "empty":
      return reply({ content: "" });
    case "prose-around":
      return reply({ content: `Sure! Here is what you asked for:\n${clean}\nI hope this helps.` });
    case "fenced":
      return reply({ content: `\`\`\`json\n${clean}\n\`\`\`` });
    case "think-tags":
      return reply({ content: `<think>\n${thought}\n</think>\n\n${clean}` });
    case "escaped-think-tags":
      return reply({ content: `<think\\>${thought}<\\/think>\n${clean}` });
    case "reasoning-content":
      return reply({ content: `\n\n${clean}`, reasoning_content: thought });
    case "reasoning-field":
      return reply({ content: `\n\n${clean}`, reasoning: thought });
    case "mixed-reasoning":
      return reply({ content: `and more.</think>\n\n${clean}`, reasoning_content: thought });
    case "duplicate-choices":
      return reply({ content: clean }, "stop", { copies: 2 });
    case "no-usage":
      return reply({ content: clean }, "stop", { isUsageHidden: true });
    case "truncated":
      return reply({ content: clean.slice(0, Math.ceil(clean.length / 2)) }, "length");
    case "truncated-in-reasoning":
      return reply({ content: null, reasoning_content: thought }, "length");
    case "wrong-schema":
      return reply({ content: '{"unexpected":["fields"]}' });
    case "not-json":
      return reply({ content: "The scene shows {a road and some cars." });
    case "refusal-field":
      return reply({ content: null, refusal: "I can't help with identifying people." });
    case "refusal-text":
      return reply({ content: "I'm sorry, but I can't assist with that request." });
    case "content-filter":
      return reply({ content: "" }, "content_filter");
    case "context-length":
      return error(
        400,
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
        "context_length_exceeded",
      );
    case "bad-request":
      return error(400, "Unknown field in request.");
  }
}

function sendReply(
  response: ServerResponse,
  request: ServerRequest,
  reply: { message: Message; finish: string; copies?: number; isUsageHidden?: boolean },
  options: ScriptedServerOptions,
): void {
  const content = reply.message.content ?? "";
  const usage =
    reply.isUsageHidden === true
      ? undefined
      : {
          prompt_tokens: Math.ceil(request.text.length / 4),
          completion_tokens: Math.ceil(content.length / 4),
        };
  const isAsked = request.body.logprobs === true && options.topLogprobs !== undefined;
  const logprobs = isAsked
    ? {
        content: [
          { token: content, logprob: 0, top_logprobs: options.topLogprobs?.(request) ?? [] },
        ],
      }
    : null;
  const model = String(request.body.model);
  if (request.body.stream !== true) {
    const choices = Array.from({ length: reply.copies ?? 1 }, (_, index) => ({
      index,
      message: { role: "assistant", ...reply.message },
      finish_reason: reply.finish,
      logprobs,
    }));
    sendJson(response, 200, { id: "x", object: "chat.completion", model, choices, usage });
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const chunk = (delta: object, finish: string | null = null): void => {
    const choices = [
      { index: 0, delta, finish_reason: finish, logprobs: finish === null ? logprobs : null },
    ];
    response.write(`data: ${JSON.stringify({ id: "x", model, choices })}\n\n`);
  };
  const { content: _, ...rest } = reply.message;
  if (Object.keys(rest).length > 0) chunk(rest);
  for (const piece of content.match(/[\s\S]{1,7}/g) ?? []) chunk({ content: piece });
  chunk({}, reply.finish);
  if (usage !== undefined)
    response.write(`data: ${JSON.stringify({ id: "x", model, choices: [], usage })}\n\n`);
  response.end("data: [DONE]\n\n");
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function lastUserText(body: Readonly<Record<string, unknown>>): string {
  const messages = (body.messages ?? []) as { role: string; content: unknown }[];
  const content = messages.findLast((m) => m.role === "user")?.content ?? "";
  if (typeof content === "string") return content;
  return (content as { type: string; text?: string }[])
    .flatMap((part) => (part.type === "text" ? [part.text ?? ""] : []))
    .join("\n");
}

function defaultItem(text: string, body: Readonly<Record<string, unknown>>): string {
  const named = /\bitem=([\w./-]+)/.exec(text)?.[1];
  if (named !== undefined) return named;
  return createHash("sha256").update(JSON.stringify(body.messages)).digest("hex").slice(0, 12);
}
