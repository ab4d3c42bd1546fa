import type { EvalOptions } from "../actions/eval.ts";
import { action, createCommand, wholeNumber, type Outcome } from "../command.ts";

export const command = createCommand(
  "eval",
  "Score a trained driver on held-out drives and in the simulator, and write its report.",
  [
    "causeway eval runs/mine",
    "causeway eval runs/mine --scenes 60 --paths 16",
    "causeway eval runs/mine --checkpoint runs/other/stage2/checkpoints/step_400",
  ],
)
  .argument("<run>", "run folder (from `causeway run` or `causeway train`)")
  .option("--checkpoint <folder>", "other weights than the end of the run's stage 2")
  .option("--scenes <n>", "closed-loop scenes", wholeNumber(0, 100_000))
  .option("--paths <n>", "trajectories per sample", wholeNumber(1, 64))
  .action(
    action<EvalOptions, [string]>("eval", async (...given): Promise<Outcome> => {
      const { evaluateRun } = await import("../actions/eval.ts");
      return evaluateRun(...given);
    }),
  );
