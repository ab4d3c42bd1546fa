import { ownStage1, type RunRecipe } from "@causeway/cli";
import { stage1NanoOnPolicy } from "../stage1.ts";
import { stage2NanoPretrain } from "../stage2.ts";
import { recipe as quickstart } from "./quickstart.ts";

/**
 * The quickstart with time: more than twice its drives, half of them with the shipped model at the wheel, four times its steps,
 * and twice its held-out drives and scenes. At most an hour on 2 cores.
 */
export const recipe = (): RunRecipe => ({
  ...quickstart(),
  name: "reference",
  title: "Reference run",
  drives: {
    ...quickstart().drives,
    train: 420,
    heldOut: 60,
    pushed: 0.4,
    onPolicy: { preset: "nano", share: 0.85, replanEverySecs: 0.5 },
  },
  samples: { ...quickstart().samples, trainEverySecs: 0.4 },
  stage1: { ...stage1NanoOnPolicy(), seed: 1, steps: 2200, lr: 7e-4 },
  stage2: { ...stage2NanoPretrain(ownStage1), steps: 800, lr: 1e-3 },
  closedLoop: { ...quickstart().closedLoop, scenes: 60 },
});
