import type { Stage1Recipe } from "@causeway/train";

/**
 * A driver from fresh weights: front wide and telephoto, text and 32 coarse trajectory tokens. CPU, minutes.
 * The run that `quickstart-scratch` uses.
 */
export const stage1Nano = (): Stage1Recipe => ({
  stage: "stage1",
  name: "stage1-nano",
  seed: 1,
  init: { kind: "fresh", preset: "nano" },
  steps: 1300,
  batch: { size: 8, accumulate: 1 },
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.98, eps: 1e-8 },
  lr: 2e-3,
  weightDecay: 0.01,
  clipNorm: 1,
  schedule: { kind: "cosine", warmup: 50, minRatio: 0.05 },
  modules: { freeze: [], lrMultipliers: [] },
  augment: { mirror: 0, brightness: 0.08, contrast: 0.15 },
  // Neighbouring trajectory tokens are nearly equal: without this the model copies them and never looks.
  trajectoryInputDropout: { probability: 0.5, replacement: "random" },
  perception: { weight: 1 },
  textWeights: { kind: "information", floor: 0.05 },
  lengthBuckets: [],
  checkpoint: { everySteps: 200, keepLast: 2 },
});

/** Post-training of nano's shipped weights on the run's own drives. The run that `npm run quickstart` uses. */
export const stage1NanoPost = (): Stage1Recipe => ({
  ...stage1Nano(),
  name: "stage1-nano-post",
  init: { kind: "backbone", preset: "nano" },
  steps: 500,
  lr: 4e-4,
  schedule: { kind: "cosine", warmup: 20, minRatio: 0.02 },
});

/** What nano's shipped backbone was trained with: the same losses on many more drives. */
export const stage1NanoPretrain = (): Stage1Recipe => ({
  ...stage1Nano(),
  name: "stage1-nano-pretrain",
  seed: 1999,
  steps: 8000,
  lr: 1.5e-3,
  schedule: { kind: "cosine", warmup: 100, minRatio: 0.1 },
  checkpoint: { everySteps: 400, keepLast: 30 },
});

/** The second round of the shipped backbone, on drives in which the first one had the wheel. */
export const stage1NanoOnPolicy = (): Stage1Recipe => ({
  ...stage1NanoPretrain(),
  name: "stage1-nano-on-policy",
  seed: 1998,
  init: { kind: "backbone", preset: "nano" },
  steps: 5000,
  lr: 1e-3,
  schedule: { kind: "cosine", warmup: 50, minRatio: 0.02 },
});

/** Twice the width and every future step a token: the hour-long `reference` run. */
export const stage1Micro = (): Stage1Recipe => ({
  ...stage1Nano(),
  name: "stage1-micro",
  init: { kind: "fresh", preset: "micro" },
  steps: 2000,
  lr: 1e-3,
  schedule: { kind: "cosine", warmup: 100, minRatio: 0.05 },
});

/** Seconds; checks that everything is wired, learns nothing of use. */
export const stage1Smoke = (): Stage1Recipe => ({
  ...stage1Nano(),
  name: "stage1-smoke",
  steps: 6,
  batch: { size: 4, accumulate: 1 },
  schedule: { kind: "cosine", warmup: 2, minRatio: 0.05 },
  checkpoint: { everySteps: 3, keepLast: 1 },
});

/**
 * The released stage-1 settings (alpamayo-recipes b790b8e): lr 1e-5 to 1e-6, cosine after 500 steps of warm-up,
 * vision tower at a tenth, batch 1 x 4 per GPU. `steps` there follow from 3 epochs; set them to your data.
 */
export const stage1Alpamayo = (): Stage1Recipe => ({
  ...stage1Nano(),
  name: "stage1-alpamayo",
  init: { kind: "checkpoint", path: "alpamayo-r1" },
  steps: 10_000,
  batch: { size: 1, accumulate: 4 },
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  lr: 1e-5,
  weightDecay: 0,
  schedule: { kind: "cosine", warmup: 500, minRatio: 0.1 },
  modules: { freeze: [], lrMultipliers: [{ pattern: "vlm.model.visual.*", multiplier: 0.1 }] },
  augment: { mirror: 0, brightness: 0, contrast: 0 },
  trajectoryInputDropout: { probability: 0, replacement: "random" },
  perception: null,
  textWeights: { kind: "equal" },
  checkpoint: { everySteps: 500, keepLast: 2 },
});
