import { createRng } from "@causeway/geom";

/**
 * Which samples a batch holds, as a pure function of seed and batch number: epochs are shuffled one by one, batches
 * run across their borders, and resuming needs no replay.
 */
export function createDataOrder(
  numSamples: number,
  batchSize: number,
  seed: number,
): { readonly batchesPerEpoch: number; batch(index: number): number[] } {
  if (!(numSamples > 0)) throw new RangeError("data order: there are no samples to train on");
  const root = createRng(seed).fork("data order");
  // A batch touches at most a few epochs; two are enough for any batch not larger than the data.
  const cache = new Map<number, Uint32Array>();
  const permutation = (epoch: number): Uint32Array => {
    let order = cache.get(epoch);
    if (order) return order;
    const rng = root.fork(epoch);
    order = Uint32Array.from({ length: numSamples }, (_, i) => i);
    for (let i = numSamples - 1; i > 0; i--) {
      const j = rng.int(i + 1);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    if (cache.size >= 2) cache.delete(Math.min(...cache.keys()));
    cache.set(epoch, order);
    return order;
  };
  return {
    batchesPerEpoch: numSamples / batchSize,
    batch: (index) =>
      Array.from({ length: batchSize }, (_, k) => {
        const n = index * batchSize + k;
        return permutation(Math.floor(n / numSamples))[n % numSamples] as number;
      }),
  };
}
