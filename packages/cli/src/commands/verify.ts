import { resolve } from "node:path";
import { addBatchOptions, type BatchCommandOptions } from "../asking/model-options.ts";
import { action, type CommonOptions, createCommand, wholeNumber } from "../command.ts";

interface VerifyCommandOptions extends CommonOptions, BatchCommandOptions {
  readonly labels: string;
  readonly critic?: string;
  readonly sameModel?: boolean;
  readonly policy?: string;
  readonly controls: number;
  readonly seed: number;
}

export const command = addBatchOptions(
  createCommand(
    "verify",
    "Check labels against the motion and the scene, by rules and by a critic; accept, send to review, or reject.",
    [
      "causeway verify data/mine",
      "causeway verify data/mine --critic openai:@http://127.0.0.1:8000/v1 --policy strict.json",
    ],
  ),
  "the dataset's cache/replies",
)
  .argument("<dataset>", "data set folder with labels of a teacher")
  .option("--labels <name>", "which labels: labels/NAME.jsonl", "teacher")
  .option("--critic <model>", "chat model that answers questions on each label")
  .option("--same-model", "allow the teacher's own model as critic")
  .option("--policy <file>", "JSON file with thresholds; what it leaves out stays as it is")
  .option(
    "--controls <n>",
    "labels with a planted fault that the critic sees too",
    wholeNumber(0, 100_000),
    60,
  )
  .option("--seed <n>", "chooses the controls", wholeNumber(0, 0xffffffff), 1)
  .addHelpText(
    "after",
    "\nWrites labels/verified.jsonl, verify/verdicts.jsonl, verify/report.json, and gives accepted sentences to labels/samples.jsonl.",
  )
  .action(
    action<VerifyCommandOptions, [string]>("verify", async (context, options, path) => {
      const { openDataset } = await import("@causeway/data");
      const { verifyDataset } = await import("../actions/verify.ts");
      const { lockFolder } = await import("../pipeline/run-lock.ts");
      const dir = resolve(path);
      const dataset = await openDataset(dir);
      const release = context.isDryRun ? async () => {} : await lockFolder(dir);
      try {
        return await verifyDataset(
          dataset,
          {
            labels: options.labels,
            critic: options.critic ?? null,
            allowSameModel: options.sameModel === true,
            policyPath: options.policy ?? null,
            controls: options.controls,
            batch: options,
            seed: options.seed,
          },
          context,
        );
      } finally {
        await release();
      }
    }),
  );
