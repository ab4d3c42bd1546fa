/** One sequence of a Qwen3-VL backbone: a prompt with its pictures, then one token after another. */
import { type Tensor, tensor, tensorInt64 } from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import { type BackboneShape, backboneFeeds, maskedScore } from "../qwen3vl/model.ts";
import { type Grid, ropePositions, RotaryTable } from "../qwen3vl/positions.ts";
import { GraphRunner } from "./graph-runner.ts";
import { buildDecodeStep, buildPrefill } from "./graphs.ts";
import { KvCache } from "./kv-cache.ts";

/** Token ids with placeholders already expanded, and what they stand for. */
export interface VisualPrompt {
  readonly ids: readonly number[];
  readonly images: readonly Grid[];
  readonly videos: readonly Grid[];
  /** Levels of all images, then of all videos, as `patchify` gives them; null without any. */
  readonly patches: Uint8Array | null;
}

/** What generation needs of an engine, however its weights are held. */
export interface SequenceEngine {
  readonly config: Qwen3VLConfig;
  /** Starts a new sequence; logits of the last token [V]. */
  prompt(prompt: VisualPrompt): Promise<Float32Array>;
  /** One more token; logits [V]. */
  next(id: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

const lengthStep = 32;
/** Slots that a new cache has for the answer; it doubles when they are used up. */
const firstAnswerSlots = 256;

function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}

/** Float32 weights in memory, graphs compiled by length. */
export class FloatSequenceEngine implements SequenceEngine {
  readonly config: Qwen3VLConfig;
  readonly #prefix: string;
  readonly #runner: GraphRunner;
  readonly #rotary: RotaryTable;
  #cache: KvCache | null = null;
  /** Position of the next token on all axes. */
  #position = 0;

  /** @param prefix  "" for a Qwen3-VL folder, "vlm." inside a driving model. */
  constructor(config: Qwen3VLConfig, weights: ReadonlyMap<string, Tensor>, prefix = "") {
    this.config = config;
    this.#prefix = prefix;
    this.#runner = new GraphRunner(weights, 6);
    this.#rotary = new RotaryTable(config.text);
  }

  async prompt({ ids, images, videos, patches }: VisualPrompt): Promise<Float32Array> {
    if (ids.length === 0) throw new ConfigError("prompt: there are no tokens");
    const { text, vision, imageTokenId, videoTokenId } = this.config;
    // Padding on the right changes nothing under a causal mask and lets one graph serve many lengths.
    const length = roundUp(ids.length, lengthStep);
    const grids = [...images, ...videos];
    const shape: BackboneShape & { rows: number } = {
      batch: 1,
      length,
      rows: 1,
      grids,
      mask: "causal",
      pixels: "uint8",
    };
    const fill = ids.find((id) => id !== imageTokenId && id !== videoTokenId) ?? 0;
    const row = [...ids, ...Array.from({ length: length - ids.length }, () => fill)];
    const isReal = [row.map((_, i) => i < ids.length)];
    const positions = ropePositions(
      [row],
      isReal,
      { images, videos },
      { imageTokenId, videoTokenId, spatialMergeSize: vision.spatialMergeSize },
    );
    const feeds = backboneFeeds(this.config, shape, this.#rotary, {
      ids: [row],
      isReal,
      positions,
      patches,
    });
    feeds.set("rows", tensorInt64([ids.length - 1], [1]));
    const out = await this.#runner.run(
      `prompt ${length} ${grids.map((grid) => grid.join("x")).join(" ")}`,
      () => buildPrefill(this.config, shape, this.#prefix).graph,
      feeds,
    );
    this.#cache = new KvCache({
      rows: 1,
      layers: text.numLayers,
      heads: text.numKvHeads,
      headDim: text.headDim,
      capacity: roundUp(ids.length + firstAnswerSlots, lengthStep),
    });
    this.#append(out, ids.length);
    this.#position = positions.next[0] as number;
    return (out.get("logits") as Tensor).data as Float32Array;
  }

  async next(id: number): Promise<Float32Array> {
    const { text } = this.config;
    const cache = this.#roomForOne();
    const { cos, sin } = this.#rotary.lookupPlain([this.#position++]);
    const half = text.headDim / 2;
    const mask = new Float32Array(cache.capacity).fill(maskedScore, cache.lengths[0]);
    const feeds = new Map<string, Tensor>([
      ["ids", tensorInt64([id], [1, 1])],
      ["cos", tensor(cos, [1, 1, half])],
      ["sin", tensor(sin, [1, 1, half])],
      ["cache_mask", tensor(mask, [1, 1, 1, cache.capacity])],
    ]);
    for (let i = 0; i < text.numLayers; i++) {
      feeds.set(`cache_key.${i}`, tensor(cache.keys[i] as Float32Array, cache.shape));
      feeds.set(`cache_value.${i}`, tensor(cache.values[i] as Float32Array, cache.shape));
    }
    const { capacity } = cache;
    const out = await this.#runner.run(
      `next ${capacity}`,
      () => buildDecodeStep(this.config, { rows: 1, capacity }, this.#prefix),
      feeds,
    );
    this.#append(out, 1);
    return (out.get("logits") as Tensor).data as Float32Array;
  }

  #append(out: ReadonlyMap<string, Tensor>, count: number): void {
    const layers = (name: string) =>
      Array.from(
        { length: this.config.text.numLayers },
        (_, i) => out.get(`${name}.${i}`) as Tensor,
      );
    (this.#cache as KvCache).append(0, layers("key"), layers("value"), 0, 0, count);
  }

  #roomForOne(): KvCache {
    const cache = this.#cache;
    if (cache === null) throw new ConfigError("generation: a token comes before any prompt");
    const used = cache.lengths[0] as number;
    if (used < cache.capacity) return cache;
    const { numLayers, numKvHeads, headDim } = this.config.text;
    const larger = new KvCache({
      rows: 1,
      layers: numLayers,
      heads: numKvHeads,
      headDim,
      capacity: cache.capacity + Math.max(firstAnswerSlots, cache.capacity),
    });
    const tensors = (buffers: readonly Float32Array[]) =>
      buffers.map((data) => tensor(data, cache.shape));
    larger.append(0, tensors(cache.keys), tensors(cache.values), 0, 0, used);
    this.#cache = larger;
    return larger;
  }

  async dispose(): Promise<void> {
    this.#cache = null;
    await this.#runner.dispose();
  }
}
