import type { PlanOptions } from "../actions/plan.ts";
import { action, createCommand, type Outcome, positiveNumber } from "../command.ts";

export const command = createCommand(
  "plan",
  "Say what each training stage of a recipe updates, freezes and makes stale, and how much memory it will hold.",
  [
    "causeway plan quickstart",
    "causeway plan quickstart --data data/sim --json",
    "causeway plan ./my-recipe.ts --memory 16",
  ],
)
  .argument("<recipe>", "a name (quickstart, reference, smoke) or a file that exports `recipe`")
  .option(
    "--data <folder>",
    "labelled dataset, for the lengths of its rows (default: one typical row)",
  )
  .option(
    "--memory <GB>",
    "memory of the machine that will train (default: what is free here)",
    positiveNumber,
  )
  .addHelpText("after", "\nNothing is written; --dry-run changes nothing.")
  .action(
    action<PlanOptions, [string]>("plan", async (...given): Promise<Outcome> => {
      const { planRecipe } = await import("../actions/plan.ts");
      return planRecipe(...given);
    }),
  );
