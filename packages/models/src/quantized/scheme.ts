/**
 * Which weights are quantised and how. Only linear layers can be; what stays as it is follows the originals: the vision
 * tower and the output head (Cosmos-Reason's quantize.py skips both), and the action embedding and projection (Alpamayo
 * 1.5 skips `action_out_proj` and the first layer of `action_in_proj`; both together hold under 0.1 % of the weights).
 */
import { ConfigError } from "../errors.ts";

export interface QuantizationScheme {
  readonly bits: 4 | 8;
  /** Inputs that share a scale: 16 to 256, a power of two. */
  readonly blockSize: number;
  readonly symmetric: boolean;
  /** "rtn" rounds to nearest; "awq" first scales input channels by what calibration saw (see activation-aware.ts). */
  readonly method: "rtn" | "awq";
  /** Name patterns of weights that stay as they are; `*` stands for any text. */
  readonly exclude: readonly string[];
  /** Bits of the output head where it is quantised although excluded; null keeps it. */
  readonly headBits: 8 | null;
}

export const defaultExclude: readonly string[] = [
  "*visual.*",
  "*lm_head*",
  "*embed_tokens*",
  "*action_in_proj*",
  "*action_out_proj*",
];

export const defaultScheme: QuantizationScheme = {
  bits: 4,
  blockSize: 32,
  symmetric: false,
  method: "rtn",
  exclude: defaultExclude,
  headBits: null,
};

export function checkScheme({ bits, blockSize }: QuantizationScheme): void {
  if (bits !== 4 && bits !== 8)
    throw new ConfigError(`quantise: ${String(bits)} bits; expected 4 or 8`);
  if (![16, 32, 64, 128, 256].includes(blockSize))
    throw new ConfigError(`quantise: block size ${blockSize}; expected 16, 32, 64, 128 or 256`);
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*");
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const found = i === 0 ? (name.startsWith(part) ? 0 : -1) : name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return pattern.endsWith("*") || name.endsWith(parts.at(-1) as string);
}

/** Weights that the graphs read as `x @ weight^T` alone; the vision tower's fused qkv is sliced and cannot be packed. */
const linearName = /(_proj|attn\.proj|linear_fc[12]|lm_head)\.weight$/;

/** Bits for one weight, or null when it stays as it is. */
export function bitsFor(
  scheme: QuantizationScheme,
  name: string,
  shape: readonly number[],
): 4 | 8 | null {
  if (shape.length !== 2) return null;
  if (isHead(name)) return scheme.headBits ?? (isExcluded(scheme, name) ? null : scheme.bits);
  if (!linearName.test(name) || isExcluded(scheme, name)) return null;
  return scheme.bits;
}

const isHead = (name: string): boolean => /(^|\.)lm_head\.weight$/.test(name);

/** A head that is tied to the embedding has no weight of its own; it is then quantised under the embedding's name. */
export const isEmbedding = (name: string): boolean => name.endsWith("embed_tokens.weight");

export function isExcluded({ exclude }: QuantizationScheme, name: string): boolean {
  return exclude.some((pattern) => matches(pattern, name));
}
