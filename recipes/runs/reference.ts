import { ownStage1, type RunRecipe } from "@causeway/cli";
import { stage1Micro } from "../stage1.ts";
import { stage2Micro } from "../stage2.ts";
import { recipe as quickstart } from "./quickstart.ts";

/** More drives, a larger model, longer training: at most an hour on 2 cores. */
export const recipe = (): RunRecipe => ({
  ...quickstart(),
  name: "reference",
  title: "Reference run",
  drives: { ...quickstart().drives, train: 360, heldOut: 60 },
  stage1: stage1Micro(),
  stage2: stage2Micro(ownStage1),
  closedLoop: { ...quickstart().closedLoop, scenes: 60 },
});
