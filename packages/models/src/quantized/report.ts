/** How far a quantised backbone is from the original: logits and perplexity on the same token sequences. */
import type { StepEngine } from "../generation/step-engine.ts";
import { plainAxes, type TokenRows } from "./calibrate.ts";

export interface QuantizationReport {
  /** Predicted tokens that everything below is over. */
  readonly numTokens: number;
  /** Mean and largest |difference| of a logit. */
  readonly logitMeanError: number;
  readonly logitMaxError: number;
  /** Root mean square of the difference over that of the original's logits around their mean. */
  readonly logitRelativeError: number;
  /** KL(original || quantised), nats a token. */
  readonly kl: number;
  /** Share of tokens whose most likely successor stays the same. */
  readonly sameTop: number;
  readonly perplexityBefore: number;
  readonly perplexityAfter: number;
}

export interface LogitSource {
  readonly engine: StepEngine;
  embed(ids: readonly number[]): Promise<Float32Array>;
}

async function logitsOf({ engine, embed }: LogitSource, ids: readonly number[]) {
  engine.reset();
  const rows = Array.from({ length: ids.length - 1 }, (_, i) => i);
  return engine.run({ embeds: await embed(ids), axes: plainAxes(ids.length), rows });
}

function logSumExp(row: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const x of row) max = Math.max(max, x);
  let sum = 0;
  for (const x of row) sum += Math.exp(x - max);
  return max + Math.log(sum);
}

const argMax = (row: Float32Array): number => {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] as number) > (row[best] as number)) best = i;
  return best;
};

/** Sequences shorter than two tokens predict nothing and are left out. */
export async function compareLogits(
  original: LogitSource,
  quantized: LogitSource,
  sequences: TokenRows,
): Promise<QuantizationReport> {
  const vocab = original.engine.config.text.vocabSize;
  let numTokens = 0;
  let [absolute, largest, square, spread] = [0, 0, 0, 0];
  let [kl, same, before, after] = [0, 0, 0, 0];
  for (const ids of sequences) {
    if (ids.length < 2) continue;
    const [a, b] = [await logitsOf(original, ids), await logitsOf(quantized, ids)];
    for (let t = 0; t + 1 < ids.length; t++) {
      const p = a.subarray(t * vocab, (t + 1) * vocab);
      const q = b.subarray(t * vocab, (t + 1) * vocab);
      const [zp, zq] = [logSumExp(p), logSumExp(q)];
      let mean = 0;
      for (const x of p) mean += x / vocab;
      for (let i = 0; i < vocab; i++) {
        const [x, y] = [p[i] as number, q[i] as number];
        absolute += Math.abs(x - y);
        largest = Math.max(largest, Math.abs(x - y));
        square += (x - y) ** 2;
        spread += (x - mean) ** 2;
        kl += Math.exp(x - zp) * (x - zp - (y - zq));
      }
      same += Number(argMax(p) === argMax(q));
      const next = ids[t + 1] as number;
      before += zp - (p[next] as number);
      after += zq - (q[next] as number);
      numTokens++;
    }
  }
  return {
    numTokens,
    logitMeanError: absolute / (numTokens * vocab),
    logitMaxError: largest,
    logitRelativeError: Math.sqrt(square / spread),
    kl: kl / numTokens,
    sameTop: same / numTokens,
    perplexityBefore: Math.exp(before / numTokens),
    perplexityAfter: Math.exp(after / numTokens),
  };
}
