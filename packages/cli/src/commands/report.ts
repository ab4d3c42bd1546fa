import { action, createCommand, type CommonOptions, type Outcome } from "../command.ts";

export const command = createCommand(
  "report",
  "Compute scores, summary.json and report.html of a run from its files; nothing is trained or asked again.",
  ["causeway report runs/quickstart"],
)
  .argument("<run>", "run folder")
  .action(
    action<CommonOptions, [string]>("report", async (...given): Promise<Outcome> => {
      const { reportRun } = await import("../actions/report.ts");
      return reportRun(...given);
    }),
  );
