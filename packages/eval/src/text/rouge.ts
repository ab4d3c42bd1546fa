/**
 * ROUGE-1, ROUGE-2 and ROUGE-L without stemming (Lin 2004). Text is lower-cased and split at everything outside
 * [a-z0-9], as the usual scorer does; other scripts therefore have no tokens and score 0.
 */
import type { TextPair } from "./bleu.ts";
import { countNgrams, overlap, total } from "./ngrams.ts";

export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly f: number;
}
export interface RougeScores {
  readonly rouge1: RougeScore;
  readonly rouge2: RougeScore;
  readonly rougeL: RougeScore;
}

export function rougeTokens(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((t) => t !== "");
}

/** Length of the longest common subsequence, O(|a|·|b|) time, O(|b|) memory. */
export function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let previous = new Int32Array(b.length + 1);
  let row = new Int32Array(b.length + 1);
  for (const token of a) {
    for (let j = 1; j <= b.length; j++)
      row[j] = token === b[j - 1] ? previous[j - 1] + 1 : Math.max(previous[j], row[j - 1]);
    [previous, row] = [row, previous];
  }
  return previous[b.length];
}

const scoreOf = (match: number, hypothesis: number, reference: number): RougeScore => {
  const precision = hypothesis > 0 ? match / hypothesis : 0;
  const recall = reference > 0 ? match / reference : 0;
  const f = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  return { precision, recall, f };
};

function against(hypothesis: readonly string[], reference: readonly string[]): RougeScores {
  const grams = (order: number): RougeScore => {
    const ours = countNgrams(hypothesis, order);
    const theirs = countNgrams(reference, order);
    return scoreOf(overlap(ours, theirs), total(ours), total(theirs));
  };
  return {
    rouge1: grams(1),
    rouge2: grams(2),
    rougeL: scoreOf(
      longestCommonSubsequence(hypothesis, reference),
      hypothesis.length,
      reference.length,
    ),
  };
}

/** `best`: the reference with the highest ROUGE-1 F gives all three; `mean`: mean over references. */
export function rouge(pair: TextPair, over: "best" | "mean" = "best"): RougeScores {
  const hypothesis = rougeTokens(pair.hypothesis);
  const all = pair.references.map((r) => against(hypothesis, rougeTokens(r)));
  if (all.length === 0) return against(hypothesis, []);
  if (over === "best") return all.reduce((best, s) => (s.rouge1.f > best.rouge1.f ? s : best));
  const mean = (key: keyof RougeScores): RougeScore => {
    const part = (of: keyof RougeScore) => all.reduce((sum, s) => sum + s[key][of], 0) / all.length;
    return { precision: part("precision"), recall: part("recall"), f: part("f") };
  };
  return { rouge1: mean("rouge1"), rouge2: mean("rouge2"), rougeL: mean("rougeL") };
}
