/** Reward terms as pure functions. Each says what it is given, its range, and what a better reply does to it. */

/**
 * Closeness on a whole-number scale: 1 when equal, 0.5 one off, else 0. Texts that are not whole numbers must be equal
 * but for case and outer white space. "4.0" is no whole number.
 */
export function closenessReward(answer: string, truth: string): number {
  const [a, t] = [answer.trim(), truth.trim()];
  const whole = /^[+-]?\d+$/;
  if (!whole.test(a) || !whole.test(t)) return a.toLowerCase() === t.toLowerCase() ? 1 : 0;
  const distance = Math.abs(Number(a) - Number(t));
  return distance === 0 ? 1 : distance === 1 ? 0.5 : 0;
}

/**
 * Shorter is better within a group: 0.5 for the shortest to -0.5 for the longest. A wrong reply gets at most 0, so
 * that being short never pays for being wrong. A group of equal lengths gets 0.
 */
export function lengthRewards(lengths: readonly number[], isCorrect: readonly boolean[]): number[] {
  const least = Math.min(...lengths);
  const spread = Math.max(...lengths) - least;
  return lengths.map((length, i) => {
    if (spread === 0) return 0;
    const value = 0.5 - (length - least) / spread;
    return isCorrect[i] === true ? value : Math.min(0, value);
  });
}

/** 0 up to `max - buffer` tokens, then falling linearly to -`factor` at `max` and staying there. */
export function overlongPenalty(
  length: number,
  options: { readonly max: number; readonly buffer: number; readonly factor: number },
): number {
  const over = length - (options.max - options.buffer);
  return over <= 0 ? 0 : -Math.min(over / options.buffer, 1) * options.factor;
}

/** P(No) from the logits of the two words, such as "is there an artefact?". */
export function twoWayProbability(logits: { readonly yes: number; readonly no: number }): number {
  return 1 / (1 + Math.exp(logits.yes - logits.no));
}

export interface FirstToken {
  readonly token: string;
  readonly logprob: number;
}

/**
 * P(No) from the candidates of the first token. Spellings of one word ("No", " no") add up. null when neither word is
 * among them; a word that is missing alone has at most the probability of the least candidate, which is what it gets.
 */
export function probabilityOfNo(candidates: readonly FirstToken[]): number | null {
  const wordOf = (token: string): string => token.trim().toLowerCase();
  const massOf = (word: string): number =>
    candidates
      .filter((c) => wordOf(c.token) === word)
      .reduce((sum, c) => sum + Math.exp(c.logprob), 0);
  const [yes, no] = [massOf("yes"), massOf("no")];
  if (yes === 0 && no === 0) return null;
  const least = Math.exp(Math.min(...candidates.map((c) => c.logprob)));
  const [atMostYes, atMostNo] = [yes === 0 ? least : yes, no === 0 ? least : no];
  return atMostNo / (atMostYes + atMostNo);
}

/** Bands of the published reward model. */
export const bandOf = (score: number): "high" | "medium" | "low" =>
  score >= 0.7 ? "high" : score >= 0.3 ? "medium" : "low";

/** Share of trials without artefact. A trial that failed or is unread counts in the denominator, as not clean. */
export function criticScore(isArtefact: readonly (boolean | null)[]): number | null {
  if (isArtefact.length === 0) return null;
  return isArtefact.filter((v) => v === false).length / isArtefact.length;
}

/** The best of several candidates: highest score, the first among equals; null when none has a score. */
export function bestOf<T>(candidates: readonly T[], scoreOf: (c: T) => number | null): T | null {
  let best: T | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    const score = scoreOf(candidate);
    if (score !== null && score > highest) {
      best = candidate;
      highest = score;
    }
  }
  return best;
}
