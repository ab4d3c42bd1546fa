import type { Rng } from "@causeway/geom";

export interface SamplingOptions {
  /** 0 takes the most likely token. */
  readonly temperature: number;
  /** Nucleus: the smallest set of most likely tokens whose probabilities reach this sum. 1 keeps all. */
  readonly topP: number;
  /** Only the k most likely tokens (before the nucleus); all when left out. Ties go to the smaller id. */
  readonly topK?: number;
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
  { temperature, topP, topK = 0 }: SamplingOptions,
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
  // Above this logit all are among the k most likely; at it, the smaller ids fill what is left.
  const floor = topK > 0 ? kthLargest(logits, allowed, topK) : -Infinity;
  let ties = topK > 0 ? topK : Infinity;
  if (topK > 0)
    for (let id = 0; id < logits.length; id++)
      if ((allowed === null || allowed(id)) && (logits[id] as number) > floor) ties--;
  const ids: number[] = [];
  const weights: number[] = [];
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    if (allowed !== null && !allowed(id)) continue;
    if ((logits[id] as number) < floor) continue;
    if ((logits[id] as number) === floor && ties-- <= 0) continue;
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

/** The k-th largest allowed logit, by a heap of k values; -Infinity when there are fewer. */
function kthLargest(
  logits: Float32Array,
  allowed: ((id: number) => boolean) | null,
  k: number,
): number {
  const heap = new Float64Array(k).fill(-Infinity);
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id] as number;
    if (value <= (heap[0] as number) || (allowed !== null && !allowed(id))) continue;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= k) break;
      if (child + 1 < k && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= value) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = value;
  }
  return heap[0] as number;
}
