/**
 * A recipe is complete plain data: no defaults hide here, so what is written beside the results is what ran.
 * Recipes are made by functions (`recipes/`), checked by this schema, and stored resolved in `run.json`.
 */
import { backboneNames } from "@causeway/models";
import { z } from "zod";

const count = z.int().positive();
const share = z.number().min(0).max(1);
const positive = z.number().positive();
const glob = z.string().min(1);

const scheduleSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), warmup: z.int().min(0) }),
  z.strictObject({ kind: z.literal("linear"), warmup: z.int().min(0) }),
  z.strictObject({
    kind: z.literal("cosine"),
    /** Steps of linear warm-up. */
    warmup: z.int().min(0),
    /** Last rate as a share of `lr`. */
    minRatio: share,
  }),
  z.strictObject({
    /** The scheduler of cosmos-rl. */
    kind: z.literal("cosmos-rl"),
    warmup: z.union([z.strictObject({ steps: z.int().min(0) }), z.strictObject({ share })]),
    decayRatio: share.nullable(),
    decayType: z.enum(["none", "linear", "sqrt", "cosine"]),
    minFactor: share,
    warmupStartFactor: share,
  }),
]);

const optimizerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.enum(["adamw", "adam"]),
    beta1: z.number().min(0).lt(1),
    beta2: z.number().min(0).lt(1),
    eps: positive,
  }),
  z.strictObject({ kind: z.literal("sgd"), momentum: z.number().min(0).lt(1) }),
]);

const initSchema = z.discriminatedUnion("kind", [
  /** Fresh weights of a preset. */
  z.strictObject({ kind: z.literal("fresh"), preset: z.string().min(1) }),
  /** The weights that ship with a preset (models/assets). */
  z.strictObject({ kind: z.literal("backbone"), preset: z.enum(backboneNames) }),
  /** A checkpoint folder (config.json, model.safetensors, tokenizer.json). */
  z.strictObject({ kind: z.literal("checkpoint"), path: z.string().min(1) }),
]);

const common = {
  /** Names the run in lists and lineage. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "expected lower-case words joined by hyphens"),
  seed: z.int().min(0).max(0xffffffff),
  init: initSchema,
  /** Optimiser steps in all. */
  steps: count,
  batch: z.strictObject({
    /** Samples in one forward and backward pass. */
    size: count,
    /** Passes whose gradients are averaged into one step. */
    accumulate: count,
  }),
  optimizer: optimizerSchema,
  /** Peak learning rate. */
  lr: positive,
  /** On matrices; vectors (norms, biases) are never decayed. */
  weightDecay: z.number().min(0),
  /** Largest global gradient norm; larger ones are scaled down. Null = no clipping. */
  clipNorm: positive.nullable(),
  schedule: scheduleSchema,
  /**
   * What the backward pass needs of the forward pass: "keep" all of it, or "recompute" each layer from its input, which
   * takes a third more time and memory for one layer instead of all. Left out = keep.
   */
  activations: z.enum(["keep", "recompute"]).optional(),
  /**
   * How weights are stored and read by passes. "bfloat16" rounds all of them, keeps float32 masters of the trained ones
   * for the optimiser and saves half the bytes, as released checkpoints are. Left out = float32.
   */
  storage: z.enum(["float32", "bfloat16"]).optional(),
  modules: z.strictObject({
    /** Weights that stay as they are, by name pattern (`*` stands for anything). */
    freeze: z.array(glob),
    /** The first pattern that fits a weight multiplies its learning rate. */
    lrMultipliers: z.array(z.strictObject({ pattern: glob, multiplier: z.number().min(0) })),
  }),
  augment: z.strictObject({
    /** Share of samples shown as in a mirror: pictures, cameras, path and words. */
    mirror: share,
    /** Largest relative change of brightness and of contrast per sample. */
    brightness: share,
    contrast: share,
    /**
     * Share of samples shown without their navigation text (prompts of 1.5), which guidance on it needs. Left out = never:
     * the released recipes configure 0.1 and do not apply it.
     */
    navigationDropout: share.optional(),
  }),
  checkpoint: z.strictObject({
    everySteps: count,
    keepLast: count,
  }),
};

const stage1Schema = z.strictObject({
  stage: z.literal("stage1"),
  ...common,
  /**
   * Replaces input future-trajectory tokens, labels unchanged: the next token must then come from the scene and not
   * be copied from the one before it. "random" = any bin, "neutral" = the middle bin (the mean action).
   */
  trajectoryInputDropout: z.strictObject({
    probability: share,
    replacement: z.enum(["random", "neutral"]),
  }),
  /**
   * Trains low-rank factors of the language model's linear layers (last parts of their names, e.g. "q_proj") and nothing
   * else; checkpoints hold the merged model and the adapter. Left out = all weights that are not frozen.
   */
  lora: z
    .strictObject({ rank: count, alpha: positive, targets: z.array(z.string().min(1)).min(1) })
    .optional(),
  /**
   * Dense supervision of the vision tower from simulator truth (see models/perception.ts), for a tower that starts from
   * nothing. Null = the released recipe.
   */
  perception: z.strictObject({ weight: positive }).nullable(),
  /**
   * Weights of the sentence's tokens within their mean. "equal" is the released loss; "information" weights a token by
   * what it tells about the decision (`informationWeights`), so that a small model learns to look before it learns style.
   */
  textWeights: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("equal") }),
    z.strictObject({
      kind: z.literal("information"),
      /** Weight of a token that tells nothing. */
      floor: share,
    }),
  ]),
  /** Sequence lengths that graphs are compiled for; a batch uses the shortest that fits. Empty = the longest sample. */
  lengthBuckets: z.array(count),
});

const stage2Schema = z.strictObject({
  stage: z.literal("stage2"),
  ...common,
  /** Noise draws per sample that share one pass of the frozen VLM. */
  drawsPerSample: count,
  /**
   * Computes what the expert reads of a sample once and keeps it (0.3 MB a sample for nano), instead of in every step.
   * Not with augmentation.
   */
  cachePrefix: z.boolean(),
  /**
   * Trains the language model in the same steps, by the loss of stage 1 added to the expert's: its gradients are those of
   * "language" alone, or of "language-and-flow", the expert's through the keys and values that it reads. Left out = frozen,
   * as released (`cotrain_vlm` of the original teaches it placeholders). Not with cachePrefix; its rate is a multiplier
   * of "vlm.*".
   */
  cotrain: z.enum(["language", "language-and-flow"]).optional(),
  /** Factor of the loss that counts what errors do to the path (models/path-metric.ts); null = the released loss. */
  pathWeight: positive.nullable(),
  lengthBuckets: z.array(count),
});

export const recipeSchema = z.discriminatedUnion("stage", [stage1Schema, stage2Schema]);

export type TrainRecipe = z.infer<typeof recipeSchema>;
export type Stage1Recipe = z.infer<typeof stage1Schema>;
export type Stage2Recipe = z.infer<typeof stage2Schema>;
export type RecipeSchedule = TrainRecipe["schedule"];
