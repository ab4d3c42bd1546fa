/** From a template, media and settings to one `ChatRequest`. */
import type { ChatPart, ChatRequest, Sampling } from "../chat/chat-model.ts";
import { fillPrompt, type PromptTemplate, promptHash } from "./template.ts";

/**
 * How a model wants to be asked to reason. Cosmos-Reason1 puts it into the system prompt and answers in answer tags;
 * Cosmos-Reason2 takes it at the end of the user prompt and answers right after the closing think tag.
 */
export type ReasoningStyle = "reason1" | "reason2";

export const reasoningStyleOf = (model: string): ReasoningStyle =>
  /reason-?1/i.test(model) ? "reason1" : "reason2";

/** What is added to a prompt, in our words. */
export const reasoningAddOn: Readonly<Record<ReasoningStyle, string>> = {
  reason1:
    "Think before you answer. Write your thoughts between <think> and </think>, leave one empty line, then write the final answer between <answer> and </answer>.",
  reason2:
    "Think before you answer. Write your thoughts between <think> and </think>, and right after the closing tag write the final answer alone.",
};

/** The settings under which Qwen3-VL's instruct and thinking models are evaluated; Cosmos-Reason2 uses the same. */
export const plainSampling: Sampling = {
  maxTokens: 4096,
  topP: 0.8,
  topK: 20,
  repetitionPenalty: 1,
  presencePenalty: 1.5,
  temperature: 0.7,
  seed: 3407,
};
export const reasoningSampling: Sampling = {
  maxTokens: 4096,
  topP: 0.95,
  topK: 20,
  repetitionPenalty: 1,
  presencePenalty: 0,
  temperature: 0.6,
  seed: 1234,
};

export interface RequestParts {
  readonly values?: Readonly<Record<string, string>>;
  /** Images before videos before text, in whatever order they come. */
  readonly media: readonly ChatPart[];
  readonly isReasoning: boolean;
  readonly style?: ReasoningStyle;
  /** Beats the template's sampling, which beats the defaults of the mode. */
  readonly sampling?: Partial<Sampling>;
  /**
   * Ask the server to keep to the template's schema. Off when the model is to reason: a server without a reasoning
   * parser would forbid the think tags.
   */
  readonly isGuided?: boolean;
  readonly extraBody?: Readonly<Record<string, unknown>>;
}

export interface BuiltRequest {
  readonly request: ChatRequest;
  readonly promptHash: string;
}

export function buildRequest(template: PromptTemplate, parts: RequestParts): BuiltRequest {
  const { isReasoning, style = "reason2" } = parts;
  const filled = fillPrompt(template, parts.values ?? {});
  const addOn = isReasoning ? reasoningAddOn[style] : null;
  const system = join(filled.system, style === "reason1" ? addOn : null);
  const user = join(filled.user, style === "reason2" ? addOn : null);
  const isGuided = (parts.isGuided ?? !isReasoning) && template.schema !== null;
  return {
    promptHash: promptHash(template),
    request: {
      messages: [
        ...(system === ""
          ? []
          : [{ role: "system" as const, content: [{ type: "text" as const, text: system }] }]),
        { role: "user", content: [...mediaFirst(parts.media), { type: "text", text: user }] },
      ],
      sampling: {
        ...(isReasoning ? reasoningSampling : plainSampling),
        ...template.sampling,
        ...parts.sampling,
      },
      ...(isGuided && template.schema !== null
        ? {
            jsonSchema: { name: template.name.replace(/\W+/g, "_"), schema: template.schema },
          }
        : {}),
      ...(parts.extraBody === undefined ? {} : { extraBody: parts.extraBody }),
    },
  };
}

const join = (text: string, addOn: string | null): string =>
  addOn === null ? text : `${text.trimEnd()}\n\n${addOn}`.trimStart();

const order: Readonly<Record<ChatPart["type"], number>> = {
  image: 0,
  frames: 1,
  video: 1,
  text: 2,
};

const mediaFirst = (media: readonly ChatPart[]): ChatPart[] =>
  media
    .map((part, i) => ({ part, i }))
    .sort((a, b) => order[a.part.type] - order[b.part.type] || a.i - b.i)
    .map(({ part }) => part);
