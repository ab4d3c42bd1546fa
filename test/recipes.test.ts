import { presets } from "@causeway/models";
import { expect, test } from "vitest";
import { recipeByName, recipeNames } from "../recipes/index.ts";
import { parseRecipe } from "@causeway/train";

test.each(recipeNames)("%s is complete, consistent and plain", (name) => {
  const recipe = recipeByName(name, "runs/x/checkpoints/step_1");
  expect(parseRecipe(JSON.parse(JSON.stringify(recipe)), name)).toEqual(recipe);
  expect(recipe.name).toBe(name);
  if (recipe.init.kind === "fresh") expect(Object.keys(presets)).toContain(recipe.init.preset);
});

test("an unknown name lists the known ones and what was meant", () => {
  expect(() => recipeByName("stage1-nao")).toThrow('Did you mean "stage1-nano"?');
  expect(() => recipeByName("stage2-nano")).toThrow("say which checkpoint it starts from");
});
