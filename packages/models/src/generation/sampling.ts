import type { Rng } from "@causeway/geom";

export interface SamplingOptions {
  /** 0 takes the most likely token. */
  readonly temperature: number;
  /** Nucleus: the smallest set of most likely tokens whose probabilities reach this sum. 1 keeps all. */
  readonly topP: number;
}

export interface SampledToken {
  readonly id: number;
  /** Log-probability under the distribution that was sampled from (after masking, temperature and nucleus). */
  readonly logProb: number;
}

/**
 * Draws one token (Holtzman et al. 2020 for the nucleus). Ties in the nucleus order go to the smaller id.
 *
 * @param logits  Scores of the vocabulary; left unchanged.
 * @param allowed  Ids that may be drawn; null for all.
 */
export function sampleToken(
  logits: Float32Array,
  allowed: ((id: number) => boolean) | null,
  { temperature, topP }: SamplingOptions,
  rng: Rng,
): SampledToken {
  let best = -1;
  for (let id = 0; id < logits.length; id++) {
    if (allowed !== null && !allowed(id)) continue;
    if (best < 0 || (logits[id] as number) > (logits[best] as number)) best = id;
  }
  if (best < 0) throw new RangeError("sampling: no token is allowed");
  if (!Number.isFinite(logits[best] as number)) {
    throw new RangeError(
      `sampling: the largest logit is ${logits[best]}; the model's output is not finite`,
    );
  }
  if (temperature === 0) return { id: best, logProb: 0 };
  const top = logits[best] as number;
  const ids: number[] = [];
  const weights: number[] = [];
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    if (allowed !== null && !allowed(id)) continue;
    const weight = Math.exp(((logits[id] as number) - top) / temperature);
    // Below 1e-12 of the best a token cannot matter to any nucleus or draw here.
    if (weight < 1e-12) continue;
    ids.push(id);
    weights.push(weight);
    total += weight;
  }
  let order = ids.map((_, i) => i);
  if (topP < 1) {
    order.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
    let sum = 0;
    const kept: number[] = [];
    for (const i of order) {
      kept.push(i);
      sum += weights[i] as number;
      if (sum >= topP * total) break;
    }
    order = kept;
    total = sum;
  }
  let left = rng.next() * total;
  for (const i of order) {
    left -= weights[i] as number;
    if (left < 0)
      return { id: ids[i] as number, logProb: Math.log((weights[i] as number) / total) };
  }
  const last = order.at(-1) as number;
  return { id: ids[last] as number, logProb: Math.log((weights[last] as number) / total) };
}
