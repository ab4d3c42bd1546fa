/**
 * BLEU on given tokens with the smoothing methods 0 to 4 of Chen and Cherry (2014), as the NLTK toolkit numbers
 * them: the form that most captioning papers quote. Unlike `corpusBleu`, an order that the hypothesis is too short
 * for has a total of 1.
 */
import { addBleuStatistics, bleuStatisticsOfTokens } from "./bleu.ts";

export type ChenCherryMethod = 0 | 1 | 2 | 3 | 4;

export interface TokenPair {
  readonly hypothesis: readonly string[];
  readonly references: readonly (readonly string[])[];
}

const maxOrder = 4;

/** Corpus score, 0 … 1; for one pair it is the sentence score. Method 0 gives 0 where an order has no match. */
export function tokenBleu(pairs: readonly TokenPair[], method: ChenCherryMethod): number {
  const perPair = pairs.map((p) => bleuStatisticsOfTokens(p.hypothesis, p.references, maxOrder));
  const { counts, hypothesisLength: h, referenceLength: r } = addBleuStatistics(perPair, maxOrder);
  if (counts[0] === 0) return 0;
  const totals = Array.from({ length: maxOrder }, (_, n) =>
    perPair.reduce((sum, s) => sum + Math.max(1, s.totals[n]), 0),
  );
  let halving = 1;
  let logSum = 0;
  for (let n = 0; n < maxOrder; n++) {
    let matches = counts[n];
    let outOf = totals[n];
    if (method === 2 && n > 0) {
      matches += 1;
      outOf += 1;
    } else if (matches === 0) {
      if (method === 1) matches = 0.1;
      else if (method === 3) {
        halving *= 2;
        matches = 1 / halving;
      } else if (method === 4 && h > 1) {
        halving *= 2;
        matches = Math.log(h) / (halving * 5);
      }
    }
    if (matches === 0 && method !== 4) return 0;
    // Method 4 has no value for a hypothesis of one token: the toolkit leaves such an order out.
    if (matches === 0) continue;
    logSum += Math.log(matches / outOf) / maxOrder;
  }
  const brevityPenalty = h > r ? 1 : h === 0 ? 0 : Math.exp(1 - r / h);
  return brevityPenalty * Math.exp(logSum);
}
