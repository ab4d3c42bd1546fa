/** Recipes by name. A recipe is a function that returns complete plain data; variants spread a parent. */
import { type TrainRecipe, nearest, RecipeError } from "@causeway/train";
import {
  stage1Alpamayo,
  stage1Micro,
  stage1Nano,
  stage1NanoPost,
  stage1NanoOnPolicy,
  stage1NanoPretrain,
  stage1Smoke,
} from "./stage1.ts";
import {
  stage2Alpamayo,
  stage2Micro,
  stage2Nano,
  stage2NanoPost,
  stage2NanoPretrain,
  stage2Smoke,
} from "./stage2.ts";

export {
  stage1Alpamayo,
  stage1Micro,
  stage1Nano,
  stage1NanoPost,
  stage1NanoOnPolicy,
  stage1NanoPretrain,
  stage1Smoke,
} from "./stage1.ts";
export {
  stage2Alpamayo,
  stage2Micro,
  stage2Nano,
  stage2NanoPost,
  stage2NanoPretrain,
  stage2Smoke,
} from "./stage2.ts";

const stage1 = [
  stage1Nano,
  stage1NanoPost,
  stage1NanoOnPolicy,
  stage1NanoPretrain,
  stage1Micro,
  stage1Smoke,
  stage1Alpamayo,
];
/** Those that go on from a checkpoint. Which one is asked for when the recipe is used; the name does not depend on it. */
const continuing = [
  stage2Nano,
  stage2NanoPost,
  stage2NanoPretrain,
  stage2Micro,
  stage2Smoke,
  stage2Alpamayo,
];
const placeholder = "checkpoint";

export const recipeNames: readonly string[] = [
  ...stage1.map((make) => make().name),
  ...continuing.map((make) => make(placeholder).name),
];

/**
 * The recipe of a name.
 *
 * @param checkpoint  The model that the recipe goes on from; ignored by recipes that need none.
 */
export function recipeByName(name: string, checkpoint?: string): TrainRecipe {
  for (const make of stage1) if (make().name === name) return make();
  for (const make of continuing)
    if (make(placeholder).name === name) {
      if (checkpoint === undefined)
        throw new RecipeError(
          `recipe "${name}" goes on from a model; say which checkpoint it starts from`,
        );
      return make(checkpoint);
    }
  const meant = nearest(name, recipeNames);
  throw new RecipeError(
    `recipe "${name}" not found. Known: ${recipeNames.join(", ")}.${meant ? ` Did you mean "${meant}"?` : ""}`,
  );
}
