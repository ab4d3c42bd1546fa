import { access, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  bitsFor,
  Checkpoint,
  defaultScheme,
  type QuantizationReport,
  type QuantizationScheme,
  quantizeFolder,
  readBackboneConfig,
} from "@causeway/models";
import type { CommandContext, CommonOptions, Outcome } from "../command.ts";
import { UserError } from "../errors.ts";

export interface ModelQuantizeOptions extends CommonOptions {
  readonly out: string;
  readonly bits: string;
  readonly block: string;
  readonly symmetric?: boolean;
  readonly method: string;
  readonly calibration?: string;
  readonly texts?: string;
  readonly headBits?: string;
  readonly exclude?: readonly string[];
}

export async function quantizeModel(
  { isDryRun, progress, signal }: CommandContext,
  options: ModelQuantizeOptions,
  given: string,
): Promise<Outcome> {
  const from = resolve(given);
  const to = resolve(options.out);
  const scheme = schemeOf(options);
  const exists = await access(to).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new UserError(
      "BAD_OPTION",
      `--out ${options.out} exists; name a new folder or remove it first`,
    );
  await readBackboneConfig(from);
  const calibration = options.calibration ? await linesOf(options.calibration) : [];
  const evaluation = options.texts ? await linesOf(options.texts) : [];
  if (isDryRun) return plan(from, to, scheme);
  const result = await quantizeFolder(from, to, {
    scheme,
    calibration,
    evaluation,
    signal,
    onProgress: (what, done, total) => progress.update(`quantize: ${what}`, { done, total }),
  });
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const { report } = result;
  const lines = [
    `${result.numQuantized} weights in ${scheme.bits} bits, blocks of ${scheme.blockSize}, ${scheme.method}; ${result.numKept} kept in float32`,
    `${mb(result.bytesBefore)} as float32, ${mb(result.bytesAfter)} now`,
    ...(result.scaledErrorRatio === null
      ? []
      : [`output error with scaling: ${result.scaledErrorRatio.toFixed(3)} of plain rounding`]),
    ...(report === null
      ? ["not measured: pass --texts to compare logits and perplexity with the original"]
      : reportLines(report)),
    `folder: ${options.out}`,
  ];
  return { data: { folder: to, scheme, ...result }, text: lines.join("\n") };
}

function reportLines(report: QuantizationReport): string[] {
  return [
    `over ${report.numTokens} predicted tokens:`,
    `  logits: mean error ${report.logitMeanError.toFixed(4)}, largest ${report.logitMaxError.toFixed(3)}, relative ${(100 * report.logitRelativeError).toFixed(2)} %`,
    `  same most likely token: ${(100 * report.sameTop).toFixed(1)} %, KL ${report.kl.toExponential(2)} nats a token`,
    `  perplexity: ${report.perplexityBefore.toFixed(3)} before, ${report.perplexityAfter.toFixed(3)} after`,
  ];
}

async function plan(from: string, to: string, scheme: QuantizationScheme): Promise<Outcome> {
  const checkpoint = await Checkpoint.open(from);
  try {
    const names = checkpoint.names.map((name) => ({
      name,
      bits: bitsFor(scheme, name, checkpoint.shape(name)),
    }));
    const packed = names.filter(({ bits }) => bits !== null);
    return {
      data: { from, to, scheme, weights: Object.fromEntries(packed.map((w) => [w.name, w.bits])) },
      text: `would quantise ${packed.length} of ${names.length} weights of ${from} to ${scheme.bits} bits in blocks of ${scheme.blockSize} and write ${to}`,
    };
  } finally {
    await checkpoint.close();
  }
}

function schemeOf(options: ModelQuantizeOptions): QuantizationScheme {
  const bits = oneOf("--bits", options.bits, ["4", "8"]);
  const block = oneOf("--block", options.block, ["16", "32", "64", "128", "256"]);
  if (options.headBits !== undefined) oneOf("--head-bits", options.headBits, ["8"]);
  return {
    bits: Number(bits) as 4 | 8,
    blockSize: Number(block),
    symmetric: options.symmetric === true,
    method: oneOf("--method", options.method, ["rtn", "awq"]) as "rtn" | "awq",
    exclude: [...defaultScheme.exclude, ...(options.exclude ?? [])],
    headBits: options.headBits === undefined ? null : 8,
  };
}

function oneOf(option: string, value: string, known: readonly string[]): string {
  if (!known.includes(value))
    throw new UserError("BAD_OPTION", `${option} is ${value}; expected ${known.join(", ")}`);
  return value;
}

/** Texts of a file, one a line; a line that is a JSON string or an object with `text` counts as that text. */
async function linesOf(path: string): Promise<string[]> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0)
    throw new UserError("BAD_OPTION", `${path} has no text; expected one a line`);
  return lines.map((line, i) => {
    if (!/^\s*[{"]/.test(line)) return line;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return line;
    }
    const text = typeof value === "string" ? value : (value as { text?: unknown }).text;
    if (typeof text !== "string")
      throw new UserError(
        "BAD_OPTION",
        `${path} line ${i + 1} is JSON without "text"; expected text or {"text": …}`,
      );
    return text;
  });
}
