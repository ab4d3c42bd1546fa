/**
 * Between the world (pictures, paths, sentences) and the model (ids, patches, actions), for one release.
 */
import {
  type ActionSpace,
  createActionSpace,
  createHistoryTokenizer,
  createQuantiser,
  type HistoryTokenizer,
  type LocalPath,
  type Quantiser,
  type RgbImage,
} from "@causeway/geom";
import { ConfigError } from "../errors.ts";
import type { ModelInput } from "../input.ts";
import { patchifyInto, patchLength } from "../qwen3vl/patchify.ts";
import type { Grid } from "../qwen3vl/positions.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { actionDim, type AlpamayoConfig } from "./config.ts";
import { checkManifest, type ModelManifest } from "./manifest.ts";
import {
  drivingLayout,
  labelMask,
  type PromptContent,
  type PromptImage,
  type PromptLayout,
  PromptRenderer,
  type RenderedPrompt,
} from "./prompt.ts";
import { drivingId } from "./vocabulary.ts";

/** One labelled moment, ready to be put into a batch. */
export interface TrainingExample {
  /** Whole conversation, unpadded. */
  readonly ids: Int32Array;
  /** 1 on tokens that stage 1 learns. */
  readonly isLabel: Uint8Array;
  /** Share of every token in its part's mean; null for equal shares, as released. Only labelled tokens count. */
  readonly weights: Float32Array | null;
  /** What every visual token should see, see perception.ts; null when the sample does not say. */
  readonly perception: Float32Array | null;
  /** Index after `<|traj_future_start|>`: the length of the prefix that the expert reads. */
  readonly prefixLength: number;
  /** Levels of all pictures in prompt order, see `patchifyInto`. */
  readonly patches: Uint8Array;
  /** Level to level, applied to the patches when the row goes into a batch (brightness, contrast); absent: unchanged. */
  readonly levels?: Uint8Array;
  /** Normalised, interleaved actions [2 * waypoints]: target of stage 2. */
  readonly action: Float32Array;
  /** Over the future. */
  readonly meanSpeedMps: number;
}

export class DrivingCodec {
  readonly config: AlpamayoConfig;
  readonly manifest: ModelManifest;
  readonly tokenizer: Tokenizer;
  readonly renderer: PromptRenderer;
  readonly actionSpace: ActionSpace;
  /** Grids of one input, in prompt order. */
  readonly grids: readonly Grid[];
  readonly #images: readonly PromptImage[];
  readonly #history: HistoryTokenizer;
  readonly #bins: Quantiser;
  readonly #assistant: readonly number[];
  /** Waypoints that share one pair of future tokens: 1 in the releases. */
  readonly futureStride: number;

  constructor(config: AlpamayoConfig, manifest: ModelManifest, tokenizer: Tokenizer) {
    checkManifest(manifest, config, tokenizer);
    this.config = config;
    this.manifest = manifest;
    this.tokenizer = tokenizer;
    this.renderer = new PromptRenderer(tokenizer, manifest.vocabulary);
    this.actionSpace = createActionSpace(config.actionSpace);
    const { bins, min, max, count } = config.futureTokens;
    this.#bins = createQuantiser(bins, min, max);
    this.#history = createHistoryTokenizer(config.historyTokens);
    this.#assistant = tokenizer.encode("assistant");
    this.futureStride = (actionDim * config.actionSpace.waypointCount) / count;
    if (!Number.isInteger(this.futureStride)) {
      throw new ConfigError(
        `config: ${count} future tokens do not divide ${actionDim} x ${config.actionSpace.waypointCount} actions`,
      );
    }
    const { vision } = config.vlm;
    const rows = manifest.image.heightPx / vision.patchSize;
    const columns = manifest.image.widthPx / vision.patchSize;
    const groups =
      manifest.frameGrouping === "image"
        ? manifest.framesPerCamera
        : Math.ceil(manifest.framesPerCamera / vision.temporalPatchSize);
    const tokens = (rows * columns) / vision.spatialMergeSize ** 2;
    this.grids = manifest.cameras.flatMap(() =>
      Array.from({ length: groups }, (): Grid => [1, rows, columns]),
    );
    this.#images = manifest.cameras.flatMap(({ index }) =>
      Array.from({ length: groups }, () => ({ cameraIndex: index, tokens })),
    );
  }

  /** Bytes of one input's patches. */
  get patchBytes(): number {
    return (
      this.grids.reduce((sum, [t, h, w]) => sum + t * h * w, 0) *
      patchLength(this.config.vlm.vision)
    );
  }

  /** Patches of all cameras into `out` from `offset` on. Missing, extra or wrongly sized pictures are errors. */
  patchesInto(input: ModelInput, out: Uint8Array, offset = 0): void {
    const { cameras, framesPerCamera, image, frameGrouping } = this.manifest;
    const vision = this.config.vlm.vision;
    let at = offset;
    for (const { name } of cameras) {
      const frames = input.cameras.get(name);
      if (frames === undefined || frames.length !== framesPerCamera) {
        throw new ConfigError(
          `model "${this.manifest.name}": camera ${name} has ${frames?.length ?? "no"} frames; expected ${framesPerCamera}. Given: ${[...input.cameras.keys()].join(", ") || "none"}`,
        );
      }
      for (const frame of frames) {
        if (frame.width !== image.widthPx || frame.height !== image.heightPx) {
          throw new ConfigError(
            `model "${this.manifest.name}": a frame of ${name} is ${frame.width} x ${frame.height}; expected ${image.widthPx} x ${image.heightPx}`,
          );
        }
      }
      const groups: (readonly RgbImage[])[] =
        frameGrouping === "grid" ? [frames] : frames.map((frame) => [frame]);
      for (const group of groups) {
        const [t, h, w] = patchifyInto(group, vision, out, at);
        at += t * h * w * patchLength(vision);
      }
    }
  }

  patches(input: ModelInput): Uint8Array {
    const out = new Uint8Array(this.patchBytes);
    this.patchesInto(input, out);
    return out;
  }

  historyBins(history: LocalPath): Int32Array {
    if (history.x.length !== this.manifest.historyPoses) {
      throw new ConfigError(
        `model "${this.manifest.name}": the history has ${history.x.length} poses; expected ${this.manifest.historyPoses}`,
      );
    }
    return this.#history.encode(history);
  }

  /** Normalised, interleaved actions of a future path; the speed at t0 comes from the history. */
  actions(future: LocalPath, history: LocalPath): Float32Array {
    return Float32Array.from(this.actionSpace.encode(future, { history }).action);
  }

  /** Path of normalised actions from the speed that the history shows. */
  path(action: ArrayLike<number>, history: LocalPath): LocalPath {
    return this.actionSpace.decode(action, { history });
  }

  /** Discrete tokens of normalised actions; with a stride, of the mean over each stretch. */
  futureBins(action: ArrayLike<number>): Int32Array {
    const stride = this.futureStride;
    return Int32Array.from({ length: this.config.futureTokens.count }, (_, token) => {
      const first = Math.floor(token / actionDim) * stride * actionDim + (token % actionDim);
      let sum = 0;
      for (let k = 0; k < stride; k++) sum += action[first + k * actionDim] as number;
      return this.#bins.encode(sum / stride);
    });
  }

  /** Normalised actions of discrete tokens (local bins). Too few, too many and ids that are no bins are errors. */
  actionsOfBins(bins: ArrayLike<number>): Float64Array {
    const { count } = this.config.futureTokens;
    if (bins.length !== count)
      throw new ConfigError(`trajectory: ${bins.length} tokens; this model writes ${count}`);
    const stride = this.futureStride;
    const out = new Float64Array(actionDim * this.config.actionSpace.waypointCount);
    for (let i = 0; i < out.length; i++) {
      const step = Math.floor(i / actionDim);
      out[i] = this.#bins.decode(
        bins[Math.floor(step / stride) * actionDim + (i % actionDim)] as number,
      );
    }
    return out;
  }

  #content(input: Pick<ModelInput, "history" | "navText">): PromptContent {
    return {
      images: this.#images,
      history: this.historyBins(input.history),
      historyTokens: this.config.historyTokens.count,
      futureTokens: this.config.futureTokens.count,
      navText: input.navText,
    };
  }

  /** The prompt of an input, open after `<|cot_start|>`. */
  prompt(input: Pick<ModelInput, "history" | "navText">): RenderedPrompt {
    return this.renderer.render(
      drivingLayout(this.manifest.promptVersion, {
        generation: true,
        labels: this.manifest.cameraLabels,
      }),
      this.#content(input),
    );
  }

  /** The prompt of a question about the pictures: no history, no request sentence, open after `<|answer_start|>`. */
  question(text: string): RenderedPrompt {
    return this.renderer.render(
      {
        version: this.manifest.promptVersion,
        order: ["image", "question", "answer"],
        request: [],
        generation: true,
        cameraLabels: this.manifest.cameraLabels,
        frameNumbers: this.manifest.cameraLabels,
      },
      { images: this.#images, question: text, history: null, historyTokens: 0, futureTokens: 0 },
    );
  }

  /**
   * A labelled moment as one training row.
   *
   * Without a sentence (`cot` null) the row asks for the trajectory alone, as the released trajectory-only recipe does:
   * its trajectory tokens then depend on the pictures and not on the sentence before them.
   */
  example(sample: {
    readonly input: ModelInput;
    readonly future: LocalPath;
    /** Chain-of-causation sentence. */
    readonly cot: string | null;
    /** Weight of each token of the sentence (`informationWeights`); equal when left out. */
    readonly weightsOf?: (ids: readonly number[]) => Float32Array;
    /** Visual tokens x channels, in prompt order; NaN where unknown. */
    readonly perception?: Float32Array | null;
  }): TrainingExample {
    const { vocabulary, promptVersion, cameraLabels } = this.manifest;
    const action = this.actions(sample.future, sample.input.history);
    const full = drivingLayout(promptVersion, { generation: false, labels: cameraLabels });
    const layout: PromptLayout =
      sample.cot === null
        ? { ...full, order: full.order.filter((name) => name !== "cot"), request: ["traj_future"] }
        : full;
    const { ids, componentSpans } = this.renderer.render(layout, {
      ...this.#content(sample.input),
      cot: sample.cot,
      future: this.futureBins(action),
    });
    const mask = labelMask(ids, vocabulary, this.#assistant, ["cot", "traj_future"]);
    const cot = componentSpans.get("cot");
    let weights: Float32Array | null = null;
    if (sample.weightsOf !== undefined && cot !== undefined) {
      weights = new Float32Array(ids.length).fill(1);
      weights.set(sample.weightsOf(ids.slice(cot.start, cot.end)), cot.start);
    }
    return {
      ids: Int32Array.from(ids),
      isLabel: Uint8Array.from(mask, Number),
      weights,
      perception: sample.perception ?? null,
      prefixLength: ids.lastIndexOf(drivingId(vocabulary, "traj_future_start")) + 1,
      patches: this.patches(sample.input),
      action,
      meanSpeedMps:
        pathLengthM(sample.future) / (action.length / actionDim) / this.config.actionSpace.dtSecs,
    };
  }

  /** Ids of a sentence with its start and end token, as `example` puts them: the corpus of `informationWeights`. */
  sentenceIds(cot: string): readonly number[] {
    const { vocabulary } = this.manifest;
    return [
      drivingId(vocabulary, "cot_start"),
      ...this.renderer.encodeText(cot),
      drivingId(vocabulary, "cot_end"),
    ];
  }
}

function pathLengthM({ x, y }: LocalPath): number {
  let length = Math.hypot(x[0] as number, y[0] as number);
  for (let i = 1; i < x.length; i++)
    length += Math.hypot(
      (x[i] as number) - (x[i - 1] as number),
      (y[i] as number) - (y[i - 1] as number),
    );
  return length;
}
