import { ownStage1, type RunRecipe } from "@causeway/cli";
import { stage1NanoPretrain } from "../stage1.ts";
import { stage2NanoPretrain } from "../stage2.ts";
import { recipe as quickstart } from "./quickstart.ts";

/**
 * Where the weights that ship with nano come from, first round: from nothing, on more drives than the quickstart's, with seeds of
 * its own. `tools/ship-backbone.ts` takes what it ends with; `pretrain-on-policy` goes on from there.
 */
export const recipe = (): RunRecipe => ({
  ...quickstart(),
  name: "pretrain",
  title: "Backbone of nano",
  seed: 1999,
  drives: { ...quickstart().drives, train: 600, heldOut: 15, pushed: 0.75, onPolicy: null },
  samples: { ...quickstart().samples, trainEverySecs: 0.4 },
  stage1: stage1NanoPretrain(),
  stage2: stage2NanoPretrain(ownStage1),
  closedLoop: { ...quickstart().closedLoop, scenes: 15 },
});
