/** What a training run will hold in memory, from shapes alone, before anything of that size is allocated. */
import { gradients, peakLiveBytes, sizeOf, stateNames, type Value } from "@causeway/graph";
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
  /** Largest set of intermediate values alive at once, summed over the graphs that stay compiled. */
  readonly activations: number;
  /** Runtime, code and buffers of the process itself. */
  readonly process: number;
  readonly total: number;
}

/** Measured on a run of a few thousand weights. */
const processBytes = 250 * 2 ** 20;

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
  const activations = graphs.reduce(
    (sum, graph) => sum + activationBytes(graph, trained, recipe.activations),
    0,
  );
  const parts = {
    weights: 4 * (numTrained + numFrozen),
    packed: frozenRead <= input.maxBakedBytes ? frozenRead * graphs.length : 0,
    trained:
      4 *
      numTrained *
      (2 + (recipe.batch.accumulate > 1 ? 1 : 0) + (recipe.storage === "bfloat16" ? 1 : 0)),
    optimizer: 4 * numTrained * stateNames(recipe.optimizer).length,
    activations,
    process: processBytes,
  };
  const total = Object.values(parts).reduce((a, b) => a + b, 0);
  return { numTrained, numFrozen, ...parts, total };
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
    `activations ${gb(plan.activations)}, process ${gb(plan.process)})`
  );
}

/** What would make a plan smaller, most useful first. */
export function memoryHelp(plan: MemoryPlan): readonly string[] {
  const help: string[] = [];
  if (plan.activations > plan.total / 4)
    help.push('a smaller batch.size, or activations: "recompute"');
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
