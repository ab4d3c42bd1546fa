/**
 * The training loop for any task: order, accumulation, clipping, schedule, optimiser, metrics, checkpoints, resume.
 *
 * Resume is exact because every random choice is a function of (seed, step), the checkpoint holds weights, moments
 * and counters in full precision, and the engine is deterministic for a fixed number of threads.
 */
import { join } from "node:path";
import { createRng } from "@causeway/geom";
import {
  allocateFlat,
  clipCoefficient,
  createOptimizer,
  gradNorm,
  kernelsFor,
  learningRate,
  type Schedule,
  stateNames,
  type Tensor,
} from "@causeway/graph";
import { DivergedError } from "../errors.ts";
import type { TrainRecipe } from "../recipe/schema.ts";
import {
  type CheckpointFs,
  checkpointPath,
  checkSameArchitecture,
  listCheckpoints,
  type LoadedCheckpoint,
  readCheckpoint,
  removeLeftovers,
  type TrainerState,
  writeCheckpoint,
} from "../run/checkpoint.ts";
import { type Lineage, nextLineage } from "../run/lineage.ts";
import { appendEvent, MetricsLog } from "../run/logs.ts";
import { hashJson, openRunFolder, type Provenance } from "../run/run-folder.ts";
import { createDataOrder } from "./data-order.ts";
import { fillFlat, flatLayout, tensorViews } from "./flat-layout.ts";
import { parameterGroups } from "./groups.ts";
import { roundToBfloat16 } from "./storage.ts";
import type { BatchResult, TrainTask } from "./task.ts";

export interface TrainProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly lr: number;
  readonly samplesPerSec: number;
  readonly tokensPerSec: number;
  readonly secondsLeft: number;
}

export interface TrainOptions {
  /** `runs/<id>`; created, or gone on with. */
  readonly runFolder: string;
  readonly recipe: TrainRecipe;
  readonly provenance: Provenance;
  /** Lineage of the weights that the task starts from. */
  readonly lineage: Lineage;
  /** Milliseconds; for progress, metrics and events only. */
  readonly clock?: () => number;
  /** Stops after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainProgress) => void;
  readonly checkpointFs?: CheckpointFs;
}

export interface TrainResult {
  /** Steps done. */
  readonly step: number;
  /** False when the signal stopped it early. */
  readonly isFinished: boolean;
  /** Folder of the last checkpoint. */
  readonly checkpoint: string;
  readonly resumedFrom: number | null;
}

/** Skipped steps in a row after which a run is stopped. */
const maxSkippedInARow = 10;

function fullSchedule({ schedule, steps }: TrainRecipe): Schedule {
  return schedule.kind === "constant" ? schedule : ({ ...schedule, total: steps } as Schedule);
}

/** Weight views of optimiser arrays under the names of a checkpoint. */
const stateKey = (array: string, weight: string): string => `${array}.${weight}`;

export async function train<Batch>(
  task: TrainTask<Batch>,
  options: TrainOptions,
): Promise<TrainResult> {
  const {
    recipe,
    runFolder,
    signal,
    clock = () => performance.timeOrigin + performance.now(),
  } = options;
  const layout = flatLayout(task.trainable);
  const groups = parameterGroups(layout, recipe);
  const recipeHash = hashJson(recipe);
  await openRunFolder(runFolder, {
    schema: 1,
    ...options.provenance,
    name: recipe.name,
    stage: task.stage,
    seed: recipe.seed,
    recipe,
    recipeHash,
    numSamples: task.numSamples,
    numParameters: [...task.weights.values()].reduce((n, t) => n + t.data.length, 0),
    numTrained: layout.numParameters,
    createdAt: new Date(clock()).toISOString(),
  });
  const folder = join(runFolder, "checkpoints");
  const eventsPath = join(runFolder, "events.jsonl");
  await removeLeftovers(folder);
  const latest = (await listCheckpoints(folder)).at(-1);
  const resumed =
    latest === undefined ? null : await readCheckpoint(checkpointPath(folder, latest));

  const accumulate = recipe.batch.accumulate;
  const names = stateNames(recipe.optimizer);
  const hasMasters = recipe.storage === "bfloat16";
  const numBuffers = 2 + names.length + (hasMasters ? 1 : 0) + (accumulate > 1 ? 1 : 0);
  const arena = allocateFlat(Array<number>(numBuffers).fill(layout.length));
  const kernels = kernelsFor(arena);
  const [parameters, gradients, ...rest] = arena.buffers as [
    Float32Array,
    Float32Array,
    ...Float32Array[],
  ];
  const stateArrays = rest.slice(0, names.length);
  // Without masters of their own the weights are the masters.
  const masters = hasMasters ? (rest[names.length] as Float32Array) : parameters;
  const sum = accumulate > 1 ? (rest.at(-1) as Float32Array) : null;
  const optimizer = createOptimizer(recipe.optimizer, groups, {
    parameters: masters,
    gradients: sum ?? gradients,
    state: stateArrays,
    kernels,
  });
  const views = {
    parameters: tensorViews(layout, parameters),
    gradients: tensorViews(layout, gradients),
  };
  const ranges = groups.flatMap((g) => g.ranges);
  const allWeights = new Map<string, Tensor>([...task.weights, ...views.parameters]);
  const { exported } = task;
  const savedArrays = [
    ...names.map((name, i) => [name, stateArrays[i] as Float32Array] as const),
    ...(hasMasters || exported !== undefined ? [["master", masters] as const] : []),
  ];
  const optimizerViews = new Map(
    savedArrays.flatMap(([name, array]) =>
      [...tensorViews(layout, array)].map(
        ([weight, tensor]) => [stateKey(name, weight), tensor] as const,
      ),
    ),
  );

  let state: TrainerState = {
    schema: 1,
    step: 0,
    optimizerSteps: 0,
    skippedInARow: 0,
    numSamplesSeen: 0,
    numTokensSeen: 0,
    seed: recipe.seed,
    stage: task.stage,
    recipeHash,
    datasetFingerprint: options.provenance.datasetFingerprint,
  };
  if (resumed) {
    const isModel = (name: string) => exported === undefined || !task.trainable.has(name);
    state = restore(
      resumed,
      new Map([...allWeights].filter(([name]) => isModel(name))),
      optimizerViews,
      exported === undefined ? views.parameters : new Map(),
    );
  } else fillFlat(layout, masters, task.weights);
  if (hasMasters) roundToBfloat16(masters, parameters);
  optimizer.setStepCount(state.optimizerSteps);

  const result = (isFinished: boolean): TrainResult => ({
    step: state.step,
    isFinished,
    checkpoint: checkpointPath(folder, state.step),
    resumedFrom: resumed ? resumed.state.step : null,
  });
  const metrics = new MetricsLog(join(runFolder, "metrics.jsonl"), state.step);
  try {
    if (state.step >= recipe.steps) return result(true);
    appendEvent(eventsPath, { type: resumed ? "resumed" : "started", step: state.step }, clock());

    let saved = resumed ? resumed.state.step : null;
    const save = async (): Promise<void> => {
      metrics.sync();
      await writeCheckpoint(
        folder,
        {
          weights: exported?.weights(allWeights) ?? allWeights,
          ...(exported === undefined
            ? {}
            : { write: (path: string) => exported.write(path, allWeights) }),
          storage: recipe.storage ?? "float32",
          optimizer: optimizerViews,
          state,
          lineage: nextLineage(options.lineage, {
            run: recipe.name,
            stage: task.stage,
            steps: state.step,
            seed: recipe.seed,
            dataset: state.datasetFingerprint,
            trainedNames: layout.entries.map((e) => e.name),
            map: task.modules,
          }),
          files: task.checkpointFiles,
        },
        recipe.checkpoint.keepLast,
        options.checkpointFs,
      );
      saved = state.step;
      appendEvent(eventsPath, { type: "checkpoint", step: state.step }, clock());
    };

    const schedule = fullSchedule(recipe);
    const order = createDataOrder(task.numSamples, recipe.batch.size, recipe.seed);
    const root = createRng(recipe.seed).fork("batches");
    const numBatches = recipe.steps * accumulate;
    const prepare = (index: number): Promise<Batch> | null => {
      if (index >= numBatches) return null;
      const batch = task.prepare(order.batch(index), root.fork(index));
      // Awaited later; until then a failure must not count as unhandled.
      batch.catch(() => undefined);
      return batch;
    };
    const pace = createPace(recipe.steps);
    let ahead = prepare(state.step * accumulate);
    while (state.step < recipe.steps) {
      const startMs = clock();
      const results: BatchResult[] = [];
      if (sum) sum.fill(0);
      for (let micro = 0; micro < accumulate; micro++) {
        const batch = (await ahead) as Batch;
        ahead = prepare(state.step * accumulate + micro + 1);
        results.push(await task.run(batch, views));
        if (sum) kernels.addScaled(sum, gradients, 1 / accumulate);
      }
      const losses = meanLosses(results);
      const norm = gradNorm(sum ?? gradients, ranges, { kernels });
      const lr = learningRate(schedule, recipe.lr, state.step);
      const isUsable = Number.isFinite(norm) && Number.isFinite(losses["loss"]);
      const coefficient = recipe.clipNorm === null ? 1 : clipCoefficient(norm, recipe.clipNorm);
      if (isUsable) optimizer.step(lr, coefficient);
      if (isUsable && hasMasters) roundToBfloat16(masters, parameters);
      const numTokens = results.reduce((n, r) => n + r.numTokens, 0);
      state = {
        ...state,
        step: state.step + 1,
        optimizerSteps: optimizer.stepCount,
        skippedInARow: isUsable ? 0 : state.skippedInARow + 1,
        numSamplesSeen: state.numSamplesSeen + recipe.batch.size * accumulate,
        numTokensSeen: state.numTokensSeen + numTokens,
      };
      const stepMs = clock() - startMs;
      const isLast = state.step === recipe.steps;
      const { validation } = task;
      const heldOut =
        validation && (isLast || state.step % validation.everySteps === 0)
          ? Object.entries(await validation.run(views)).map(([name, value]) => [
              `val_${name}`,
              value,
            ])
          : [];
      const row = { ...losses, ...(Object.fromEntries(heldOut) as Record<string, number>) };
      metrics.append({ step: state.step, ...row, lr, gradNorm: norm, stepMs, numTokens }, saved);
      if (!isUsable) {
        const reason = `loss ${losses["loss"]}, gradient norm ${norm}`;
        appendEvent(eventsPath, { type: "skipped", step: state.step, reason }, clock());
        if (state.skippedInARow >= maxSkippedInARow)
          throw new DivergedError(
            `${runFolder}: ${maxSkippedInARow} steps in a row up to step ${state.step} had no finite gradient (${reason}). Lower lr (now ${recipe.lr}) or warm up longer, and start a new run.`,
          );
      }
      options.onProgress?.({
        step: state.step,
        steps: recipe.steps,
        losses: row,
        lr,
        ...pace(state.step, stepMs, recipe.batch.size * accumulate, numTokens),
      });
      const isStopped = signal?.aborted === true;
      if (isLast || isStopped || state.step % recipe.checkpoint.everySteps === 0) await save();
      if (isStopped && !isLast) {
        appendEvent(eventsPath, { type: "stopped", step: state.step }, clock());
        return result(false);
      }
    }
    appendEvent(eventsPath, { type: "finished", step: state.step }, clock());
    return result(true);
  } finally {
    metrics.close();
  }
}

/** Copies a checkpoint into the buffers behind the views. */
function restore(
  loaded: LoadedCheckpoint,
  weights: ReadonlyMap<string, Tensor>,
  optimizer: ReadonlyMap<string, Tensor>,
  trained: ReadonlyMap<string, Tensor>,
): TrainerState {
  const shapes = (map: ReadonlyMap<string, Tensor>) =>
    new Map([...map].map(([name, { shape }]) => [name, shape] as const));
  checkSameArchitecture(loaded.path, shapes(weights), loaded.weights);
  checkSameArchitecture(`${loaded.path} (optimiser)`, shapes(optimizer), loaded.optimizer);
  const copy = (to: Tensor, from: Tensor | undefined) =>
    (to.data as Float32Array).set(from?.data as Float32Array);
  for (const [name, tensor] of trained) copy(tensor, loaded.weights.get(name));
  for (const [name, tensor] of optimizer) copy(tensor, loaded.optimizer.get(name));
  return loaded.state;
}

/** Means over passes; a name that some passes lack is averaged over those that have it. */
function meanLosses(results: readonly BatchResult[]): Record<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { losses } of results)
    for (const [name, value] of Object.entries(losses)) {
      const entry = sums.get(name) ?? { sum: 0, count: 0 };
      sums.set(name, { sum: entry.sum + value, count: entry.count + 1 });
    }
  return Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]));
}

/** Speeds over the last steps and the time left. */
function createPace(steps: number) {
  const window: { ms: number; samples: number; tokens: number }[] = [];
  return (step: number, ms: number, samples: number, tokens: number) => {
    window.push({ ms, samples, tokens });
    if (window.length > 20) window.shift();
    const total = (key: "ms" | "samples" | "tokens") => window.reduce((n, w) => n + w[key], 0);
    const seconds = total("ms") / 1000;
    return {
      samplesPerSec: total("samples") / seconds,
      tokensPerSec: total("tokens") / seconds,
      secondsLeft: ((steps - step) * seconds) / window.length,
    };
  };
}
