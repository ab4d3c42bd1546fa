/** Text from a prompt, token by token: penalties, temperature, top-k, nucleus, stop strings, streaming. */
import type { Rng } from "@causeway/geom";
import { ConfigError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { applyPenalties, type PenaltyOptions } from "./penalties.ts";
import { sampleToken, type SamplingOptions } from "./sampling.ts";
import type { SequenceEngine, VisualPrompt } from "./sequence-engine.ts";
import { TextStream } from "./text-stream.ts";

export interface GenerateOptions extends SamplingOptions, PenaltyOptions {
  readonly maxTokens: number;
  readonly rng: Rng;
  /** Ids that end the answer; they are not part of its text. */
  readonly endIds: ReadonlySet<number>;
  /** The text ends before any of these. */
  readonly stop?: readonly string[];
  /** Ids that may be drawn; all of the tokenizer when left out. */
  readonly allowed?: (id: number) => boolean;
  /** Report this many candidates of the first token. */
  readonly topLogprobs?: number;
  /** Each piece of text once it is certain. */
  readonly onText?: (piece: string) => void;
  readonly signal?: AbortSignal;
}

export interface Generation {
  readonly text: string;
  /** Sampled ids, the end id included. */
  readonly ids: readonly number[];
  /** Log-probability of each id under the distribution it was drawn from. */
  readonly logProbs: readonly number[];
  /** "length" when `maxTokens` ended the text. */
  readonly finish: "stop" | "length";
  readonly promptTokens: number;
  /** Most likely first tokens with their log-probabilities before penalties and cuts. */
  readonly topLogprobs: readonly { readonly token: string; readonly logprob: number }[];
}

function checkOptions(options: GenerateOptions): void {
  const bad = (name: string, value: unknown, expected: string): never => {
    throw new ConfigError(`generation: ${name} is ${String(value)}; expected ${expected}`);
  };
  const { temperature, topP, topK = 0, repetitionPenalty = 1, maxTokens } = options;
  if (!(temperature >= 0)) bad("temperature", temperature, "0 or more");
  if (!(topP > 0 && topP <= 1)) bad("topP", topP, "a number above 0, at most 1");
  if (!Number.isInteger(topK) || topK < 0) bad("topK", topK, "0 (all) or a positive integer");
  if (!(repetitionPenalty > 0)) bad("repetitionPenalty", repetitionPenalty, "a positive number");
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    bad("maxTokens", maxTokens, "a positive integer");
}

export async function generateText(
  engine: SequenceEngine,
  tokenizer: Tokenizer,
  prompt: VisualPrompt,
  options: GenerateOptions,
): Promise<Generation> {
  checkOptions(options);
  const { maxTokens, endIds, signal, rng } = options;
  const stream = new TextStream(tokenizer, options.stop);
  // The embedding may have more rows than the tokenizer has ids.
  const allowed = (id: number) => id < tokenizer.size && (options.allowed?.(id) ?? true);
  const promptIds = new Set(prompt.ids);
  const seen = new Set<number>();
  const ids: number[] = [];
  const logProbs: number[] = [];
  let text = "";
  const say = (piece: string) => {
    if (piece === "") return;
    text += piece;
    options.onText?.(piece);
  };
  let finish: Generation["finish"] = "length";
  signal?.throwIfAborted();
  let logits = await engine.prompt(prompt);
  const topLogprobs = mostLikely(logits, tokenizer, options.topLogprobs ?? 0);
  while (ids.length < maxTokens) {
    // Computing blocks the thread; this lets signals and timers in between tokens.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    const scores = Float32Array.from(logits);
    applyPenalties(scores, options, promptIds, seen);
    const { id, logProb } = sampleToken(scores, allowed, options, rng);
    ids.push(id);
    logProbs.push(logProb);
    seen.add(id);
    if (endIds.has(id)) {
      finish = "stop";
      break;
    }
    say(stream.push(id));
    if (stream.isStopped) {
      finish = "stop";
      break;
    }
    if (ids.length < maxTokens) logits = await engine.next(id);
  }
  say(stream.flush());
  if (stream.isStopped) finish = "stop";
  return { text, ids, logProbs, finish, promptTokens: prompt.ids.length, topLogprobs };
}

function mostLikely(
  logits: Float32Array,
  tokenizer: Tokenizer,
  count: number,
): { readonly token: string; readonly logprob: number }[] {
  if (count === 0) return [];
  let largest = -Infinity;
  for (const value of logits) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  const order = Array.from({ length: Math.min(logits.length, tokenizer.size) }, (_, id) => id);
  order.sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  return order.slice(0, count).map((id) => ({
    token: tokenizer.decode([id]),
    logprob: (logits[id] as number) - largest - Math.log(sum),
  }));
}
