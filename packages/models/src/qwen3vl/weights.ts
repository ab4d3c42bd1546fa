/**
 * Names, shapes and types of the weights of a Qwen3-VL checkpoint, and reading them into memory.
 * Names are those of the released files (`model.language_model.…`, `model.visual.…`, `lm_head.weight`), so there is no
 * mapping; inside Alpamayo they carry the prefix "vlm.".
 */
import { sizeOf, type Tensor } from "@causeway/graph";
import type { Rng } from "@causeway/geom";
import { compareTensors, requireTensors } from "../folder/tensor-check.ts";
import { buildPrefill } from "../generation/graphs.ts";
import type { Checkpoint } from "../safetensors/checkpoint.ts";
import type { Qwen3VLConfig } from "./config.ts";

/** Weights by checkpoint name, float32. */
export type Weights = ReadonlyMap<string, Tensor>;

/** Names and shapes of all weights of a configuration, as the graphs declare them. */
export function qwen3vlWeightShapes(
  config: Qwen3VLConfig,
  prefix = "",
): ReadonlyMap<string, readonly number[]> {
  const merge = config.vision.spatialMergeSize;
  const { graph } = buildPrefill(
    config,
    {
      batch: 1,
      length: merge * merge,
      rows: 1,
      grids: [[1, merge, merge]],
      mask: "causal",
      pixels: "float32",
    },
    prefix,
  );
  return new Map([...graph.parameters].map(([name, { shape }]) => [name, shape]));
}

/** The part of the model that a weight belongs to. */
export type Qwen3VLModule = "vision" | "text";
export function qwen3vlModuleOf(name: string): Qwen3VLModule {
  return name.startsWith("model.visual.") ? "vision" : "text";
}

/** Tensors that a checkpoint may hold without need: a tied head is written by some libraries. */
export function isSpareQwen3VLTensor({ text }: Qwen3VLConfig, name: string): boolean {
  return (text.tieWordEmbeddings && name === "lm_head.weight") || isScale(name);
}

/** Scales that fp8 checkpoints keep beside their weights; they are folded in when the weight is read. */
export function isScale(name: string): boolean {
  return /\.(weight_scale|weight_scale_inv|input_scale)$/.test(name);
}

/** Checks names and shapes from the headers, then reads every weight as float32, one at a time. */
export async function readQwen3VLWeights(
  config: Qwen3VLConfig,
  checkpoint: Checkpoint,
): Promise<Map<string, Tensor>> {
  const expected = qwen3vlWeightShapes(config);
  requireTensors(
    compareTensors(expected, checkpoint.shapes(), (name) => isSpareQwen3VLTensor(config, name)),
    checkpoint.folder,
  );
  const out = new Map<string, Tensor>();
  for (const name of expected.keys()) {
    const { shape, data } = await checkpoint.weight(name);
    out.set(name, { dtype: "float32", shape, data });
  }
  return out;
}

/** Random weights of a configuration: norms 1, biases 0, matrices normal with the configuration's deviation. */
export function randomQwen3VLWeights(config: Qwen3VLConfig, rng: Rng): Map<string, Tensor> {
  const out = new Map<string, Tensor>();
  for (const [name, shape] of qwen3vlWeightShapes(config)) {
    const data = new Float32Array(sizeOf(shape));
    if (/norm\d?\.weight$|layernorm\.weight$/.test(name)) data.fill(1);
    else if (!name.endsWith(".bias")) {
      const std = config.text.initializerRange;
      const own = rng.fork(name);
      for (let i = 0; i < data.length; i++) data[i] = std * own.normal();
    }
    out.set(name, { dtype: "float32", shape, data });
  }
  return out;
}
