/**
 * The two training graphs.
 * Stage 1: VLM on text and discrete trajectory tokens; loss = mean over trajectory labels + mean over other labels.
 * Stage 2: expert by flow matching; VLM frozen, its keys and values are a constant prefix. Or trained along (`cotrain`)
 * with the loss of stage 1.
 */
import {
  add,
  Graph,
  mse,
  mul,
  nll,
  reduceSum,
  stopGradient,
  sub,
  tensor,
  type Tensor,
  type Value,
} from "@causeway/graph";
import { type BackboneShape, buildBackbone, maskedScore, outputHead } from "../qwen3vl/model.ts";
import type { KeyValue } from "../qwen3vl/decoder.ts";
import { repeatRows } from "../generation/graphs.ts";
import type { AlpamayoConfig } from "./config.ts";
import type { VisionOutput } from "../qwen3vl/vision.ts";
import { expertField, type ExpertOutput } from "./expert.ts";
import { pathMetric } from "./path-metric.ts";
import { perceptionLoss, type PerceptionShape } from "./perception.ts";

export interface TrainingGraph {
  readonly graph: Graph;
  /** Scalar. */
  readonly loss: Value;
  /** Named scalars to log beside the loss. */
  readonly parts: ReadonlyMap<string, Value>;
  /** Weights that this stage updates, by checkpoint name. */
  readonly trainable: ReadonlyMap<string, Value>;
  /** Weights that are read but not updated. */
  readonly frozen: ReadonlyMap<string, Value>;
  /** Inputs of the layers that are trained, for gradient checkpointing. */
  readonly states?: readonly Value[];
}

export interface Stage1Shape extends BackboneShape {
  /** Rows of logits: upper bound of labelled tokens in the batch; unused rows have weight 0. */
  readonly labels: number;
  /** Adds the loss of perception.ts and its inputs; left out in the released recipe. */
  readonly perception?: PerceptionShape;
}

/**
 * Inputs besides those of `buildBackbone`:
 * - `label_rows` int64 [L]: flat row b * T + t whose logits predict token t + 1 (0 where unused).
 * - `labels` int64 [L]: that next token (any id where unused).
 * - `trajectory_weights`, `other_weights` float32 [L]: 1 / count on rows of that part, 0 elsewhere, so each sum is a mean.
 */
export function buildStage1(
  config: AlpamayoConfig,
  shape: Stage1Shape,
  /** Where to build it; a `LoraGraph` adapts it. */
  graph: Graph = new Graph(),
): TrainingGraph & { readonly tokenLoss: Value } {
  const { result, decoder, vision } = languageLoss(graph, config, shape, shape.labels);
  const trainable = new Map(graph.parameters);
  const states = [...visionStates(vision), ...decoder.states];
  if (shape.perception === undefined || vision === null)
    return { graph, ...result, trainable, frozen: new Map(), states };
  const seen = perceptionLoss(graph, vision, shape.perception);
  return {
    graph,
    ...result,
    loss: add(result.loss, mul(seen, shape.perception.weight)),
    parts: new Map([...result.parts, ["loss_perception", seen]]),
    trainable,
    frozen: new Map(),
    states,
  };
}

/** The VLM over whole rows with its loss, and the inputs that say what it learns. */
function languageLoss(graph: Graph, config: AlpamayoConfig, shape: BackboneShape, labels: number) {
  const { decoder, vision } = buildBackbone(graph, config.vlm, shape, { prefix: "vlm." });
  const rows = graph.input("label_rows", [labels], "int64");
  const logits = outputHead(graph, config.vlm.text, "vlm.", decoder.hidden, rows);
  const result = stage1Loss(logits, {
    labels: graph.input("labels", [labels], "int64"),
    trajectoryWeights: graph.input("trajectory_weights", [labels]),
    otherWeights: graph.input("other_weights", [labels]),
  });
  return { result, decoder, vision };
}

/** Sum of the two weighted means; a part without labels has only zero weights and is 0. */
export function stage1Loss(
  logits_LV: Value,
  inputs: {
    readonly labels: Value;
    readonly trajectoryWeights: Value;
    readonly otherWeights: Value;
  },
): { readonly loss: Value; readonly parts: ReadonlyMap<string, Value>; readonly tokenLoss: Value } {
  const tokenLoss = nll(logits_LV, inputs.labels);
  const trajectory = reduceSum(mul(tokenLoss, inputs.trajectoryWeights));
  const others = reduceSum(mul(tokenLoss, inputs.otherWeights));
  return {
    loss: add(trajectory, others),
    parts: new Map([
      ["loss_future_traj", trajectory],
      ["loss_others", others],
    ]),
    tokenLoss,
  };
}

export interface Stage2Shape extends BackboneShape {
  /** Noise draws that share one prefix: the VLM runs once per sample, the expert this many times. */
  readonly drawsPerSample: number;
  /** Reproduces a defect of the released training, see upstream.ts. */
  readonly upstream?: "sdpa_causal" | "placeholder_future";
  /**
   * Trains the VLM in the same step: the loss of stage 1 is added, `length` covers whole rows, and the inputs of
   * `buildStage1` that name labels are there as well. Left out in the released recipe.
   */
  readonly cotrain?: {
    /** As `Stage1Shape.labels`. */
    readonly labels: number;
    /** Whose gradients reach the VLM: its own loss alone, or the expert's through the keys and values as well. */
    readonly gradients: "language" | "language-and-flow";
  };
  /** The keys and values of the prefix are inputs, `prefix_key.i` and `prefix_value.i` [B, Hk, T, D] (`buildPrefix`). */
  readonly hasPrefix?: boolean;
  /** Factor of `pathMetric` in the loss, with its input `speed`; left out in the released recipe. */
  readonly pathWeight?: number;
}

/**
 * `shape.length` covers the prompt up to and including `<|traj_future_start|>` of the longest row; with `cotrain` the
 * whole row, of which the expert's mask shows it the same part. R = batch * draws;
 * row r belongs to sample floor(r / draws). Inputs besides those of `buildBackbone`:
 * - `noisy` [R, K, 2], `time` [R, 1, 1], `target` [R, K, 2] (see `flowSample`).
 * - `expert_mask` [B, 1, 1, T + K] from `expertMask`; `expert_cos`, `expert_sin` [B, K, headDim / 2].
 */
export function buildStage2(
  config: AlpamayoConfig,
  shape: Stage2Shape,
): TrainingGraph & { readonly expert: ExpertOutput } {
  const graph = new Graph();
  const { batch, length, drawsPerSample: draws } = shape;
  const { cotrain } = shape;
  const language =
    cotrain === undefined ? null : languageLoss(graph, config, shape, cotrain.labels);
  const keyValues =
    language?.decoder.keyValues ??
    (shape.hasPrefix === true
      ? prefixInputs(graph, config, shape)
      : prefixKeyValues(graph, config, shape));
  const frozen = new Map(language === null ? graph.parameters : []);
  const rows = batch * draws;
  const steps = config.actionSpace.waypointCount;
  const half = config.vlm.text.headDim / 2;
  const repeat = (x: Value) => repeatRows(x, draws);
  const seen = (x: Value) =>
    repeat(cotrain?.gradients === "language-and-flow" ? x : stopGradient(x));
  const expertMaskInput = graph.input("expert_mask", [batch, 1, 1, length + steps]);
  const expert = expertField(
    graph,
    config,
    graph.input("noisy", [rows, steps, 2]),
    graph.input("time", [rows, 1, 1]),
    keyValues.map(({ key, value }) => ({ key: seen(key), value: seen(value) })),
    repeat(
      shape.upstream === "sdpa_causal"
        ? add(expertMaskInput, graph.constant(causalWaypoints(length, steps)))
        : expertMaskInput,
    ),
    repeat(graph.input("expert_cos", [batch, steps, half])),
    repeat(graph.input("expert_sin", [batch, steps, half])),
  );
  const target = graph.input("target", [rows, steps, 2]);
  const flow = mse(expert.velocity, target);
  const trainable = new Map([...graph.parameters].filter(([name]) => !frozen.has(name)));
  const parts = new Map([["loss_flow", flow]]);
  let loss = flow;
  if (shape.pathWeight !== undefined) {
    const speed = graph.input("speed", [rows, 1, 1]);
    const path = pathMetric(sub(expert.velocity, target), speed, config.actionSpace);
    loss = add(loss, mul(path, shape.pathWeight));
    parts.set("loss_path", path);
  }
  const states = [expert.embeds, ...expert.states.slice(0, -1)];
  if (language !== null) {
    loss = add(loss, language.result.loss);
    for (const [name, part] of language.result.parts) parts.set(name, part);
    states.unshift(...visionStates(language.vision), ...language.decoder.states);
  }
  const isWhole = parts.size === 1;
  return { graph, loss, parts: isWhole ? new Map() : parts, trainable, frozen, expert, states };
}

/** Outputs of the vision blocks. */
const visionStates = (vision: VisionOutput | null): readonly Value[] =>
  [...(vision?.trace ?? [])]
    .filter(([name]) => name.startsWith("block."))
    .map(([, value]) => value);

const prefixKeyValues = (graph: Graph, config: AlpamayoConfig, shape: BackboneShape) =>
  buildBackbone(graph, config.vlm, shape, { prefix: "vlm.", onlyKeyValues: true }).decoder
    .keyValues;

function prefixInputs(
  graph: Graph,
  { vlm }: AlpamayoConfig,
  { batch, length }: BackboneShape,
): readonly KeyValue[] {
  const shape = [batch, vlm.text.numKvHeads, length, vlm.text.headDim];
  return Array.from({ length: vlm.text.numLayers }, (_, i) => ({
    key: graph.input(`prefix_key.${i}`, shape),
    value: graph.input(`prefix_value.${i}`, shape),
  }));
}

/**
 * The frozen half of stage 2 alone: what the expert reads of a row does not change while it trains, so it need not be
 * computed again in every epoch. Inputs of `buildBackbone`; outputs `prefix_key.i`, `prefix_value.i` [B, Hk, T, D].
 */
export function buildPrefix(config: AlpamayoConfig, shape: BackboneShape): Graph {
  const graph = new Graph();
  prefixKeyValues(graph, config, shape).forEach(({ key, value }, i) => {
    graph.output(`prefix_key.${i}`, key);
    graph.output(`prefix_value.${i}`, value);
  });
  return graph;
}

/** [1, 1, K, T + K]: waypoint k sees the whole prefix and waypoints up to k. */
function causalWaypoints(prefixLength: number, steps: number): Tensor {
  const width = prefixLength + steps;
  const mask = new Float32Array(steps * width);
  for (let k = 0; k < steps; k++)
    mask.fill(maskedScore, k * width + prefixLength + k + 1, (k + 1) * width);
  return tensor(mask, [1, 1, steps, width]);
}
