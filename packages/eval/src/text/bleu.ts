/**
 * BLEU with every choice spelled out, because "BLEU" alone names at least a dozen numbers.
 * Corpus BLEU sums n-gram matches over all pairs before it divides; the brevity penalty compares with the closest
 * reference length (a tie goes to the shorter).
 *
 * `pinnedBleu` is the definition that evaluations of Causeway report: corpus BLEU-4, 13a tokens, mixed case,
 * exponential smoothing, the default of the common scorers. Its signature is stored beside each number.
 */
import { countNgrams, largestCounts, overlap, total } from "./ngrams.ts";
import { splitWhiteSpace, tokenise, type TokeniserName } from "./tokenise.ts";

export type Smoothing =
  /** An order without a match makes the score 0. */
  | { readonly kind: "none" }
  /** The k-th order without a match counts 1/2^k matches. */
  | { readonly kind: "exp" }
  /** An order without a match counts `value` matches. */
  | { readonly kind: "floor"; readonly value: number }
  /** Orders from 2 up get `value` more matches and totals. */
  | { readonly kind: "add-k"; readonly value: number };

export interface BleuOptions {
  readonly tokeniser: TokeniserName;
  readonly isLowercase: boolean;
  readonly smoothing: Smoothing;
  readonly maxOrder: number;
  /** Average only over orders that the hypothesis is long enough for: for single sentences. */
  readonly effectiveOrder: boolean;
}

export const pinnedBleu: BleuOptions = {
  tokeniser: "13a",
  isLowercase: false,
  smoothing: { kind: "exp" },
  maxOrder: 4,
  effectiveOrder: false,
};

export interface TextPair {
  readonly hypothesis: string;
  readonly references: readonly string[];
}

/** Sums that a corpus score is made of; they add up over pairs. */
export interface BleuStatistics {
  /** Matches per order, 1 … maxOrder. */
  readonly counts: readonly number[];
  /** n-grams of the hypothesis per order. */
  readonly totals: readonly number[];
  readonly hypothesisLength: number;
  readonly referenceLength: number;
}

export interface BleuScore extends BleuStatistics {
  /** 0 … 1. */
  readonly score: number;
  /** Smoothed precision per order, 0 … 1. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
}

/** Names the definition, so that two numbers are compared only when these are equal. */
export function bleuSignature(options: BleuOptions): string {
  const { smoothing: s } = options;
  const smoothing = "value" in s ? `${s.kind}[${s.value}]` : s.kind;
  return [
    `bleu-${options.maxOrder}`,
    `tok:${options.tokeniser}`,
    `case:${options.isLowercase ? "lower" : "mixed"}`,
    `smooth:${smoothing}`,
    `eff:${options.effectiveOrder ? "yes" : "no"}`,
  ].join("|");
}

export function bleuStatistics(pair: TextPair, options: BleuOptions = pinnedBleu): BleuStatistics {
  const tokensOf = (text: string): string[] =>
    splitWhiteSpace(tokenise(options.isLowercase ? text.toLowerCase() : text, options.tokeniser));
  return bleuStatisticsOfTokens(
    tokensOf(pair.hypothesis),
    pair.references.map(tokensOf),
    options.maxOrder,
  );
}

export function bleuStatisticsOfTokens(
  hypothesis: readonly string[],
  references: readonly (readonly string[])[],
  maxOrder: number,
): BleuStatistics {
  const counts: number[] = [];
  const totals: number[] = [];
  for (let order = 1; order <= maxOrder; order++) {
    const grams = countNgrams(hypothesis, order);
    totals.push(total(grams));
    counts.push(overlap(grams, largestCounts(references.map((r) => countNgrams(r, order)))));
  }
  let referenceLength = 0;
  let closest = Number.POSITIVE_INFINITY;
  for (const { length } of references) {
    const difference = Math.abs(length - hypothesis.length);
    if (difference < closest || (difference === closest && length < referenceLength)) {
      closest = difference;
      referenceLength = length;
    }
  }
  return { counts, totals, hypothesisLength: hypothesis.length, referenceLength };
}

export function addBleuStatistics(
  all: readonly BleuStatistics[],
  maxOrder: number,
): BleuStatistics {
  const counts = Array.from({ length: maxOrder }, () => 0);
  const totals = Array.from({ length: maxOrder }, () => 0);
  let hypothesisLength = 0;
  let referenceLength = 0;
  for (const s of all) {
    for (let n = 0; n < maxOrder; n++) {
      counts[n] += s.counts[n];
      totals[n] += s.totals[n];
    }
    hypothesisLength += s.hypothesisLength;
    referenceLength += s.referenceLength;
  }
  return { counts, totals, hypothesisLength, referenceLength };
}

/** Score from sums. No match of any order is 0, whatever the smoothing. */
export function bleuOfStatistics(
  sums: BleuStatistics,
  options: BleuOptions = pinnedBleu,
): BleuScore {
  const { hypothesisLength: h, referenceLength: r } = sums;
  const { smoothing, maxOrder } = options;
  const brevityPenalty = h >= r ? 1 : h > 0 ? Math.exp(1 - r / h) : 0;
  const precisions = Array.from({ length: maxOrder }, () => 0);
  const counts = [...sums.counts];
  const totals = [...sums.totals];
  if (counts.every((c) => c === 0)) return { ...sums, score: 0, precisions, brevityPenalty };
  let order = maxOrder;
  let halving = 1;
  for (let n = 0; n < maxOrder; n++) {
    if (smoothing.kind === "add-k" && n > 0) {
      counts[n] += smoothing.value;
      totals[n] += smoothing.value;
    }
    if (totals[n] === 0) break;
    if (options.effectiveOrder) order = n + 1;
    let matches = counts[n];
    if (matches === 0 && smoothing.kind === "exp") {
      halving *= 2;
      matches = 1 / halving;
    } else if (matches === 0 && smoothing.kind === "floor") matches = smoothing.value;
    precisions[n] = matches / totals[n];
  }
  let logSum = 0;
  for (let n = 0; n < order; n++) logSum += Math.log(precisions[n]);
  // log 0 is -Infinity and exp of that is 0: an order without a match.
  const score = brevityPenalty * Math.exp(logSum / order);
  return { ...sums, counts, totals, score, precisions, brevityPenalty };
}

export function corpusBleu(
  pairs: readonly TextPair[],
  options: BleuOptions = pinnedBleu,
): BleuScore {
  const statistics = pairs.map((pair) => bleuStatistics(pair, options));
  return bleuOfStatistics(addBleuStatistics(statistics, options.maxOrder), options);
}

export function sentenceBleu(pair: TextPair, options: BleuOptions = pinnedBleu): BleuScore {
  return bleuOfStatistics(bleuStatistics(pair, options), options);
}
