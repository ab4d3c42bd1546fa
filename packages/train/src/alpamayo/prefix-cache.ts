/**
 * Keys and values that the expert reads, per training sample. The language model is frozen in stage 2, so without
 * augmentation they never change: each is computed once, and a step costs what the expert costs.
 */
import type { Executable, Runtime, Tensor } from "@causeway/graph";
import { ortNode, tensor } from "@causeway/graph";
import {
  type BatchBuilder,
  buildPrefix,
  type DrivingCodec,
  type Stage2Shape,
  type TrainingExample,
  type Weights,
} from "@causeway/models";

export interface PrefixCache {
  /** Samples without their pictures, and the feeds `prefix_key.i`, `prefix_value.i` of a batch of them. */
  batch(indices: readonly number[]): Promise<{
    readonly examples: readonly TrainingExample[];
    readonly feeds: ReadonlyMap<string, Tensor>;
  }>;
  dispose(): Promise<void>;
}

interface Group {
  readonly examples: readonly TrainingExample[];
  /** Per name of `names`, [B, Hk, T, D]. */
  readonly keyValues: readonly Float32Array[];
}

interface PrefixCacheOptions {
  readonly codec: DrivingCodec;
  readonly weights: Weights;
  readonly builder: BatchBuilder;
  readonly shape: Stage2Shape;
  readonly numSamples: number;
  readonly runtime?: Runtime;
  readonly threads?: number;
  read(index: number): Promise<TrainingExample>;
}

/**
 * Samples are computed in fixed groups (0 .. B - 1, B .. 2 B - 1, and so on), whichever batch asks first, so that a run
 * that was stopped goes on with the same values to the last bit.
 */
export function createPrefixCache(options: PrefixCacheOptions): PrefixCache {
  const { codec, weights, builder, shape, numSamples, runtime = ortNode, threads, read } = options;
  const { text } = codec.config.vlm;
  const names = Array.from({ length: text.numLayers }, (_, i) => [
    `prefix_key.${i}`,
    `prefix_value.${i}`,
  ]).flat();
  const perRow = text.numKvHeads * shape.length * text.headDim;
  const groups = new Map<number, Promise<Group>>();
  let program: Promise<Executable> | null = null;
  const compile = (): Promise<Executable> => {
    const graph = buildPrefix(codec.config, shape);
    const baked = new Map(
      [...graph.parameters.keys()].map((name) => [name, weights.get(name) as Tensor]),
    );
    return runtime.compile(graph, { baked, ...(threads === undefined ? {} : { threads }) });
  };
  const compute = async (group: number): Promise<Group> => {
    program ??= compile();
    const examples = await Promise.all(
      Array.from({ length: shape.batch }, (_, b) =>
        // The last group is filled up with the last sample.
        read(Math.min(group * shape.batch + b, numSamples - 1)),
      ),
    );
    const out = await (await program).run(builder.prefix(examples, shape));
    return {
      // Their pictures are in the keys and values now.
      examples: examples.map((example) => ({ ...example, patches: new Uint8Array(0) })),
      keyValues: names.map((name) => out.get(name)?.data as Float32Array),
    };
  };
  return {
    async batch(indices) {
      const rows: { readonly group: Group; readonly row: number }[] = [];
      // One after the other: the engine has one set of threads.
      for (const index of indices) {
        const id = Math.floor(index / shape.batch);
        let group = groups.get(id);
        if (group === undefined) {
          group = compute(id);
          groups.set(id, group);
        }
        rows.push({ group: await group, row: index % shape.batch });
      }
      const size = [indices.length, text.numKvHeads, shape.length, text.headDim];
      const feeds = names.map((name, i): [string, Tensor] => {
        const joined = new Float32Array(indices.length * perRow);
        rows.forEach(({ group, row }, b) => {
          const data = group.keyValues[i] as Float32Array;
          joined.set(data.subarray(row * perRow, (row + 1) * perRow), b * perRow);
        });
        return [name, tensor(joined, size)];
      });
      return {
        examples: rows.map(({ group, row }) => group.examples[row] as TrainingExample),
        feeds: new Map(feeds),
      };
    },
    async dispose() {
      await (await program)?.dispose();
    },
  };
}
