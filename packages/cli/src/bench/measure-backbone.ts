import { createRng } from "@causeway/geom";
import { BackboneEngine, type Grid, patchLength, type QuantizedFolder } from "@causeway/models";
import { StoppedError } from "../errors.ts";
import { BandwidthMeter, matmulRate, median, memoryNow } from "./machine.ts";
import type { BenchShape } from "./shapes.ts";

export interface BackboneMeasure {
  readonly loadSecs: number;
  readonly loadedRssBytes: number;
  readonly imageTokens: number;
  readonly imageSecs: number | null;
  readonly promptTokens: number;
  readonly prefillSecs: number;
  readonly prefillFlops: number;
  /** Median and best seconds of one decoded token. */
  readonly decodeMedianSecs: number;
  readonly decodeBestSecs: number;
  readonly decodedTokens: number;
  /** Weight and cache bytes that one decoded token reads. */
  readonly bytesPerToken: number;
  readonly bandwidthMedian: number;
  readonly bandwidthBest: number;
  readonly matmulBest: number;
  readonly quantizedMatmulBest: number;
}

interface MeasureOptions {
  readonly prompt: number;
  readonly image: number;
  readonly tokens: number;
  readonly threads: number;
  readonly bits: 4 | 8;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

const seconds = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const start = performance.now();
  const result = await work();
  return [result, (performance.now() - start) / 1000];
};

export async function measureBackbone(
  shape: BenchShape,
  folder: QuantizedFolder,
  options: MeasureOptions,
): Promise<{ readonly backbone: BackboneMeasure; readonly engine: BackboneEngine }> {
  const { config, prefix } = shape;
  const { threads, signal, say } = options;
  const stop = () => {
    if (signal.aborted) throw new StoppedError();
  };
  const [engine, loadSecs] = await seconds(() =>
    BackboneEngine.create(config, folder, { prefix, compute: "int8", threads }),
  );
  const loadedRssBytes = memoryNow().rss;
  say(`loaded in ${loadSecs.toFixed(1)} s, ${(loadedRssBytes / 1e9).toFixed(2)} GB resident`);
  stop();

  const rng = createRng(2);
  const { patchSize, spatialMergeSize } = config.vision;
  const side = options.image / patchSize;
  const grids: Grid[] = options.image > 0 ? [[1, side, side]] : [];
  const imageTokens = grids.length > 0 ? (side / spatialMergeSize) ** 2 : 0;
  let visual: Awaited<ReturnType<BackboneEngine["see"]>> | null = null;
  let imageSecs: number | null = null;
  if (grids.length > 0) {
    const pixels = Float32Array.from({ length: side * side * patchLength(config.vision) }, () =>
      rng.normal(),
    );
    [visual, imageSecs] = await seconds(() => engine.see(pixels, grids));
    say(`picture: ${imageTokens} tokens in ${imageSecs.toFixed(2)} s, the tower's load included`);
    stop();
  }

  const ids = [
    ...Array.from({ length: options.prompt - 2 }, () => rng.int(150_000)),
    config.visionStartTokenId,
    ...Array.from({ length: imageTokens }, () => config.imageTokenId),
    config.visionEndTokenId,
  ];
  const prefill = () => engine.prompt(ids, visual, grids);
  await prefill();
  const { hiddenSize, intermediateSize, numHeads, headDim, numLayers } = config.text;
  const shapeOf = { rows: ids.length, k: hiddenSize, n: intermediateSize };
  const plain = await matmulRate(shapeOf, threads, null);
  const bits = options.bits;
  const blockSize = [...folder.quantized.values()][0]?.blockSize ?? 64;
  const coded = await matmulRate(shapeOf, threads, { bits, blockSize });
  let prefillSecs = Number.POSITIVE_INFINITY;
  let matmulBest = 0;
  let quantizedMatmulBest = 0;
  let logits = new Float32Array(0);
  for (let round = 0; round < 3; round++) {
    stop();
    for (let i = 0; i < 4; i++) {
      matmulBest = Math.max(matmulBest, await plain.measure());
      quantizedMatmulBest = Math.max(quantizedMatmulBest, await coded.measure());
    }
    const [out, secs] = await seconds(prefill);
    prefillSecs = Math.min(prefillSecs, secs);
    logits = out as Float32Array<ArrayBuffer>;
  }
  await plain.close();
  await coded.close();
  say(`prompt: ${ids.length} tokens in ${prefillSecs.toFixed(2)} s`);

  const decoder = [...folder.quantized].filter(([name]) => !name.includes("visual."));
  const language = decoder.filter(([name]) => !name.startsWith("expert."));
  const weightBytes = language.reduce((sum, [, w]) => {
    const blocks = Math.ceil(w.k / w.blockSize);
    return sum + w.n * blocks * ((w.blockSize * w.bits) / 8 + 4);
  }, 0);
  const inLayers = language
    .filter(([name]) => /layers\.\d+\./.test(name))
    .reduce((sum, [, w]) => sum + w.n * w.k, 0);
  // The head runs on one row; attention is over all pairs, as the mask is added and not skipped.
  const prefillFlops =
    2 * ids.length * inLayers + 4 * numLayers * numHeads * headDim * ids.length ** 2;

  const meter = await BandwidthMeter.start(threads);
  const bandwidths: number[] = [];
  const tokens: number[] = [];
  try {
    for (let i = 0; i < options.tokens; i++) {
      stop();
      if (i % 2 === 0) bandwidths.push(await meter.measure());
      const best = argMax(logits);
      const [out, secs] = await seconds(() => engine.next(best));
      logits = out as Float32Array<ArrayBuffer>;
      tokens.push(secs);
    }
  } finally {
    await meter.close();
  }
  const cacheBytes =
    2 * numLayers * config.text.numKvHeads * headDim * 4 * engine.steps.cache.capacity;
  const backbone: BackboneMeasure = {
    loadSecs,
    loadedRssBytes,
    imageTokens,
    imageSecs,
    promptTokens: ids.length,
    prefillSecs,
    prefillFlops,
    decodeMedianSecs: median(tokens),
    decodeBestSecs: Math.min(...tokens),
    decodedTokens: tokens.length,
    bytesPerToken: weightBytes + cacheBytes,
    bandwidthMedian: median(bandwidths),
    bandwidthBest: Math.max(...bandwidths),
    matmulBest,
    quantizedMatmulBest,
  };
  return { backbone, engine };
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++)
    if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
