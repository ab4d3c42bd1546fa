/** A reward behind a service: from one item of a request to a number, with a way to be stopped. */
import { z } from "zod";
import { ChatError, type ChatModel, type ChatPart } from "../chat/chat-model.ts";
import { buildRequest } from "../prompts/build-request.ts";
import { builtInPrompts } from "../prompts/built-in.ts";
import type { Reward, RewardValue } from "./reward.ts";
import { bandOf, probabilityOfNo } from "./values.ts";

export interface RewardScorer {
  readonly name: string;
  readonly about: string;
  readonly range: readonly [number, number];
  /** JSON Schema of an item, beside `id`. */
  readonly itemSchema: Readonly<Record<string, unknown>>;
  readonly isSynthetic: boolean;
  /** @throws RewardItemError for an item that is wrong, ChatError when the model fails. */
  evaluate(item: unknown, signal: AbortSignal): Promise<RewardValue>;
}

/** The item of a request is wrong: asking again will not help. */
export class RewardItemError extends Error {
  override readonly name = "RewardItemError";
}

function parseItem<T>(shape: z.ZodType<T>, item: unknown): T {
  const parsed = shape.safeParse(item);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RewardItemError(`${issue?.path.join(".") || "item"}: ${issue?.message ?? "wrong"}`);
}

const maxReply = 1 << 20;
const replyShape = z.object({ reply: z.string().max(maxReply), reference: z.string().max(4096) });

/** A pure function of reply and reference. */
export const functionScorer = (reward: Reward): RewardScorer => ({
  name: reward.name,
  about: reward.about,
  range: reward.range,
  isSynthetic: false,
  itemSchema: z.toJSONSchema(replyShape) as Record<string, unknown>,
  evaluate: async (item) => reward.evaluate(parseItem(replyShape, item)),
});

const videoShape = z.object({
  /** The file, base64. */
  video: z.base64(),
  mime: z.string().default("video/mp4"),
});

/**
 * P(No artefact) of a generated video in one forward pass: the critic's question, and the log-probabilities of the
 * first token. Needs a server that gives them.
 */
export function logitScorer(model: ChatModel): RewardScorer {
  const template = builtInPrompts.get("video-critic");
  if (template === undefined) throw new RewardItemError("the prompt video-critic is missing");
  return {
    name: "video-no-artefact",
    about: "probability that a generated video has no artefact, from the first token's Yes and No",
    range: [0, 1],
    isSynthetic: model.isSynthetic,
    itemSchema: z.toJSONSchema(videoShape, { io: "input" }) as Record<string, unknown>,
    async evaluate(item, signal) {
      const { video, mime } = parseItem(videoShape, item);
      const bytes = new Uint8Array(Buffer.from(video, "base64"));
      const media: ChatPart = mime.startsWith("image/")
        ? { type: "image", bytes, mime }
        : { type: "video", bytes, mime };
      const { request } = buildRequest(template, {
        media: [media],
        isReasoning: false,
        sampling: { maxTokens: 1, temperature: 0 },
      });
      const reply = await model.complete({ ...request, topLogprobs: 20 }, { signal });
      if (reply.topLogprobs === undefined)
        throw new ChatError(
          "bad-reply",
          `model ${model.id}: no log-probabilities came; expected a server that gives them (vLLM does)`,
        );
      const score = probabilityOfNo(reply.topLogprobs);
      if (score === null)
        return { reward: 0, parts: { no: 0 }, problem: "the first token is neither Yes nor No" };
      return { reward: score, parts: { no: score, [`band_${bandOf(score)}`]: 1 }, problem: null };
    },
  };
}
