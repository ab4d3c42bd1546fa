import type { Rng } from "@causeway/geom";
import type { Tensor } from "@causeway/graph";
import type { MemoryPlan } from "../plan/memory-plan.ts";

/** What one forward and backward pass gave. */
export interface BatchResult {
  /** Means over the batch by name; "loss" is the one whose gradients were written. */
  readonly losses: Readonly<Record<string, number>>;
  /** Tokens that went through the model, for throughput. */
  readonly numTokens: number;
}

/** Views of the trainer's flat buffers by weight name. */
export interface WeightViews {
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly gradients: ReadonlyMap<string, Tensor>;
}

/**
 * One kind of training: what is trained, how a batch is made, what a pass computes. The trainer owns everything
 * else (buffers, optimiser, order, clipping, checkpoints, records), so tasks stay free of state between batches:
 * the same indices, generator and weights must give the same gradients, or resuming would not be exact.
 */
export interface TrainTask<Batch> {
  /** e.g. "stage1". */
  readonly stage: string;
  /** Shapes of the weights that are trained, by checkpoint name. */
  readonly trainable: ReadonlyMap<string, readonly number[]>;
  /** All weights of the model at the start; those not trained go into checkpoints as they are. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly numSamples: number;
  /** Host work: reads samples, assembles feeds. Runs ahead of `run`, at most one batch. */
  prepare(indices: readonly number[], rng: Rng): Promise<Batch>;
  /** Forward and backward; overwrites every gradient view. */
  run(batch: Batch, views: WeightViews): Promise<BatchResult>;
  /**
   * Mean losses on held-out samples, written as `val_<name>` into the metrics every `everySteps` steps and at the
   * end. Must draw nothing from the trainer and change nothing that it reads.
   */
  readonly validation?: {
    readonly everySteps: number;
    run(views: WeightViews): Promise<Readonly<Record<string, number>>>;
  };
  /** Files beside the weights in every checkpoint (config.json, tokenizer.json, …). */
  readonly checkpointFiles: ReadonlyMap<string, string | Uint8Array>;
  /**
   * Where what is trained is no weight of the model (factors of an adapter): what a checkpoint holds instead. The
   * trained values themselves are kept beside the optimiser's, as masters.
   */
  readonly exported?: {
    /** Weights of the model, from `weights` with the trained ones in their current state. */
    weights(all: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor>;
    /** Further files of a checkpoint's folder. */
    write(folder: string, all: ReadonlyMap<string, Tensor>): Promise<void>;
  };
  /** What the run will hold in memory, where the task can say. */
  readonly memory?: MemoryPlan;
  /** For lineage. */
  readonly modules: ModuleMap;
  dispose(): Promise<void>;
}

/** How the parts of a model depend on each other. */
export interface ModuleMap {
  moduleOf(weightName: string): string;
  /** Module → modules that were fitted to its outputs and go stale when it changes. */
  readonly readBy: ReadonlyMap<string, readonly string[]>;
}
