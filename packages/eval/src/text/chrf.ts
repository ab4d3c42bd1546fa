/**
 * chrF and chrF++ (Popović 2015, 2017): F-score of character n-grams, and of word n-grams where `wordOrder` > 0.
 * Of several references the one with the best sentence score counts.
 */
import { countNgrams, overlap, total } from "./ngrams.ts";
import type { TextPair } from "./bleu.ts";
import { splitWhiteSpace } from "./tokenise.ts";

export interface ChrfOptions {
  readonly charOrder: number;
  /** 0: chrF; 2: chrF++. */
  readonly wordOrder: number;
  /** Recall counts `beta`² times as much as precision. */
  readonly beta: number;
  readonly isLowercase: boolean;
  readonly keepsWhiteSpace: boolean;
  /** Average F over all orders, an absent one as 1e-16, instead of the F of the averages over present orders. */
  readonly epsSmoothing: boolean;
}
export const defaultChrf: ChrfOptions = {
  charOrder: 6,
  wordOrder: 0,
  beta: 2,
  isLowercase: false,
  keepsWhiteSpace: false,
  epsSmoothing: false,
};

/** Per order: n-grams of the hypothesis, of the reference, matches. */
type Statistics = readonly (readonly [number, number, number])[];

const asciiPunctuation = /^[!-/:-@[-`{-~]$/;

/** Words with one leading or trailing punctuation mark set apart. */
function wordsOf(text: string): string[] {
  return splitWhiteSpace(text).flatMap((word) => {
    const chars = Array.from(word);
    if (chars.length === 1) return [word];
    const last = chars[chars.length - 1];
    if (asciiPunctuation.test(last)) return [chars.slice(0, -1).join(""), last];
    if (asciiPunctuation.test(chars[0])) return [chars[0], chars.slice(1).join("")];
    return [word];
  });
}

function statisticsOf(hypothesis: string, reference: string, options: ChrfOptions): Statistics {
  const prepare = (text: string) => {
    const cased = options.isLowercase ? text.toLowerCase() : text;
    const chars = Array.from(options.keepsWhiteSpace ? cased : splitWhiteSpace(cased).join(""));
    return { chars, words: options.wordOrder > 0 ? wordsOf(cased) : [] };
  };
  const h = prepare(hypothesis);
  const r = prepare(reference);
  const row = (a: readonly string[], b: readonly string[], order: number) => {
    const ours = countNgrams(a, order);
    const theirs = countNgrams(b, order);
    return [theirs.size > 0 ? total(ours) : 0, total(theirs), overlap(ours, theirs)] as const;
  };
  const orders = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
  return [
    ...orders(options.charOrder).map((n) => row(h.chars, r.chars, n)),
    ...orders(options.wordOrder).map((n) => row(h.words, r.words, n)),
  ];
}

/** 0 … 1. */
function scoreOf(statistics: Statistics, { beta, epsSmoothing }: ChrfOptions): number {
  const eps = 1e-16;
  const factor = beta * beta;
  const fOf = (p: number, r: number) => ((1 + factor) * p * r) / (factor * p + r);
  let sum = 0;
  let precisions = 0;
  let recalls = 0;
  let present = 0;
  for (const [hypothesis, reference, match] of statistics) {
    const precision = hypothesis > 0 ? match / hypothesis : eps;
    const recall = reference > 0 ? match / reference : eps;
    sum += factor * precision + recall > 0 ? fOf(precision, recall) : eps;
    if (hypothesis > 0 && reference > 0) {
      precisions += precision;
      recalls += recall;
      present += 1;
    }
  }
  if (epsSmoothing) return sum / statistics.length;
  return precisions + recalls > 0 ? fOf(precisions / present, recalls / present) : 0;
}

function bestStatistics(pair: TextPair, options: ChrfOptions): Statistics {
  let best: Statistics = [];
  let bestScore = -1;
  for (const reference of pair.references) {
    const statistics = statisticsOf(pair.hypothesis, reference, options);
    const score = scoreOf(statistics, options);
    if (score > bestScore) {
      best = statistics;
      bestScore = score;
    }
  }
  return best;
}

/** Score of one pair, 0 … 1. */
export function sentenceChrf(pair: TextPair, options: ChrfOptions = defaultChrf): number {
  return scoreOf(bestStatistics(pair, options), options);
}

/** Score of the summed statistics, 0 … 1. */
export function corpusChrf(pairs: readonly TextPair[], options: ChrfOptions = defaultChrf): number {
  const sums = Array.from(
    { length: options.charOrder + options.wordOrder },
    () => [0, 0, 0] as [number, number, number],
  );
  for (const pair of pairs)
    bestStatistics(pair, options).forEach((row, n) => {
      for (let i = 0; i < 3; i++) sums[n][i] += row[i];
    });
  return scoreOf(sums, options);
}
