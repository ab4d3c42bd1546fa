import type { Stage2Recipe } from "@causeway/train";

/**
 * The quickstart's action expert by flow matching on the frozen language model of `checkpoint`. CPU, minutes.
 *
 * @param checkpoint  Folder of a stage-1 checkpoint.
 */
export const stage2Nano = (checkpoint: string): Stage2Recipe => ({
  stage: "stage2",
  name: "stage2-nano",
  seed: 2,
  init: { kind: "checkpoint", path: checkpoint },
  steps: 600,
  batch: { size: 16, accumulate: 1 },
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, eps: 1e-8 },
  lr: 2e-3,
  weightDecay: 0.01,
  clipNorm: 1,
  schedule: { kind: "cosine", warmup: 40, minRatio: 0.05 },
  modules: { freeze: [], lrMultipliers: [] },
  augment: { mirror: 0, brightness: 0, contrast: 0 },
  drawsPerSample: 4,
  cachePrefix: true,
  pathWeight: 0.5,
  lengthBuckets: [],
  checkpoint: { everySteps: 200, keepLast: 2 },
});

/** Post-training of the shipped expert on the language model that stage 1 has moved. */
export const stage2NanoPost = (checkpoint: string): Stage2Recipe => ({
  ...stage2Nano(checkpoint),
  name: "stage2-nano-post",
  steps: 300,
  lr: 1e-3,
  schedule: { kind: "cosine", warmup: 20, minRatio: 0.02 },
});

/** Longer: what the shipped expert was trained with. */
export const stage2NanoPretrain = (checkpoint: string): Stage2Recipe => ({
  ...stage2Nano(checkpoint),
  name: "stage2-nano-pretrain",
  steps: 2500,
});

/** The hour-long `reference` run. */
export const stage2Micro = (checkpoint: string): Stage2Recipe => ({
  ...stage2Nano(checkpoint),
  name: "stage2-micro",
  steps: 1500,
  lr: 1e-3,
  schedule: { kind: "cosine", warmup: 100, minRatio: 0.05 },
});

/** Seconds; checks that everything is wired. */
export const stage2Smoke = (checkpoint: string): Stage2Recipe => ({
  ...stage2Nano(checkpoint),
  name: "stage2-smoke",
  steps: 6,
  batch: { size: 4, accumulate: 1 },
  schedule: { kind: "cosine", warmup: 2, minRatio: 0.05 },
  checkpoint: { everySteps: 3, keepLast: 1 },
});

/** The released stage-2 settings (alpamayo-recipes b790b8e): lr 1e-4 to 1e-6, cosine after 100 steps, batch 1. */
export const stage2Alpamayo = (checkpoint: string): Stage2Recipe => ({
  ...stage2Nano(checkpoint),
  name: "stage2-alpamayo",
  steps: 10_000,
  batch: { size: 1, accumulate: 1 },
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  lr: 1e-4,
  weightDecay: 0,
  schedule: { kind: "cosine", warmup: 100, minRatio: 0.01 },
  augment: { mirror: 0, brightness: 0, contrast: 0 },
  drawsPerSample: 1,
  cachePrefix: false,
  pathWeight: null,
  checkpoint: { everySteps: 500, keepLast: 2 },
});
