import { createRng } from "@causeway/geom";
import { compile, tensor, type Tensor } from "@causeway/graph";
import {
  type AlpamayoConfig,
  buildFlowStep,
  expertMask,
  integrateFlow,
  type KvCache,
  type QuantizedFolder,
  RotaryTable,
} from "@causeway/models";
import { memoryNow } from "./machine.ts";

export interface ExpertMeasure {
  readonly loadSecs: number;
  readonly sampleSecs: number;
  readonly flowSteps: number;
  readonly waypoints: number;
  /** Whether every sampled action is a finite number. */
  readonly isFinite: boolean;
  readonly rssBytes: number;
}

/** One trajectory by the action expert over the cache that the prompt and the decoded text left. */
export async function measureExpert(
  config: AlpamayoConfig,
  folder: QuantizedFolder,
  cache: KvCache,
  threads: number,
): Promise<ExpertMeasure> {
  const steps = config.actionSpace.waypointCount;
  const half = config.vlm.text.headDim / 2;
  const { graph } = buildFlowStep(config, { rows: 1, capacity: cache.capacity, draws: 1 });
  const startLoad = performance.now();
  const executable = await compile(graph, {
    stored: folder.stored,
    quantized: folder.quantized,
    quantizedCompute: "int8",
    threads,
  });
  const loadSecs = (performance.now() - startLoad) / 1000;
  try {
    const used = cache.lengths[0] as number;
    const positions = Array.from({ length: steps }, (_, i) => used + i);
    const { cos, sin } = new RotaryTable(config.vlm.text).lookupPlain(positions);
    const mask = expertMask([used], null, cache.capacity, steps);
    const fixed: [string, Tensor][] = [
      ["mask", tensor(mask, [1, 1, 1, cache.capacity + steps])],
      ["cos", tensor(cos, [1, steps, half])],
      ["sin", tensor(sin, [1, steps, half])],
      ...cache.keys.map((k, i): [string, Tensor] => [`cache_key.${i}`, tensor(k, cache.shape)]),
      ...cache.values.map((v, i): [string, Tensor] => [`cache_value.${i}`, tensor(v, cache.shape)]),
    ];
    const rng = createRng(3);
    const noise = Float32Array.from({ length: 2 * steps }, () => rng.normal());
    const start = performance.now();
    const states = await integrateFlow(noise, config.flowSteps, async (x, t) => {
      const out = await executable.run(
        new Map<string, Tensor>([
          ["noisy", tensor(x, [1, steps, 2])],
          ["time", tensor(Float32Array.of(t), [1, 1, 1])],
          ...fixed,
        ]),
      );
      return (out.get("velocity") as Tensor).data as Float32Array;
    });
    return {
      loadSecs,
      sampleSecs: (performance.now() - start) / 1000,
      flowSteps: config.flowSteps,
      waypoints: steps,
      isFinite: (states.at(-1) as Float32Array).every(Number.isFinite),
      rssBytes: memoryNow().rss,
    };
  } finally {
    await executable.dispose();
  }
}
