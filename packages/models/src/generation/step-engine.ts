/** Runs the step graph over a growing cache: prompts in chunks, then one token at a time. One sequence. */
import {
  compile,
  type CompileOptions,
  type Executable,
  tensor,
  type Tensor,
  tensorInt64,
} from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import { causalMask, maskedScore } from "../qwen3vl/model.ts";
import { type RopePositions, RotaryTable } from "../qwen3vl/positions.ts";
import { KvCache } from "./kv-cache.ts";
import { buildStep, stepFreeSizes } from "./step-graph.ts";

export interface StepEngineOptions
  extends Pick<CompileOptions, "baked" | "stored" | "quantized" | "quantizedCompute" | "threads"> {
  /** "" for a Qwen3-VL folder, "vlm." inside a driving model. */
  readonly prefix: string;
  /** Longest piece of a prompt that runs at once; bounds the activations. */
  readonly chunk?: number;
  /** Slots by which a full cache grows. */
  readonly growBy?: number;
  /** Sees all outputs of every chunk, for calibration. */
  readonly onOutputs?: (outputs: ReadonlyMap<string, Tensor>) => void;
}

export interface StepInput {
  /** [T, C]. */
  readonly embeds: Float32Array;
  /** Per axis, [T]. */
  readonly axes: RopePositions["axes"];
  /** Per DeepStack level [T, C]; null for text alone. */
  readonly deepstack?: readonly Float32Array[] | null;
  /** Tokens whose logits are wanted; the last one when left out. */
  readonly rows?: readonly number[];
}

export class StepEngine {
  readonly config: Qwen3VLConfig;
  readonly #executable: Executable;
  readonly #rotary: RotaryTable;
  readonly #chunk: number;
  readonly #growBy: number;
  readonly #onOutputs: StepEngineOptions["onOutputs"];
  #cache: KvCache;

  private constructor(config: Qwen3VLConfig, executable: Executable, options: StepEngineOptions) {
    this.config = config;
    this.#executable = executable;
    this.#rotary = new RotaryTable(config.text);
    this.#chunk = options.chunk ?? 512;
    this.#growBy = options.growBy ?? 256;
    this.#onOutputs = options.onOutputs;
    this.#cache = this.#newCache();
  }

  static async create(config: Qwen3VLConfig, options: StepEngineOptions): Promise<StepEngine> {
    const graph = buildStep(config, options.prefix);
    for (const name of graph.parameters.keys())
      if (!options.baked?.has(name) && !options.stored?.has(name) && !options.quantized?.has(name))
        throw new ConfigError(
          `engine: weight "${name}" is missing. Is this a folder of another architecture?`,
        );
    const executable = await compile(graph, { ...options, freeSizes: stepFreeSizes });
    return new StepEngine(config, executable, options);
  }

  /** Over a step graph that the caller has compiled, with outputs of its own beside the graph's. */
  static around(
    config: Qwen3VLConfig,
    executable: Executable,
    options: StepEngineOptions,
  ): StepEngine {
    return new StepEngine(config, executable, options);
  }

  #newCache(): KvCache {
    const { numLayers, numKvHeads, headDim } = this.config.text;
    return new KvCache({
      rows: 1,
      layers: numLayers,
      heads: numKvHeads,
      headDim,
      capacity: this.#growBy,
    });
  }

  get cache(): KvCache {
    return this.#cache;
  }

  /** Forgets the sequence. */
  reset(): void {
    this.#cache = this.#newCache();
  }

  /** Feeds T tokens, appends their keys and values, returns logits [rows, V]. */
  async run(input: StepInput): Promise<Float32Array> {
    const { hiddenSize, vocabSize } = this.config.text;
    const length = input.axes[0].length;
    if (input.embeds.length !== length * hiddenSize)
      throw new ConfigError(
        `engine: ${input.embeds.length} embedding values for ${length} tokens of width ${hiddenSize}`,
      );
    const rows = input.rows ?? [length - 1];
    const logits = new Float32Array(rows.length * vocabSize);
    for (let from = 0; from < length; from += this.#chunk) {
      const to = Math.min(length, from + this.#chunk);
      const wanted = rows.flatMap((row, i) => (row >= from && row < to ? [{ row, i }] : []));
      const part = await this.#runChunk(
        input,
        from,
        to,
        wanted.map(({ row }) => row - from),
      );
      wanted.forEach(({ i }, k) =>
        logits.set(part.subarray(k * vocabSize, (k + 1) * vocabSize), i * vocabSize),
      );
    }
    return logits;
  }

  async #runChunk(
    input: StepInput,
    from: number,
    to: number,
    rows: readonly number[],
  ): Promise<Float32Array> {
    const { text, vision } = this.config;
    const count = to - from;
    const width = text.hiddenSize;
    const cache = this.#cache;
    const used = cache.lengths[0] as number;
    if (used + count > cache.capacity)
      cache.grow(Math.ceil((used + count) / this.#growBy) * this.#growBy);
    const { cos, sin } = this.#rotary.lookup(
      input.axes.map((axis) => axis.subarray(from, to)) as unknown as RopePositions["axes"],
    );
    const half = text.headDim / 2;
    const mask = new Float32Array(cache.capacity).fill(maskedScore, used);
    // A chunk without wanted rows still needs one: its logits are dropped.
    const asked = rows.length > 0 ? rows : [0];
    const feeds = new Map<string, Tensor>([
      ["embeds", tensor(input.embeds.subarray(from * width, to * width), [1, count, width])],
      ["cos", tensor(cos, [1, count, half])],
      ["sin", tensor(sin, [1, count, half])],
      ["cache_mask", tensor(mask, [1, 1, 1, cache.capacity])],
      ["own_mask", tensor(causalMask(count), [1, 1, count, count])],
      ["rows", tensorInt64(asked, [asked.length])],
    ]);
    for (let k = 0; k < vision.deepstackIndexes.length; k++) {
      const level = input.deepstack?.[k];
      const values = level?.subarray(from * width, to * width) ?? new Float32Array(count * width);
      feeds.set(`deepstack.${k}`, tensor(values, [1, count, width]));
    }
    for (let i = 0; i < text.numLayers; i++) {
      feeds.set(`cache_key.${i}`, tensor(cache.keys[i] as Float32Array, cache.shape));
      feeds.set(`cache_value.${i}`, tensor(cache.values[i] as Float32Array, cache.shape));
    }
    const out = await this.#executable.run(feeds);
    this.#onOutputs?.(out);
    const layers = (name: string) =>
      Array.from({ length: text.numLayers }, (_, i) => out.get(`${name}.${i}`) as Tensor);
    cache.append(0, layers("key"), layers("value"), 0, 0, count);
    return (out.get("logits") as Tensor).data as Float32Array;
  }

  dispose(): Promise<void> {
    return this.#executable.dispose();
  }
}
