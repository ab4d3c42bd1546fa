import type { TrainOptions } from "../actions/train.ts";
import { action, createCommand, type Outcome } from "../command.ts";

export const command = createCommand(
  "train",
  "Train a driver on a labelled dataset: tokenizer, stage 1 (language model), stage 2 (action expert).",
  [
    "causeway train quickstart --data data/sim --out runs/mine",
    "causeway train ./my-recipe.ts --data data/sim --dry-run",
  ],
)
  .argument("<recipe>", "a name (quickstart, reference, smoke) or a file that exports `recipe`")
  .requiredOption("--data <folder>", "labelled dataset")
  .option("--out <folder>", "run folder (default: runs/<recipe>)")
  .action(
    action<TrainOptions, [string]>("train", async (...given): Promise<Outcome> => {
      const { trainDriver } = await import("../actions/train.ts");
      return trainDriver(...given);
    }),
  );
