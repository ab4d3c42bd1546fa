import { action, type CommonOptions, createCommand } from "../../command.ts";

export interface ProbeOptions extends CommonOptions {
  readonly reward: string;
  readonly samples?: string;
  readonly out?: string;
}

export const command = createCommand("probe", "Test a reward before you train on it.", [
  "causeway reward probe test.jsonl --reward videophy2-reason1",
  "causeway reward probe test.jsonl --reward videophy2-reason1 --samples rollouts.jsonl --out probes/videophy2",
])
  .argument(
    "<references>",
    'right answers: JSON, JSON Lines or CSV of {"reference"}, {"answer"} or {"pc"}',
  )
  .requiredOption("--reward <name>", "the reward, such as videophy2-reason1 or mcq-reason2")
  .option(
    "--samples <file>",
    'real replies: {"id", "group", "reply", "reference"}; replies of one group answer one question',
  )
  .option("--out <folder>", "probe.json and report.html go here")
  .action(
    action<ProbeOptions, [string]>("reward probe", async (context, options, references) => {
      const { probeRewards } = await import("../../actions/reward.ts");
      return probeRewards(context, options, references);
    }),
  );
