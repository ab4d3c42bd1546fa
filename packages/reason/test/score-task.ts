/** A small evaluation that the batch tests share: one question per item, a JSON answer with a number. */
import {
  type BatchOptions,
  type BatchResult,
  type ChatModel,
  ReplyFormatError,
  runBatch,
} from "../src/index.ts";

export interface ScoreRow {
  readonly score: number;
  readonly raw: string;
}
type Item = { readonly id: string };

/** The answer that the scripted server gives to an item. */
export const scoreOf = (id: string): number => 1 + ((Number(id.slice(1)) * 7) % 5);

/** Lenient on purpose: prose and fences around the object are read. */
function readScore(text: string): number {
  const found = /\{[^{}]*\}/.exec(text)?.[0];
  if (found === undefined) throw new ReplyFormatError("it holds no JSON object.");
  const { score } = JSON.parse(found) as { score?: unknown };
  if (typeof score !== "number") throw new ReplyFormatError('"score" is missing.');
  return score;
}

export function runScores(
  model: ChatModel,
  num: number,
  options: Partial<BatchOptions<Item, ScoreRow>> = {},
): Promise<BatchResult<ScoreRow>> {
  return runBatch<Item, ScoreRow>({
    items: Array.from({ length: num }, (_, i) => ({ id: `i${i}` })),
    model,
    folder: null,
    cacheFolder: null,
    identity: { task: "score" },
    retry: {
      attempts: { "rate-limit": 5, server: 5, network: 5, timeout: 5, empty: 5 },
      firstDelayMs: 1,
      maxDelayMs: 4,
    },
    concurrency: 16,
    ...options,
    work: async (item, { ask }) => {
      const { value, reply } = await ask(
        {
          messages: [
            { role: "user", content: [{ type: "text", text: `item=${item.id} Score it.` }] },
          ],
          sampling: { maxTokens: 32, temperature: 0 },
        },
        { read: (r) => readScore(r.text) },
      );
      return { score: value, raw: reply.raw };
    },
  });
}
