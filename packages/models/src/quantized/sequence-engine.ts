import { normalizeLevels } from "../qwen3vl/patchify.ts";
import type { Qwen3VLConfig } from "../qwen3vl/config.ts";
import type { SequenceEngine, VisualPrompt } from "../generation/sequence-engine.ts";
import { BackboneEngine } from "./backbone-engine.ts";
import { QuantizedFolder } from "./folder.ts";

/** A quantised folder as an engine for text: weights stay mapped from their file. */
export class QuantizedSequenceEngine implements SequenceEngine {
  readonly config: Qwen3VLConfig;
  readonly #folder: QuantizedFolder;
  readonly #engine: BackboneEngine;

  private constructor(config: Qwen3VLConfig, folder: QuantizedFolder, engine: BackboneEngine) {
    this.config = config;
    this.#folder = folder;
    this.#engine = engine;
  }

  /** @param prefix  "" for a Qwen3-VL folder, "vlm." inside a driving model. */
  static async open(
    path: string,
    config: Qwen3VLConfig,
    prefix = "",
  ): Promise<QuantizedSequenceEngine> {
    const folder = await QuantizedFolder.open(path);
    try {
      const engine = await BackboneEngine.create(config, folder, { prefix });
      return new QuantizedSequenceEngine(config, folder, engine);
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  async prompt({ ids, images, videos, patches }: VisualPrompt): Promise<Float32Array> {
    const visual =
      patches === null
        ? null
        : await this.#engine.see(normalizeLevels(patches), [...images, ...videos]);
    return this.#engine.prompt(ids, visual, images, undefined, videos);
  }

  next(id: number): Promise<Float32Array> {
    return this.#engine.next(id);
  }

  async dispose(): Promise<void> {
    await this.#engine.dispose();
    await this.#folder.close();
  }
}
