/**
 * What every subcommand shares: the options --json, --dry-run and --debug, progress, Ctrl-C, and errors as one line.
 * A command is a function from options to an `Outcome`; it prints nothing itself.
 */
import { Command, InvalidArgumentError } from "commander";
import { debugText, describeError, StoppedError, toPlainError } from "./errors.ts";
import { createProgress, type Progress } from "./progress.ts";

export interface CommandContext {
  /** True when the user wants to see what would be done; nothing may be written then. */
  readonly isDryRun: boolean;
  readonly progress: Progress;
  /** Aborted by the first Ctrl-C. Stop at the next safe point and throw `StoppedError` (or let it pass). */
  readonly signal: AbortSignal;
}

/** What a command has to say. */
export interface Outcome {
  /** For --json: one JSON value on stdout. */
  readonly data: unknown;
  /** For people: lines on stdout. */
  readonly text: string;
}

export interface CommonOptions {
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly debug?: boolean;
}

/** A subcommand with the shared options; `examples` end its help. */
export function createCommand(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(summary)
    .option("--json", "print the result as one JSON value on stdout")
    .option("--dry-run", "print what would be done and write nothing")
    .option("--debug", "show stack traces")
    .showHelpAfterError(`(causeway ${name} --help shows the options)`)
    .addHelpText("after", `\nExamples:\n${examples.map((e) => `  $ ${e}`).join("\n")}`);
}

/** Wraps the work of a command as a commander action. */
export function action<Options extends CommonOptions, Args extends readonly string[]>(
  name: string,
  work: (context: CommandContext, options: Options, ...args: Args) => Promise<Outcome>,
): (...values: unknown[]) => Promise<void> {
  return async (...values) => {
    // commander passes the arguments, then the options, then the command.
    const args = values.slice(0, -2) as unknown as Args;
    const options = values.at(-2) as Options;
    const stop = new AbortController();
    const onInterrupt = (): void => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
      process.stderr.write("\nstopping at the next safe point (Ctrl-C again: at once)\n");
    };
    process.on("SIGINT", onInterrupt);
    process.on("SIGTERM", onInterrupt);
    const progress = createProgress({ stream: process.stderr, now: Date.now });
    try {
      const context = { isDryRun: options.dryRun === true, progress, signal: stop.signal };
      const outcome = await work(context, options, ...args);
      console.log(options.json === true ? JSON.stringify(outcome.data) : outcome.text);
    } catch (error) {
      process.exitCode = printError(name, error, options, stop.signal.aborted);
    } finally {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onInterrupt);
    }
  };
}

/** Returns the exit code: 1, or 130 when the user stopped the work. */
function printError(
  name: string,
  error: unknown,
  options: CommonOptions,
  isStopped: boolean,
): number {
  const isStop = isStopped || error instanceof StoppedError;
  const text = isStop ? "stopped; run the same command again to go on" : describeError(error);
  if (options.json === true)
    console.log(
      JSON.stringify({ error: { ...toPlainError(error), message: text, stack: undefined } }),
    );
  process.stderr.write(`causeway ${name}: ${text}\n`);
  if (options.debug === true) process.stderr.write(`${debugText(error)}\n`);
  return isStop ? 130 : 1;
}

/** Parses a whole number option; commander shows the message with the option's name. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high)
      throw new InvalidArgumentError(`${text} is not a whole number from ${low} to ${high}.`);
    return value;
  };
}

/** A number above zero. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError(`${text} is not a number above 0.`);
  return value;
}
