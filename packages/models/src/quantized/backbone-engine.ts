/** A Qwen3-VL backbone from a quantised folder: pictures to visual tokens, prompts to logits, one packed copy of the weights. */
import { compile, Graph, tensor, type Tensor } from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import { StepEngine } from "../generation/step-engine.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import { patchLength } from "../qwen3vl/patchify.ts";
import { type Grid, ropePositions } from "../qwen3vl/positions.ts";
import { visionTower } from "../qwen3vl/vision.ts";
import type { QuantizedFolder } from "./folder.ts";

export interface VisualTokens {
  /** [M, C]. */
  readonly merged: Float32Array;
  /** Per level [M, C]. */
  readonly deepstack: readonly Float32Array[];
}

export interface BackboneEngineOptions {
  /** "" for a Qwen3-VL folder, "vlm." inside a driving model. */
  readonly prefix: string;
  readonly compute?: "float32" | "int8";
  readonly threads?: number;
}

export class BackboneEngine {
  readonly config: Qwen3VLConfig;
  readonly steps: StepEngine;
  readonly #folder: QuantizedFolder;
  readonly #options: BackboneEngineOptions;
  /** Position of the next token on all axes. */
  #next = 0;

  private constructor(
    config: Qwen3VLConfig,
    folder: QuantizedFolder,
    steps: StepEngine,
    options: BackboneEngineOptions,
  ) {
    this.config = config;
    this.#folder = folder;
    this.steps = steps;
    this.#options = options;
  }

  static async create(
    config: Qwen3VLConfig,
    folder: QuantizedFolder,
    options: BackboneEngineOptions,
  ): Promise<BackboneEngine> {
    const { stored, quantized } = folder;
    const steps = await StepEngine.create(config, {
      prefix: options.prefix,
      stored,
      quantized,
      quantizedCompute: options.compute ?? "int8",
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    });
    return new BackboneEngine(config, folder, steps, options);
  }

  /**
   * Visual tokens of pictures. The tower is compiled for these grids and let go afterwards, so that its weights and the
   * decoder's activations are not resident together.
   *
   * @param pixels  [N, patchLength], normalised.
   */
  async see(pixels: Float32Array, grids: readonly Grid[]): Promise<VisualTokens> {
    const { vision } = this.config;
    const graph = new Graph();
    const patches = grids.reduce((sum, [t, h, w]) => sum + t * h * w, 0);
    const input = graph.input("pixels", [patches, patchLength(vision)]);
    const { merged, deepstack } = visionTower(
      graph,
      vision,
      input,
      grids,
      `${this.#options.prefix}model.visual.`,
    );
    graph.output("merged", merged);
    deepstack.forEach((level, k) => graph.output(`deepstack.${k}`, level));
    const { threads } = this.#options;
    const executable = await compile(graph, {
      stored: this.#folder.stored,
      quantized: this.#folder.quantized,
      ...(threads === undefined ? {} : { threads }),
    });
    try {
      const out = await executable.run({ pixels: tensor(pixels, [patches, patchLength(vision)]) });
      const data = (name: string) => (out.get(name) as Tensor).data as Float32Array;
      return { merged: data("merged"), deepstack: deepstack.map((_, k) => data(`deepstack.${k}`)) };
    } finally {
      await executable.dispose();
    }
  }

  /** Starts a new sequence with a prompt whose image placeholders are expanded; logits of its last token [V]. */
  async prompt(
    ids: readonly number[],
    visual: VisualTokens | null,
    grids: readonly Grid[],
    rows?: readonly number[],
    videos: readonly Grid[] = [],
  ): Promise<Float32Array> {
    const { text, vision, imageTokenId, videoTokenId } = this.config;
    this.steps.reset();
    const { axes, next } = ropePositions(
      [ids],
      null,
      { images: grids, videos },
      { imageTokenId, videoTokenId, spatialMergeSize: vision.spatialMergeSize },
    );
    this.#next = next[0] as number;
    const width = text.hiddenSize;
    const embeds = await this.#embed(ids);
    const deepstack = visual?.deepstack.map(() => new Float32Array(embeds.length)) ?? null;
    // Visual tokens of all pictures come first, those of videos after them, whatever the order in the text.
    let image = 0;
    let video = ids.reduce((count, id) => count + (id === imageTokenId ? 1 : 0), 0);
    for (const [i, id] of ids.entries()) {
      if (id !== imageTokenId && id !== videoTokenId) continue;
      const seen = id === imageTokenId ? image++ : video++;
      const row = [seen * width, (seen + 1) * width] as const;
      if (visual === null || row[1] > visual.merged.length)
        throw new ConfigError(`prompt: placeholder ${seen} at token ${i} has no visual token`);
      embeds.set(visual.merged.subarray(...row), i * width);
      visual.deepstack.forEach((level, k) =>
        deepstack?.[k]?.set(level.subarray(...row), i * width),
      );
    }
    return this.steps.run({ embeds, axes, deepstack, ...(rows === undefined ? {} : { rows }) });
  }

  /** One more token; logits [V]. */
  async next(id: number): Promise<Float32Array> {
    const axis = Int32Array.of(this.#next++);
    return this.steps.run({ embeds: await this.#embed([id]), axes: [axis, axis, axis] });
  }

  #embed(ids: readonly number[]): Promise<Float32Array> {
    const table = `${this.#options.prefix}model.language_model.embed_tokens.weight`;
    return this.#folder.rows(table, ids);
  }

  dispose(): Promise<void> {
    return this.steps.dispose();
  }
}
