import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Rng } from "@causeway/geom";
import { ortNode, type QuantizedWeight, type Tensor } from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import { readFolderJson } from "../folder/read-json.ts";
import { writeJsonFile } from "../folder/write-file.ts";
import { FloatSequenceEngine, type SequenceEngine } from "../generation/sequence-engine.ts";
import type { ModelInput } from "../input.ts";
import { isQuantizedFolder } from "../quantized/folder.ts";
import { readPackedDriver } from "../quantized/packed-driver.ts";
import { QuantizedSequenceEngine } from "../quantized/sequence-engine.ts";
import { Checkpoint } from "../safetensors/checkpoint.ts";
import { floatTensorToWrite, writeSafetensors } from "../safetensors/file.ts";
import type { TokenizerJson } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { DrivingCodec } from "./codec.ts";
import { formatAlpamayoConfig, parseAlpamayoConfig } from "./config.ts";
import { type DriveOptions, Driver, type DriveResult } from "./driver.ts";
import { parseManifest } from "./manifest.ts";
import { readRelease, type Release } from "./release.ts";
import { asLoadedInBf16 } from "./upstream.ts";
import { checkWeights, initialWeights, isSpareAlpamayoTensor, type Weights } from "./weights.ts";

/** Weights that exist as codes only, and the folder that they came from. */
interface PackedWeights {
  readonly folder: string;
  readonly quantized: ReadonlyMap<string, QuantizedWeight>;
}

/** A driving model: configuration, manifest and tokenizer (in the codec) with weights. */
export class AlpamayoModel {
  readonly codec: DrivingCodec;
  readonly #weights: Weights;
  readonly #packed: PackedWeights | null;
  #driver: Driver | null = null;
  #sequences: Promise<SequenceEngine> | null = null;

  /** @param packed  Of a quantised folder; `weights` are then those that are no codes. */
  constructor(
    codec: DrivingCodec,
    weights: Weights,
    where = "model",
    packed: PackedWeights | null = null,
  ) {
    if (packed === null)
      checkWeights(
        codec.config,
        new Map([...weights].map(([name, { shape }]) => [name, shape])),
        where,
      );
    this.codec = codec;
    this.#weights = weights;
    this.#packed = packed;
  }

  /** All weights as numbers. @throws ConfigError for a quantised folder, which has codes. */
  get weights(): Weights {
    if (this.#packed !== null)
      throw new ConfigError(
        `a quantised folder has no weights to read, change or train; use the one that it was made from. (${this.#packed.folder})`,
      );
    return this.#weights;
  }

  /** Fresh weights from a seed. */
  static create(codec: DrivingCodec, rng: Rng): AlpamayoModel {
    return new AlpamayoModel(codec, initialWeights(codec.config, rng, codec.manifest.vocabulary));
  }

  /**
   * Reads a folder that `save` wrote (config.json, manifest.json, tokenizer.json, weights), or a released Alpamayo R1 or
   * 1.5 folder, which has no manifest, or what `causeway model quantize` made of either: it drives and talks, and has no
   * `weights`.
   */
  static async load(
    folder: string,
    options: {
      /** Folder of a release's backbone, for its tokenizer and configuration. */
      readonly backbone?: string;
      /** "bf16-as-loaded" rounds constants as the deployed releases have them; exact when left out. */
      readonly constants?: "reference" | "bf16-as-loaded";
      /** Changes weights before use, e.g. an adapter that is merged in. */
      readonly change?: (weights: Map<string, Tensor>) => void | Promise<void>;
    } = {},
  ): Promise<AlpamayoModel> {
    const { config, tokenizer, manifest } = await readFolder(folder, options.backbone ?? null);
    const codec = new DrivingCodec(
      options.constants === "bf16-as-loaded" ? asLoadedInBf16(config) : config,
      manifest,
      tokenizer,
    );
    if (await isQuantizedFolder(folder)) {
      if (options.change !== undefined)
        throw new ConfigError(
          `weights of a quantised folder cannot be changed; merge the adapter first, then quantise. (${folder})`,
        );
      const { weights, quantized } = await readPackedDriver(folder, config);
      return new AlpamayoModel(codec, weights, folder, { folder, quantized });
    }
    const checkpoint = await Checkpoint.open(folder);
    try {
      // From the headers, before any weight is read.
      checkWeights(config, checkpoint.shapes(), folder);
      const weights = new Map<string, Tensor>();
      for (const name of checkpoint.names) {
        if (isSpareAlpamayoTensor(config, name)) continue;
        const { shape, data } = await checkpoint.weight(name);
        weights.set(name, { dtype: "float32", shape, data });
      }
      await options.change?.(weights);
      return new AlpamayoModel(codec, weights, folder);
    } finally {
      await checkpoint.close();
    }
  }

  /** Writes the folder; the weights come last, so that a folder with weights is complete. */
  async save(folder: string, metadata: ReadonlyMap<string, string> = new Map()): Promise<void> {
    const { weights } = this;
    await mkdir(folder, { recursive: true });
    await writeJsonFile(join(folder, "config.json"), formatAlpamayoConfig(this.codec.config));
    await writeJsonFile(join(folder, "manifest.json"), this.codec.manifest);
    await writeJsonFile(join(folder, "tokenizer.json"), this.codec.tokenizer.json);
    await writeSafetensors(
      join(folder, "model.safetensors"),
      new Map(
        [...weights].map(([name, { shape, data }]) => {
          if (!(data instanceof Float32Array))
            throw new ConfigError(`save: weight "${name}" is not float32`);
          return [name, floatTensorToWrite({ shape, data })] as const;
        }),
      ),
      new Map([["format", "pt"], ...metadata]),
    );
  }

  /** Reasoning and trajectories for many moments at once; answers are in the order of the inputs. */
  async drive(
    inputs: readonly ModelInput[],
    options: DriveOptions,
  ): Promise<readonly DriveResult[]> {
    this.#driver ??= new Driver(ortNode, this.codec, this.#weights, this.#packed?.quantized);
    return this.#driver.drive(inputs, options);
  }

  /** The language model alone, for text that is no driving answer. */
  sequenceEngine(): Promise<SequenceEngine> {
    this.#sequences ??= this.#openSequences();
    return this.#sequences;
  }

  async #openSequences(): Promise<SequenceEngine> {
    const { vlm } = this.codec.config;
    return this.#packed === null
      ? new FloatSequenceEngine(vlm, this.#weights, "vlm.")
      : QuantizedSequenceEngine.open(this.#packed.folder, vlm, "vlm.");
  }

  /** Frees compiled graphs; the model can be used again. */
  async dispose(): Promise<void> {
    await (await this.#sequences)?.dispose();
    this.#sequences = null;
    await this.#driver?.dispose();
    this.#driver = null;
  }
}

/** Everything of a folder but its weights. */
async function readFolder(folder: string, backbone: string | null): Promise<Release> {
  const manifest = await readFolderJson(folder, "manifest.json", { isOptional: true });
  if (manifest === null) return readRelease(folder, backbone);
  const expected = "config.json, manifest.json, tokenizer.json and model.safetensors";
  return {
    config: parseAlpamayoConfig(await readFolderJson(folder, "config.json", { expected })),
    tokenizer: new Tokenizer(
      (await readFolderJson(folder, "tokenizer.json", { expected })) as TokenizerJson,
    ),
    manifest: parseManifest(manifest),
  };
}
