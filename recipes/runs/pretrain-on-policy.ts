import { ownStage1, type RunRecipe } from "@causeway/cli";
import { stage1NanoOnPolicy } from "../stage1.ts";
import { stage2NanoPretrain } from "../stage2.ts";
import { recipe as pretrain } from "./pretrain.ts";

/**
 * Where the weights that ship with nano come from, second round: half of the new drives have the first round's model at the
 * wheel and the expert beside it, so that it learns from the moments that it brings itself into (DAgger). To make the shipped
 * weights again: ship `pretrain`, run this, ship this.
 */
export const recipe = (): RunRecipe => ({
  ...pretrain(),
  name: "pretrain-on-policy",
  title: "Backbone of nano, second round",
  seed: 1998,
  drives: {
    ...pretrain().drives,
    pushed: 0.4,
    onPolicy: { preset: "nano", share: 0.85, replanEverySecs: 0.5 },
  },
  stage1: stage1NanoOnPolicy(),
  stage2: { ...stage2NanoPretrain(ownStage1), steps: 1500, lr: 1e-3 },
});
