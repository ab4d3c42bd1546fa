import { ownStage1, type RunRecipe } from "@causeway/cli";
import { stage1Nano } from "../stage1.ts";
import { stage2Nano } from "../stage2.ts";
import { recipe as quickstart } from "./quickstart.ts";

/** The quickstart without the shipped weights: everything is learned from the run's own drives. */
export const recipe = (): RunRecipe => ({
  ...quickstart(),
  name: "quickstart-scratch",
  title: "Quickstart from fresh weights",
  drives: { ...quickstart().drives, train: 120, pushed: 0.7, onPolicy: null },
  stage1: stage1Nano(),
  stage2: stage2Nano(ownStage1),
});
