import type { RunRecipe } from "@causeway/cli";
import { stage1NanoPretrain } from "../stage1.ts";
import { recipe as quickstart } from "./quickstart.ts";

/**
 * Where the backbone that ships with nano comes from: five times the drives of the quickstart, seeds of its own.
 * `tools/ship-backbone.ts` takes the language model of its stage 1; nothing else of it is used.
 */
export const recipe = (): RunRecipe => ({
  ...quickstart(),
  name: "pretrain",
  title: "Backbone of nano",
  seed: 1999,
  drives: { ...quickstart().drives, train: 600, heldOut: 15, pushed: 0.75 },
  samples: { ...quickstart().samples, trainEverySecs: 0.4 },
  stage1: stage1NanoPretrain(),
  closedLoop: { ...quickstart().closedLoop, scenes: 15 },
});
