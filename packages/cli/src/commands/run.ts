import type { RunOptions } from "../actions/run.ts";
import { action, createCommand, type Outcome } from "../command.ts";

export const command = createCommand(
  "run",
  "Simulate drives, label them, train a driver, let it drive, and write a report.",
  [
    "causeway run quickstart",
    "causeway run smoke --out runs/try --json",
    "causeway run ./my-recipe.ts --dry-run",
  ],
)
  .argument("<recipe>", "a name (quickstart, reference, smoke) or a file that exports `recipe`")
  .option("--out <folder>", "run folder (default: runs/<recipe>)")
  .addHelpText(
    "after",
    "\nA run that was stopped or killed goes on from where it was; a finished one does nothing.",
  )
  .action(
    action<RunOptions, [string]>("run", async (...given): Promise<Outcome> => {
      const { runRecipe } = await import("../actions/run.ts");
      return runRecipe(...given);
    }),
  );
