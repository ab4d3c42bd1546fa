/**
 * Replies by what was asked: model, request with the bytes of its media, prompt hash, trial. One file per reply, so that
 * any number of runs share a folder. Synthetic replies have a folder of their own and no way into a real run.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ChatModel, ChatReply } from "../chat/chat-model.ts";
import { writeWholeFile } from "./whole-file.ts";

export const replyShape: z.ZodType<ChatReply> = z.object({
  text: z.string().min(1),
  reasoning: z.string().optional(),
  raw: z.string(),
  finish: z.enum(["stop", "length"]),
  inputTokens: z.number(),
  outputTokens: z.number(),
  areTokensEstimated: z.boolean().optional(),
  latencyMs: z.number(),
  model: z.string(),
  topLogprobs: z.array(z.object({ token: z.string(), logprob: z.number() })).optional(),
}) as z.ZodType<ChatReply>;

const recordShape = z.object({
  key: z.string(),
  isSynthetic: z.boolean(),
  modelId: z.string(),
  reply: replyShape,
});

export interface ReplyCache {
  get(model: ChatModel, key: string): Promise<ChatReply | null>;
  put(model: ChatModel, key: string, reply: ChatReply): Promise<void>;
}

export function openReplyCache(folder: string): ReplyCache {
  const pathOf = (model: ChatModel, key: string): string =>
    join(folder, model.isSynthetic ? "synthetic" : "real", key.slice(0, 2), `${key}.json`);
  return {
    async get(model, key) {
      let text: string;
      try {
        text = await readFile(pathOf(model, key), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw error;
      }
      const record = recordShape.safeParse(parseOrNull(text));
      // A damaged or misplaced file is no answer; asking again replaces it.
      const isOurs =
        record.success &&
        record.data.key === key &&
        record.data.isSynthetic === model.isSynthetic &&
        record.data.modelId === model.id;
      return isOurs ? record.data.reply : null;
    },
    async put(model, key, reply) {
      const record = { key, isSynthetic: model.isSynthetic, modelId: model.id, reply };
      await writeWholeFile(pathOf(model, key), `${JSON.stringify(record)}\n`);
    },
  };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
