/** Training examples to the inputs of the stage graphs. Rows are right-padded, so the causal mask alone is right. */
import { type Tensor, tensor, tensorInt64 } from "@causeway/graph";
import { ConfigError } from "../errors.ts";
import { backboneFeeds } from "../qwen3vl/model.ts";
import { ropePositions, RotaryTable } from "../qwen3vl/positions.ts";
import type { DrivingCodec, TrainingExample } from "./codec.ts";
import { actionDim } from "./config.ts";
import { expertMask } from "./expert.ts";
import type { FlowSample } from "./flow-matching.ts";
import type { PerceptionShape } from "./perception.ts";
import type { Stage1Shape, Stage2Shape } from "./training.ts";
import { upstreamUnfusedFuture } from "./upstream.ts";
import { drivingId } from "./vocabulary.ts";

/** Static sizes that hold every example: longest row and most labels per batch (rows times the longest labelled row). */
export function stage1Shape(
  codec: DrivingCodec,
  examples: Iterable<Pick<TrainingExample, "ids" | "isLabel">>,
  batch: number,
): Stage1Shape {
  let length = 0;
  let labels = 0;
  for (const { ids, isLabel } of examples) {
    length = Math.max(length, ids.length);
    labels = Math.max(
      labels,
      isLabel.reduce((a, b) => a + b, 0),
    );
  }
  return { ...shapeOf(codec, batch, length), labels: batch * labels };
}

/** Static sizes for stage 2: the longest prefix up to and including `<|traj_future_start|>`. */
export function stage2Shape(
  codec: DrivingCodec,
  examples: Iterable<Pick<TrainingExample, "prefixLength">>,
  options: { readonly batch: number; readonly drawsPerSample: number },
): Stage2Shape {
  let length = 0;
  for (const { prefixLength } of examples) length = Math.max(length, prefixLength);
  return { ...shapeOf(codec, options.batch, length), drawsPerSample: options.drawsPerSample };
}

function shapeOf(codec: DrivingCodec, batch: number, length: number) {
  return {
    batch,
    length,
    grids: Array.from({ length: batch }, () => codec.grids).flat(),
    mask: "causal" as const,
    pixels: "uint8" as const,
  };
}

/** Feeds of one batch for one shape; keeps its tables between calls. */
export class BatchBuilder {
  readonly #codec: DrivingCodec;
  readonly #rotary: RotaryTable;

  constructor(codec: DrivingCodec) {
    this.#codec = codec;
    this.#rotary = new RotaryTable(codec.config.vlm.text);
  }

  /** Inputs of `buildStage1`. Each part's weights sum to 1 over the whole batch (equal by default), so each sum is a mean. */
  stage1(examples: readonly TrainingExample[], shape: Stage1Shape): Map<string, Tensor> {
    const { feeds } = this.#backbone(examples, shape, (example) => example.ids);
    this.#labels(examples, shape, { size: shape.labels }, feeds);
    if (shape.perception !== undefined) this.#perception(examples, shape.perception, feeds);
    return feeds;
  }

  /** Which tokens the VLM learns, and the share of each in the mean of its part (in the mean of all, if that is one). */
  #labels(
    examples: readonly TrainingExample[],
    { length }: Pick<Stage1Shape, "length">,
    { size, isOneMean = false }: { readonly size: number; readonly isOneMean?: boolean },
    feeds: Map<string, Tensor>,
  ): void {
    const { vocabulary } = this.#codec.manifest;
    const start = drivingId(vocabulary, "traj_future_start");
    const end = drivingId(vocabulary, "traj_future_end");
    const rows = new Float64Array(size);
    const labels = new Float64Array(size);
    const shares = new Float64Array(size);
    const isTrajectory = new Uint8Array(size);
    let count = 0;
    let trajectoryTotal = 0;
    let otherTotal = 0;
    for (const [b, { ids, isLabel, weights }] of examples.entries()) {
      for (let t = 1; t < ids.length; t++) {
        if (isLabel[t] !== 1) continue;
        if (count >= size) {
          throw new ConfigError(
            `training batch: more than ${size} labelled tokens; raise the shape's labels`,
          );
        }
        const id = ids[t] as number;
        const bin = id - vocabulary.futureFirst;
        const share = weights?.[t] ?? 1;
        rows[count] = b * length + t - 1;
        labels[count] = id;
        shares[count] = share;
        const isPath = id === start || id === end || (bin >= 0 && bin < vocabulary.futureBins);
        if (isPath && !isOneMean) {
          isTrajectory[count] = 1;
          trajectoryTotal += share;
        } else otherTotal += share;
        count++;
      }
    }
    const trajectoryWeights = new Float32Array(size);
    const otherWeights = new Float32Array(size);
    for (let i = 0; i < count; i++) {
      if (isTrajectory[i] === 1) trajectoryWeights[i] = (shares[i] as number) / trajectoryTotal;
      else otherWeights[i] = (shares[i] as number) / otherTotal;
    }
    feeds.set("label_rows", tensorInt64(rows, [size]));
    feeds.set("labels", tensorInt64(labels, [size]));
    feeds.set("trajectory_weights", tensor(trajectoryWeights, [size]));
    feeds.set("other_weights", tensor(otherWeights, [size]));
  }

  #perception(
    examples: readonly TrainingExample[],
    { channels, positiveWeights, negativeWeights }: PerceptionShape,
    feeds: Map<string, Tensor>,
  ): void {
    const { grids, config } = this.#codec;
    const merge = config.vlm.vision.spatialMergeSize ** 2;
    const tokens = grids.reduce((sum, [t, h, w]) => sum + (t * h * w) / merge, 0);
    const perSample = tokens * channels;
    const target = new Float32Array(examples.length * perSample);
    for (const [b, { perception }] of examples.entries()) {
      if (perception?.length !== perSample) {
        throw new ConfigError(
          `stage 1 batch: perception has ${perception?.length ?? "no"} values; expected ${tokens} visual tokens x ${channels} channels. Label the data for this model's grid, or train without perception`,
        );
      }
      target.set(perception, b * perSample);
    }
    // NaN: not known for this sample, so it counts for nothing.
    const weights = target.map((value, i) => {
      if (Number.isNaN(value)) return 0;
      return (value > 0 ? positiveWeights : negativeWeights)[i % channels] as number;
    });
    target.forEach((value, i) => {
      if (Number.isNaN(value)) target[i] = 0;
    });
    const shape = [examples.length * tokens, channels];
    feeds.set("perception", tensor(target, shape));
    feeds.set("perception_weights", tensor(weights, shape));
  }

  /** Actions of a batch in the order of `buildStage2`'s rows: each example `draws` times. */
  repeatedActions(examples: readonly TrainingExample[], draws: number): Float32Array {
    const width = actionDim * this.#codec.config.actionSpace.waypointCount;
    const out = new Float32Array(examples.length * draws * width);
    examples.forEach(({ action }, b) => {
      for (let d = 0; d < draws; d++) out.set(action, (b * draws + d) * width);
    });
    return out;
  }

  /** Inputs of `buildPrefix`: what stage 2 reads of the examples, without the expert. */
  prefix(examples: readonly TrainingExample[], shape: Stage2Shape): Map<string, Tensor> {
    return this.#backbone(examples, shape, prefixOf).feeds;
  }

  /**
   * Inputs of `buildStage2`; `flow` was drawn over `repeatedActions`. With `shape.hasPrefix` those of the expert alone,
   * to which the caller adds keys and values.
   */
  stage2(
    given: readonly TrainingExample[],
    flow: FlowSample,
    shape: Stage2Shape,
  ): Map<string, Tensor> {
    const examples =
      shape.upstream === "placeholder_future"
        ? given.map((example) => upstreamUnfusedFuture(example, this.#codec.manifest.vocabulary))
        : given;
    const { feeds, next } = this.#stage2Backbone(examples, shape);
    const steps = this.#codec.config.actionSpace.waypointCount;
    const { batch, length, drawsPerSample } = shape;
    const rows = batch * drawsPerSample;
    const half = this.#codec.config.vlm.text.headDim / 2;
    const { cos, sin } = this.#rotary.lookupPlain(
      next.flatMap((first) => Array.from({ length: steps }, (_, k) => first + k)),
    );
    const mask = expertMask(
      examples.map((example) => example.prefixLength),
      null,
      length,
      steps,
    );
    feeds.set("noisy", tensor(flow.noisy, [rows, steps, actionDim]));
    feeds.set("time", tensor(flow.time, [rows, 1, 1]));
    feeds.set("target", tensor(flow.target, [rows, steps, actionDim]));
    if (shape.pathWeight !== undefined)
      feeds.set(
        "speed",
        tensor(
          Float32Array.from(
            { length: rows },
            (_, r) => examples[Math.floor(r / drawsPerSample)]?.meanSpeedMps as number,
          ),
          [rows, 1, 1],
        ),
      );
    feeds.set("expert_mask", tensor(mask, [batch, 1, 1, length + steps]));
    feeds.set("expert_cos", tensor(cos, [batch, steps, half]));
    feeds.set("expert_sin", tensor(sin, [batch, steps, half]));
    return feeds;
  }

  /** Inputs of what comes before the expert, and the position of each row's first action. */
  #stage2Backbone(
    examples: readonly TrainingExample[],
    shape: Stage2Shape,
  ): { feeds: Map<string, Tensor>; next: readonly number[] } {
    if (shape.cotrain !== undefined) {
      const { feeds, next } = this.#backbone(examples, shape, ({ ids }) => ids);
      this.#labels(
        examples,
        shape,
        { size: shape.cotrain.labels, isOneMean: shape.upstream === "placeholder_future" },
        feeds,
      );
      // What follows the prefix is text: one position each.
      const firsts = examples.map(
        ({ ids, prefixLength }, b) => (next[b] as number) - (ids.length - prefixLength),
      );
      return { feeds, next: firsts };
    }
    if (shape.hasPrefix !== true) return this.#backbone(examples, shape, prefixOf);
    return { feeds: new Map(), next: this.#rows(examples, shape, prefixOf).positions.next };
  }

  #backbone(
    examples: readonly TrainingExample[],
    shape: Stage1Shape | Stage2Shape,
    idsOf: (example: TrainingExample) => Int32Array,
  ): { feeds: Map<string, Tensor>; next: readonly number[] } {
    const { config, patchBytes } = this.#codec;
    const { ids, isReal, positions } = this.#rows(examples, shape, idsOf);
    const patches = new Uint8Array(examples.length * patchBytes);
    for (const [b, example] of examples.entries()) putPatches(example, patches, b * patchBytes);
    const feeds = backboneFeeds(config.vlm, shape, this.#rotary, {
      ids,
      isReal,
      positions,
      patches,
    });
    return { feeds, next: positions.next };
  }

  /** Padded ids and positions. */
  #rows(
    examples: readonly TrainingExample[],
    shape: Stage1Shape | Stage2Shape,
    idsOf: (example: TrainingExample) => Int32Array,
  ) {
    const { config, manifest } = this.#codec;
    if (examples.length !== shape.batch) {
      throw new ConfigError(
        `training batch: ${examples.length} examples for a graph of ${shape.batch} rows`,
      );
    }
    const ids = examples.map((example) => {
      const own = idsOf(example);
      if (own.length > shape.length) {
        throw new ConfigError(
          `training batch: a row has ${own.length} tokens; the graph holds ${shape.length}`,
        );
      }
      const row = Array.from({ length: shape.length }, () => manifest.vocabulary.base.endOfText);
      for (let t = 0; t < own.length; t++) row[t] = own[t] as number;
      return row;
    });
    const isReal = examples.map((example) => {
      const { length } = idsOf(example);
      return Array.from({ length: shape.length }, (_, t) => t < length);
    });
    const positions = ropePositions(
      ids,
      isReal,
      { images: shape.grids },
      {
        imageTokenId: config.vlm.imageTokenId,
        videoTokenId: config.vlm.videoTokenId,
        spatialMergeSize: config.vlm.vision.spatialMergeSize,
      },
    );
    return { ids, isReal, positions };
  }
}

const prefixOf = ({ ids, prefixLength }: TrainingExample): Int32Array =>
  ids.subarray(0, prefixLength);

/** Copies a row's patches into the batch at `at`, through its levels when it has any. */
function putPatches(
  { patches, levels }: Pick<TrainingExample, "patches" | "levels">,
  out: Uint8Array,
  at: number,
): void {
  if (levels === undefined) {
    out.set(patches, at);
    return;
  }
  const part = out.subarray(at, at + patches.length);
  for (let i = 0; i < part.length; i++) part[i] = levels[patches[i] as number] as number;
}
