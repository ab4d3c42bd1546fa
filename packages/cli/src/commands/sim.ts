import type { SimOptions } from "../actions/sim.ts";
import { action, createCommand, wholeNumber, type Outcome } from "../command.ts";

export const command = createCommand(
  "sim",
  "Simulate drives with truth into a dataset folder, labelled by the expert's own reasons.",
  [
    "causeway sim --out data/sim --drives 8",
    "causeway sim --out data/lights --drives 20 --kinds stop_for_light,resume_at_light --seed 3",
  ],
)
  .requiredOption("--out <folder>", "dataset folder")
  .option("--drives <n>", "recordings to train on", wholeNumber(1, 100_000), 8)
  .option("--held-out <n>", "recordings to evaluate on", wholeNumber(1, 100_000), 2)
  .option("--secs <n>", "length of each recording", wholeNumber(8, 600), 20)
  .option("--seed <n>", "fixes every byte", wholeNumber(0, 0xffffffff), 1)
  .option("--kinds <list>", "scenario kinds, comma-separated (default: all)")
  .option("--pushed <share>", "share of training drives with recoveries", "0.4")
  .action(
    action<SimOptions, []>("sim", async (...given): Promise<Outcome> => {
      const { simulateDrives } = await import("../actions/sim.ts");
      return simulateDrives(...given);
    }),
  );
