import { ownStage1, type RunRecipe } from "@causeway/cli";
import { stage1Smoke } from "../stage1.ts";
import { stage2Smoke } from "../stage2.ts";
import { recipe as quickstart } from "./quickstart.ts";

/** The whole loop in under a minute: checks that everything is wired, learns nothing of use. */
export const recipe = (): RunRecipe => ({
  ...quickstart(),
  name: "smoke",
  title: "Smoke run",
  drives: {
    ...quickstart().drives,
    kinds: ["stop_for_light", "turn_left", "slow_for_lead"],
    train: 3,
    heldOut: 2,
    secs: 10,
  },
  samples: { trainEverySecs: 0.5, heldOutEverySecs: 1 },
  stage1: stage1Smoke(),
  stage2: stage2Smoke(ownStage1),
  validation: { everySteps: 3, samples: 4 },
  openLoop: { ...quickstart().openLoop, maxTokens: 12, batch: 2 },
  closedLoop: {
    ...quickstart().closedLoop,
    kinds: ["stop_for_light", "slow_for_lead"],
    scenes: 2,
    secs: 2,
    replanEverySecs: 1,
    batch: 2,
    maxTokens: 12,
  },
  report: { clips: 2, films: 2 },
});
