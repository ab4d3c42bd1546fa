import type { RunRecipe } from "@causeway/cli";
import { stage1Nano } from "../stage1.ts";
import { recipe as quickstart } from "./quickstart.ts";

/** The quickstart without the shipped backbone: everything is learned from the run's own drives. */
export const recipe = (): RunRecipe => ({
  ...quickstart(),
  name: "quickstart-scratch",
  title: "Quickstart from fresh weights",
  drives: { ...quickstart().drives, train: 120 },
  stage1: stage1Nano(),
});
