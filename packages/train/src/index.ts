export { CheckpointError, DivergedError, RecipeError } from "./errors.ts";
export { exampleRecipe } from "./recipe/example.ts";
export { parseRecipe, recipeDifferences } from "./recipe/parse.ts";
export {
  recipeSchema,
  type RecipeSchedule,
  type Stage1Recipe,
  type Stage2Recipe,
  type TrainRecipe,
} from "./recipe/schema.ts";
export { nearest } from "./recipe/suggest.ts";
export { createDataOrder } from "./loop/data-order.ts";
export {
  fillFlat,
  type FlatEntry,
  flatLayout,
  type FlatLayout,
  tensorViews,
} from "./loop/flat-layout.ts";
export { matcher, parameterGroups, splitFrozen } from "./loop/groups.ts";
export type { BatchResult, ModuleMap, TrainTask, WeightViews } from "./loop/task.ts";
export { train, type TrainOptions, type TrainProgress, type TrainResult } from "./loop/trainer.ts";
export {
  type CheckpointFs,
  checkpointPath,
  checkSameArchitecture,
  listCheckpoints,
  type LoadedCheckpoint,
  nodeCheckpointFs,
  readCheckpoint,
  type TrainerState,
} from "./run/checkpoint.ts";
export {
  initialLineage,
  type Lineage,
  lineageWarnings,
  parseLineage,
  type ModuleState,
  nextLineage,
  type StageRecord,
} from "./run/lineage.ts";
export { type MetricsRow, readMetrics, type RunEvent } from "./run/logs.ts";
export { hashJson, type Provenance, type RunRecord } from "./run/run-folder.ts";
export {
  alpamayoModules,
  type ModelBatch,
  modelFiles,
  type ModelTaskOptions,
} from "./alpamayo/model-task.ts";
export { type RowSize, rowSizes } from "./alpamayo/row-sizes.ts";
export { plannedPerception } from "./alpamayo/perception.ts";
export { mirrorMoment } from "./alpamayo/augment.ts";
export type { LabelledMoment, LabelledSamples } from "./alpamayo/samples.ts";
export { createStage1Task } from "./alpamayo/stage1.ts";
export { createStage2Task } from "./alpamayo/stage2.ts";
export {
  checkMemory,
  memoryHelp,
  memoryPlan,
  type MemoryPlan,
  memoryText,
  type WeightShapes,
} from "./plan/memory-plan.ts";
export {
  planStage1,
  planStage2,
  type StagePlan,
  type StagePlanInput,
} from "./plan/stage-plan.ts";
