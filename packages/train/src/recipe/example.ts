import type { Stage1Recipe } from "./schema.ts";

/** A small valid recipe to start tests and documentation from. */
export const exampleRecipe = (): Stage1Recipe => ({
  stage: "stage1",
  name: "example",
  seed: 1,
  init: { kind: "fresh", preset: "nano" },
  steps: 20,
  batch: { size: 2, accumulate: 1 },
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, eps: 1e-8 },
  lr: 1e-3,
  weightDecay: 0.01,
  clipNorm: 1,
  schedule: { kind: "cosine", warmup: 2, minRatio: 0.1 },
  modules: { freeze: [], lrMultipliers: [] },
  augment: { mirror: 0, brightness: 0, contrast: 0 },
  checkpoint: { everySteps: 5, keepLast: 2 },
  trajectoryInputDropout: { probability: 0, replacement: "random" },
  perception: null,
  textWeights: { kind: "equal" },
  lengthBuckets: [],
});
