/**
 * The options of every command that asks a model, and what they mean: which model, cache, budget, rate, shard.
 * One implementation, so that dry runs, resuming and limits are the same everywhere.
 */
import { readdir, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { homedir } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import type { BatchOptions, BatchProgress, ChatModel, TokenPrice } from "@causeway/reason";
import { wholeNumber } from "../command.ts";
import { UserError } from "../errors.ts";
import type { Progress } from "../progress.ts";

/** Of every command that asks a model about many things, however it names the model and its own results. */
export interface BatchCommandOptions {
  readonly concurrency: number;
  /** false for --no-cache. */
  readonly cache?: string | boolean;
  readonly retryFailed: "passing" | "all" | "none";
  readonly maxRequests?: number;
  readonly maxSpend?: number;
  readonly maxCost?: number;
  readonly priceIn?: number;
  readonly priceOut?: number;
  readonly rpm?: number;
  readonly tpm?: number;
}

export interface AskingOptions extends BatchCommandOptions {
  readonly model: string;
  readonly out?: string;
  readonly shard?: string;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError(`${text} is not a number above 0.`);
  return value;
};

const oneOf =
  <T extends string>(...values: readonly T[]) =>
  (text: string): T => {
    const value = values.find((v) => v === text);
    if (value === undefined)
      throw new InvalidArgumentError(`${text} is not one of ${values.join(", ")}.`);
    return value;
  };

export const defaultModel = "openai:@http://127.0.0.1:8000/v1";

export function addAskingOptions(command: Command): Command {
  return addBatchOptions(
    command
      .option(
        "--model <spec>",
        "openai:NAME@URL, engine:FOLDER (our own engine, no server; engine:nano is the small driving model that ships) or fake (scripted, marked synthetic)",
        process.env.CAUSEWAY_MODEL ?? defaultModel,
      )
      .option("--out <folder>", "ledger, results and summary go here; a second run goes on"),
  ).option("--shard <k/n>", "only this part of the items, by a stable hash of their ids");
}

/** @param cachePlace Where answers are kept unless the user says so, in words. */
export function addBatchOptions(
  command: Command,
  cachePlace: string = "causeway/replies in your cache folder",
): Command {
  return command
    .option("--concurrency <n>", "requests at the same time", wholeNumber(1, 1024), 8)
    .option(
      "--cache <folder>",
      `answers to equal questions are reused from here (default: ${cachePlace})`,
    )
    .option("--no-cache", "ask everything anew")
    .option(
      "--retry-failed <which>",
      "failures of an earlier run to try again: passing, all or none",
      oneOf("passing", "all", "none"),
      "passing",
    )
    .option("--max-requests <n>", "stop before more requests", wholeNumber(1, 1e9))
    .option(
      "--max-spend <tokens>",
      "stop before more input and output tokens",
      wholeNumber(1, 1e12),
    )
    .option("--max-cost <usd>", "stop before it costs more; needs both prices", positive)
    .option("--price-in <usd>", "price of a million input tokens", positive)
    .option("--price-out <usd>", "price of a million output tokens", positive)
    .option("--rpm <n>", "requests per minute at most", wholeNumber(1, 1e9))
    .option("--tpm <n>", "tokens per minute at most", wholeNumber(1, 1e12));
}

/** The model that the options name. Keys come from the environment. */
export async function openAskedModel(
  options: Pick<AskingOptions, "model">,
): Promise<{ readonly model: ChatModel; readonly notes: readonly string[] }> {
  const { openModel, parseModelSpec } = await import("@causeway/reason");
  let notes: readonly string[] = [];
  const model = await openModel(parseModelSpec(options.model), {
    env: process.env,
    openEngine: async (folder) => {
      const { openLocalChatModel } = await import("../engine/local-chat-model.ts");
      const { readVideoBytes } = await import("../engine/read-video.ts");
      const { modelFolder } = await import("../engine/model-folder.ts");
      const path = await modelFolder(resolve(folder));
      const local = await openLocalChatModel(path, { readVideo: readVideoBytes });
      notes = local.notes;
      // Two checkpoints may have one name; their answers must not be taken for each other's.
      return { ...local, id: `${local.id}#${await weightsKey(path)}` };
    },
  });
  return { model, notes };
}

/** Larger weights are told apart by size and time instead of content. */
const hashedBytes = 2 ** 30;

async function weightsKey(folder: string): Promise<string> {
  const { contentKey } = await import("@causeway/reason");
  const { sha256File } = await import("@causeway/data");
  const names = (await readdir(folder))
    .filter((n) => /^config\.json$|\.safetensors$/.test(n))
    .sort();
  const parts: unknown[] = [];
  for (const name of names) {
    const path = resolve(folder, name);
    const { size, mtimeMs } = await stat(path);
    parts.push([name, size, size > hashedBytes ? mtimeMs : await sha256File(path)]);
  }
  return contentKey(parts).slice(0, 12);
}

/** Where answers are kept for reuse unless --cache names a folder. */
const defaultCache = (): string =>
  resolve(process.env.XDG_CACHE_HOME ?? resolve(homedir(), ".cache"), "causeway", "replies");

type SharedBatchOptions = Pick<
  BatchOptions<{ id: string }, unknown>,
  | "folder"
  | "cacheFolder"
  | "concurrency"
  | "budget"
  | "pace"
  | "shard"
  | "retryFailed"
  | "signal"
  | "onProgress"
> & { readonly price?: TokenPrice };

/** The price of a token where both halves are given. */
export function priceOf({ priceIn, priceOut }: BatchCommandOptions): TokenPrice | null {
  if ((priceIn === undefined) !== (priceOut === undefined))
    throw new UserError("OPTION", "--price-in and --price-out belong together; give both");
  return priceIn === undefined || priceOut === undefined
    ? null
    : { inputPerMTok: priceIn, outputPerMTok: priceOut };
}

/** What `runBatch` takes from the options. In a dry run nothing is read from or written to disk. */
export async function batchSettings(
  options: BatchCommandOptions & { readonly out?: string; readonly shard?: string },
  context: {
    readonly isDryRun: boolean;
    readonly signal: AbortSignal;
    readonly progress: Progress;
  },
  label: string,
  ownCache: string = defaultCache(),
): Promise<SharedBatchOptions> {
  const { parseShard } = await import("@causeway/reason");
  const { rpm, tpm, maxRequests, maxSpend, maxCost } = options;
  const price = priceOf(options);
  const cache =
    typeof options.cache === "string"
      ? resolve(options.cache)
      : options.cache === false
        ? null
        : ownCache;
  const onProgress = (p: BatchProgress): void =>
    context.progress.update(label, {
      done: p.done + p.failed,
      total: p.total,
      note: `${p.failed > 0 ? `${p.failed} failed, ` : ""}${p.inputTokensPerSec.toFixed(0)} in, ${p.outputTokensPerSec.toFixed(0)} out tokens/s`,
    });
  return {
    folder: context.isDryRun || options.out === undefined ? null : resolve(options.out),
    cacheFolder: context.isDryRun ? null : cache,
    concurrency: options.concurrency,
    budget: {
      ...(maxRequests === undefined ? {} : { maxRequests }),
      ...(maxSpend === undefined ? {} : { maxTokens: maxSpend }),
      ...(maxCost === undefined ? {} : { maxCostUsd: maxCost }),
    },
    pace: {
      ...(rpm === undefined ? {} : { requestsPerMinute: rpm }),
      ...(tpm === undefined ? {} : { tokensPerMinute: tpm }),
    },
    ...(price === null ? {} : { price }),
    shard: options.shard === undefined ? null : parseShard(options.shard),
    retryFailed: options.retryFailed,
    signal: context.signal,
    onProgress,
  };
}

/** Settings in words, for reports: "temperature 0.6, topP 0.95". */
export const namedValues = (values: object): string =>
  Object.entries(values)
    .map(([k, v]) => `${k} ${String(v)}`)
    .join(", ") || "as the model has it";
