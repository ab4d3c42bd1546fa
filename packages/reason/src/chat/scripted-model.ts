/**
 * A model that says what a script says, for tests and dry runs. It touches every path that a real one would,
 * and everything it writes is marked synthetic.
 */
import {
  ChatError,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  retryableKinds,
} from "./chat-model.ts";
import { systemClock } from "../clock.ts";
import { estimateTextTokens } from "./estimate-tokens.ts";
import { sampleOfSchema } from "./schema-sample.ts";
import { ReasoningStream, splitReasoning } from "./split-reasoning.ts";

/**
 * What the model says to a request: raw text with think tags if it likes, or an error to throw.
 *
 * @param call How often this model was asked before.
 */
export type Script = (
  request: ChatRequest,
  call: number,
) => string | Partial<ChatReply> | ChatError | Promise<string | Partial<ChatReply> | ChatError>;

export interface ScriptedModelOptions {
  readonly name?: string;
  readonly script?: Script;
  /** Milliseconds before each answer, so that concurrency shows. */
  readonly delayMs?: number;
}

export const syntheticText = "Synthetic reply: no model looked at this.";

/** Keeps to the schema of the request where there is one. */
export const defaultScript: Script = (request) => {
  const answer =
    request.jsonSchema === undefined
      ? syntheticText
      : JSON.stringify(sampleOfSchema(request.jsonSchema.schema, syntheticText));
  return request.isThinking === true ? `<think>\n${syntheticText}\n</think>\n\n${answer}` : answer;
};

/** Whether an id is that of a scripted model: what it wrote is synthetic, wherever the id is found. */
export const isScripted = (modelId: string): boolean => modelId.startsWith(scriptedPrefix);
const scriptedPrefix = "scripted:";

export function createScriptedModel(options: ScriptedModelOptions = {}): ChatModel {
  const { name = "fake", script = defaultScript, delayMs = 0 } = options;
  let calls = 0;
  return {
    id: `${scriptedPrefix}${name}`,
    isSynthetic: true,
    async complete(request, { signal, onText } = {}) {
      const start = performance.now();
      if (delayMs > 0) await systemClock.sleep(delayMs, signal);
      if (signal?.aborted === true) throw new ChatError("stopped", `model ${name}: stopped`);
      const said = await script(request, calls++);
      if (said instanceof ChatError) throw said;
      const raw = typeof said === "string" ? said : (said.raw ?? said.text ?? "");
      const split = splitReasoning(raw);
      if (split.answer === "") throw new ChatError("empty", `model ${name}: empty reply`);
      if (onText !== undefined) {
        const stream = new ReasoningStream(onText);
        for (const piece of raw.match(/\s*\S+/g) ?? []) stream.push(piece);
        stream.end();
      }
      return {
        text: split.answer,
        ...(split.reasoning === null ? {} : { reasoning: split.reasoning }),
        raw,
        finish: "stop",
        inputTokens: estimateTextTokens(request),
        outputTokens: Math.ceil(raw.length / 4),
        areTokensEstimated: true,
        latencyMs: performance.now() - start,
        model: name,
        ...(typeof said === "string" ? {} : said),
      };
    },
  };
}

/** A `ChatError` of this kind, as a script returns it. */
export const scriptedError = (kind: ChatError["kind"]): ChatError =>
  new ChatError(kind, `scripted ${kind}${retryableKinds.has(kind) ? " (may pass)" : ""}`);
