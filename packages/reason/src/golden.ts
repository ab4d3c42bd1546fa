/** Checks against reference cases, for the golden runner. */
export { checkVisionBudget, type VisionBudgetCheck } from "./vision/golden.ts";
