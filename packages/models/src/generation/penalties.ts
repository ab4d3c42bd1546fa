export interface PenaltyOptions {
  /**
   * Divides positive and multiplies negative logits of every token seen, prompt included (Keskar et al. 2019, as
   * transformers and vLLM apply it). 1 changes nothing.
   */
  readonly repetitionPenalty?: number;
  /** Subtracted from the logits of tokens that were generated already (not the prompt's). 0 changes nothing. */
  readonly presencePenalty?: number;
}

/** Applies penalties in place, before temperature and cuts. */
export function applyPenalties(
  logits: Float32Array,
  { repetitionPenalty = 1, presencePenalty = 0 }: PenaltyOptions,
  promptIds: ReadonlySet<number>,
  generatedIds: ReadonlySet<number>,
): void {
  if (repetitionPenalty !== 1) {
    const punish = (id: number) => {
      const score = logits[id] as number;
      logits[id] = score > 0 ? score / repetitionPenalty : score * repetitionPenalty;
    };
    for (const id of promptIds) punish(id);
    for (const id of generatedIds) if (!promptIds.has(id)) punish(id);
  }
  if (presencePenalty !== 0)
    for (const id of generatedIds) logits[id] = (logits[id] as number) - presencePenalty;
}
