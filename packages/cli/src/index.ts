export { type GoldenResult, type GoldenTopic, stringField } from "./golden/topic.ts";
export { checkpointOf, ownStage1, type RunRecipe } from "./recipe/run-recipe.ts";
