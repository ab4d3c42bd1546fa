export { type GoldenResult, type GoldenTopic, stringField } from "./golden/topic.ts";
export { ownStage1, type RunRecipe } from "./recipe/run-recipe.ts";
