/**
 * Which case folders the checks of this package understand, by the shape of their `case.json`. Apart from the checks,
 * so that recognising a case loads neither the engine nor the models.
 */
import { hasTensors, member } from "./check.ts";

/** Variants of a stage 1 loss case: prefixes that have logits, ids, a mask, losses and a gradient. */
export function stage1LossVariants(caseJson: unknown): string[] {
  const names = Object.keys(
    (member(caseJson, "files", "data.safetensors") as object | undefined) ?? {},
  );
  return names
    .filter((name) => name.endsWith(".grad_logits"))
    .map((name) => name.slice(0, -".grad_logits".length))
    .filter((v) =>
      ["logits", "ids", "labels_mask", "loss_future_traj", "loss_others"].every((n) =>
        names.includes(`${v}.${n}`),
      ),
    );
}

export function isActionInProjCase(caseJson: unknown): boolean {
  return (
    hasTensors(caseJson, "data.safetensors", [
      "features",
      "fourier_in",
      "fourier_out",
      "grad_out",
      "weights.encoder.trunk.0.weight",
    ]) && typeof member(caseJson, "config", "num_fourier_feats") === "number"
  );
}

export function isFlowMatchingCase(caseJson: unknown): boolean {
  return (
    hasTensors(caseJson, "data.safetensors", [
      "beta_u",
      "beta_t",
      "noisy_x",
      "target",
      "x0",
      "euler_all",
      "guided_all",
    ]) && typeof member(caseJson, "inputs", "field") === "object"
  );
}

export function isPromptsCase(caseJson: unknown): boolean {
  return [
    "inference_prompts.json",
    "training_prompts.json",
    "vocab_layout.json",
    "tokenizer.json",
  ].every((name) => member(caseJson, "files", name) !== undefined);
}

/** A forward case names a checkpoint and holds token rows with their logits. */
export function isQwen3vlForwardCase(caseJson: unknown): boolean {
  const tensors = member(caseJson, "tensors");
  return (
    typeof member(caseJson, "checkpoint") === "string" &&
    typeof tensors === "object" &&
    tensors !== null &&
    ["input_ids", "attention_mask", "position_ids", "logits"].every((name) =>
      Object.hasOwn(tensors, name),
    )
  );
}

/** A training case holds a batch, its loss and the gradient of every weight. */
export function isQwen3vlTrainCase(caseJson: unknown): boolean {
  return (
    typeof member(caseJson, "checkpoint") === "string" &&
    typeof member(caseJson, "loss", "value") === "number" &&
    typeof member(caseJson, "gradNorms") === "object" &&
    typeof member(caseJson, "globalGradNorm") === "number"
  );
}

/** A bare checkpoint: its tensors, and no token rows. */
export function isQwen3vlCheckpointCase(caseJson: unknown): boolean {
  const tensors = member(caseJson, "tensors");
  return (
    typeof tensors === "object" &&
    tensors !== null &&
    Object.hasOwn(tensors, "model.language_model.embed_tokens.weight") &&
    Object.hasOwn(tensors, "model.visual.pos_embed.weight") &&
    !Object.hasOwn(tensors, "input_ids")
  );
}

/** An adapter, the batch that it is trained on and what comes out. */
export function isQwen3vlLoraCase(caseJson: unknown): boolean {
  return (
    typeof member(caseJson, "checkpoint") === "string" &&
    typeof member(caseJson, "lora", "r") === "number" &&
    typeof member(caseJson, "loss", "value") === "number" &&
    typeof member(caseJson, "inputs", "batch") === "string"
  );
}

/** Greedy generation from the prompt of another case. */
export function isQwen3vlGenerateCase(caseJson: unknown): boolean {
  return (
    typeof member(caseJson, "checkpoint") === "string" &&
    typeof member(caseJson, "inputs", "prompt") === "string" &&
    Array.isArray(member(caseJson, "generated")) &&
    member(caseJson, "tensors", "generated_ids") !== undefined
  );
}

/** Token layouts with three-axis positions; `rules` says which. */
export function isQwen3vlPositionsCase(caseJson: unknown): boolean {
  return (
    typeof member(caseJson, "checkpoint") === "string" &&
    Array.isArray(member(caseJson, "rules")) &&
    /rope deltas/.test(String(member(caseJson, "what")))
  );
}

/** Raw pictures or videos with their patch vectors. */
export function isQwen3vlPatchesCase(caseJson: unknown): boolean {
  return (
    typeof member(caseJson, "layout", "patch order") === "string" &&
    (typeof member(caseJson, "images") === "object" ||
      typeof member(caseJson, "videos") === "object")
  );
}

/** Text to ids and back with the tokenizer of a checkpoint. */
export function isTokenizerCase(caseJson: unknown): boolean {
  return (
    typeof member(caseJson, "checkpoint") === "string" &&
    typeof member(caseJson, "tokenizer", "firstAddedId") === "number" &&
    member(caseJson, "files", "vectors.json") !== undefined
  );
}

/** Conversations and the Jinja templates that render them. */
export function isChatTemplateCase(caseJson: unknown): boolean {
  const files = member(caseJson, "files");
  return (
    typeof member(caseJson, "checkpoint") === "string" &&
    typeof files === "object" &&
    files !== null &&
    Object.hasOwn(files, "vectors.json") &&
    Object.keys(files).some((name) => name.endsWith(".jinja"))
  );
}

/** Completions with the reward that upstream gives them. */
export function isUpstreamRewardCase(caseJson: unknown): boolean {
  return (
    member(caseJson, "files", "rewards.json") !== undefined &&
    hasTensors(caseJson, "data.safetensors", ["hist_xyz", "fut_xyz", "decoded_xyz"])
  );
}

export function isStage1Case(caseJson: unknown): boolean {
  return hasTensors(caseJson, "data.safetensors", [
    "input_ids_before_fusion",
    "labels_mask",
    "token_nll",
    "loss_future_traj",
    "pixel_values",
  ]);
}

export function isStage2Case(caseJson: unknown): boolean {
  return hasTensors(caseJson, "data.safetensors", [
    "input_ids_before_fusion",
    "noisy_x",
    "prefix_len",
    "pred",
    "pixel_values",
    "u",
  ]);
}

export function isStage1LossCase(caseJson: unknown): boolean {
  return (
    stage1LossVariants(caseJson).length > 0 &&
    typeof member(caseJson, "config", "traj_future_start") === "number"
  );
}

export function isTinyModelCase(caseJson: unknown): boolean {
  return (
    hasTensors(caseJson, "prefix.safetensors", [
      "pixel_values",
      "input_ids",
      "kv.0.key",
      "rope_deltas",
    ]) &&
    hasTensors(caseJson, "sample_r1.safetensors", [
      "sequences",
      "states",
      "velocities",
      "offset",
      "x0",
    ]) &&
    hasTensors(caseJson, "masks.safetensors", ["offset", "prefix_mask"])
  );
}
