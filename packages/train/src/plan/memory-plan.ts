/** What a training run will hold in memory, from shapes alone, before anything of that size is allocated. */
import {
  type Graph,
  gradients,
  peakLiveBytes,
  sizeOf,
  stateNames,
  type Value,
} from "@causeway/graph";
import type { TrainingGraph } from "@causeway/models";
import { RecipeError } from "../errors.ts";
import type { TrainRecipe } from "../recipe/schema.ts";

export interface MemoryPlan {
  readonly numTrained: number;
  readonly numFrozen: number;
  /** All in bytes. The model as loaded, trained and frozen. */
  readonly weights: number;
  /** Constants that the runtime packs a second time. */
  readonly packed: number;
  /** Trained weights and their gradients, masters beside rounded weights, and the sum over accumulated passes. */
  readonly trained: number;
  readonly optimizer: number;
  /** What the engine reserves for intermediate values, summed over the graphs that stay compiled. */
  readonly activations: number;
  /** Keys and values that stay in memory for every sample. */
  readonly kept: number;
  /** Runtime, code and buffers of the process itself. */
  readonly process: number;
  readonly total: number;
}

/** Measured on a run of a few thousand weights. */
const processBytes = 250 * 2 ** 20;
/**
 * What the engine reserves over the values that are alive at once: its arena grows by powers of two and fragments.
 * Measured on nano runs of both stages, batch 4 to 32, in the memory settings of stages: 1.42 to 1.57; 2.3 with recomputed
 * activations, whose order the runtime settles only in part.
 */
const arenaFactor = { keep: 1.5, recompute: 2.3 };

/** Weights by name, of which only shapes are read. */
export type WeightShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

export interface MemoryPlanInput {
  /** One graph per length bucket, built for this plan: gradients are appended to them. */
  readonly graphs: readonly TrainingGraph[];
  readonly trained: ReadonlySet<string>;
  readonly weights: WeightShapes;
  readonly recipe: Pick<TrainRecipe, "batch" | "optimizer" | "activations" | "storage">;
  /** Frozen weights up to this many bytes become constants. */
  readonly maxBakedBytes: number;
  /** A forward graph that stays compiled beside the others, its weights as constants, and its results for every sample. */
  readonly prefix?: { readonly graph: Graph; readonly runs: number };
}

export function memoryPlan(input: MemoryPlanInput): MemoryPlan {
  const { graphs, trained, recipe } = input;
  let numTrained = 0;
  let numFrozen = 0;
  for (const [name, { shape }] of input.weights)
    if (trained.has(name)) numTrained += sizeOf(shape);
    else numFrozen += sizeOf(shape);
  const read = graphs[0]?.graph.parameters ?? new Map<string, Value>();
  const frozenRead = [...read].reduce(
    (sum, [name, { shape }]) => sum + (trained.has(name) ? 0 : 4 * sizeOf(shape)),
    0,
  );
  const trainingPeak = graphs.reduce(
    (sum, graph) => sum + activationBytes(graph, trained, recipe.activations),
    0,
  );
  const prefix = prefixBytes(input.prefix);
  const parts = {
    weights: 4 * (numTrained + numFrozen),
    packed: (frozenRead <= input.maxBakedBytes ? frozenRead * graphs.length : 0) + prefix.constants,
    trained:
      4 *
      numTrained *
      (2 + (recipe.batch.accumulate > 1 ? 1 : 0) + (recipe.storage === "bfloat16" ? 1 : 0)),
    optimizer: 4 * numTrained * stateNames(recipe.optimizer).length,
    activations: arenaFactor[recipe.activations ?? "keep"] * (trainingPeak + prefix.peak),
    kept: prefix.kept,
    process: processBytes,
  };
  const total = Object.values(parts).reduce((a, b) => a + b, 0);
  return { numTrained, numFrozen, ...parts, total };
}

function prefixBytes(prefix: MemoryPlanInput["prefix"]) {
  if (prefix === undefined) return { constants: 0, peak: 0, kept: 0 };
  const { graph, runs } = prefix;
  const bytes = (values: Iterable<Value>) =>
    [...values].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  return {
    constants: bytes(graph.parameters.values()),
    peak: peakLiveBytes(graph.outputs.values()),
    kept: runs * bytes(graph.outputs.values()),
  };
}

function activationBytes(
  training: TrainingGraph,
  trained: ReadonlySet<string>,
  activations: TrainRecipe["activations"],
): number {
  const { graph, loss } = training;
  const wrt = [...graph.parameters].filter(([name]) => trained.has(name)).map(([, value]) => value);
  const grads = gradients(loss, wrt, undefined, checkpointsOf(training, activations));
  // Gradients go straight into the trainer's buffers, which are counted there.
  return peakLiveBytes([loss], grads);
}

/** What `gradients` keeps under a recipe. */
export function checkpointsOf(
  { states }: TrainingGraph,
  activations: TrainRecipe["activations"],
): { readonly checkpoints?: readonly Value[] } {
  return activations === "recompute" && states !== undefined ? { checkpoints: states } : {};
}

const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
const millions = (count: number): string => `${(count / 1e6).toFixed(2)} M`;

/** One line for people. */
export function memoryText(plan: MemoryPlan): string {
  return (
    `memory: about ${gb(plan.total)} for ${millions(plan.numTrained)} trained and ${millions(plan.numFrozen)} frozen weights ` +
    `(weights ${gb(plan.weights + plan.packed)}, masters and gradients ${gb(plan.trained)}, optimiser ${gb(plan.optimizer)}, ` +
    `activations ${gb(plan.activations)}${plan.kept === 0 ? "" : `, kept prefixes ${gb(plan.kept)}`}, process ${gb(plan.process)})`
  );
}

/** What would make a plan smaller, most useful first. */
export function memoryHelp(plan: MemoryPlan): readonly string[] {
  const help: string[] = [];
  if (plan.activations > plan.total / 4)
    help.push('a smaller batch.size, or activations: "recompute"');
  if (plan.kept > plan.total / 4) help.push("cachePrefix: false");
  if (plan.trained + plan.optimizer > plan.total / 4)
    help.push("more patterns in modules.freeze, or sgd without momentum");
  help.push("a machine with more memory");
  return help;
}

/** Refuses a run that cannot fit, with the numbers and what would help. */
export function checkMemory(plan: MemoryPlan, availableBytes: number): void {
  if (plan.total <= availableBytes) return;
  throw new RecipeError(
    `${memoryText(plan)}, but only ${gb(availableBytes)} is available. What would help: ${memoryHelp(plan).join("; ")}`,
  );
}
