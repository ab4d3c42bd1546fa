import { join } from "node:path";
import { action, createCommand, type CommonOptions, type Outcome } from "../command.ts";

export const command = createCommand(
  "report",
  "Write report.html of a run or a dataset from its files; nothing is trained or asked again.",
  ["causeway report runs/quickstart", "causeway report data/kitti"],
)
  .argument("<path>", "run folder, or dataset folder")
  .action(
    action<CommonOptions, [string]>("report", async (...given): Promise<Outcome> => {
      const [context, , path] = given;
      const { stat } = await import("node:fs/promises");
      const isDataset =
        (await stat(join(path, "dataset.json")).catch(() => null)) !== null &&
        (await stat(join(path, "run.json")).catch(() => null)) === null;
      if (isDataset) {
        const { reportDataset } = await import("../actions/dataset-report.ts");
        return reportDataset(context, path);
      }
      const { reportRun } = await import("../actions/report.ts");
      return reportRun(...given);
    }),
  );
