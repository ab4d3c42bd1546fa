/** Options that the benchmarks which ask a model share, beside those of every asking command. */
import type { Command } from "commander";
import { addAskingOptions, type AskingOptions } from "../asking/model-options.ts";
import { type CommonOptions, createCommand, wholeNumber } from "../command.ts";

export interface ScoreOptions extends CommonOptions, AskingOptions {
  readonly media?: string;
  readonly prompt?: string;
  readonly reasoning?: boolean;
  readonly retries: number;
  readonly limit?: number;
  readonly replies?: string;
  readonly fps?: number;
  readonly frames?: number;
  readonly maxPixels?: number;
  readonly context: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly title?: string;
}

export function createScoreCommand(
  name: string,
  summary: string,
  examples: readonly string[],
): Command {
  return addAskingOptions(createCommand(name, summary, examples))
    .option(
      "--media <folder>",
      "where relative paths of pictures and videos start (default: the data file's folder)",
    )
    .option(
      "--prompt <name|file>",
      "another prompt: a built-in one or a YAML file with the same placeholders",
    )
    .option("--reasoning", "let the model think before it answers")
    .option(
      "--retries <n>",
      "ask again when a reply cannot be read, each time with more tokens",
      wholeNumber(0, 10),
      2,
    )
    .option("--limit <n>", "only the first items of the data", wholeNumber(1, 1e9))
    .option(
      "--replies <file>",
      'score these replies, JSON Lines of {"id", "reply"}, and ask no model for them',
    )
    .option("--fps <n>", "frames per second of videos", Number)
    .option("--frames <n>", "number of frames of videos, instead of --fps", wholeNumber(1, 768))
    .option("--max-pixels <n>", "largest area of a frame or picture", wholeNumber(1, 1e9))
    .option("--context <tokens>", "the model's context", wholeNumber(64, 1e7), 16_384)
    .option("--max-tokens <n>", "longest answer, thoughts included", wholeNumber(1, 1e6))
    .option("--seed <n>", "seed of the sampling", wholeNumber(0, 0xffffffff))
    .option("--title <text>", "title of the report")
    .addHelpText(
      "after",
      `
With --out: score.json (metrics with intervals and denominators), items.jsonl (one row per item, by id, with prompt
hash, model, settings and raw reply in results.jsonl), report.html (failures first). A second run goes on where the
first one stopped. --dry-run runs everything with a scripted stand-in on the first items and writes nothing.`,
    );
}
