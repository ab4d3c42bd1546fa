import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { action, type CommonOptions, createCommand, type Outcome } from "../command.ts";
import { UserError } from "../errors.ts";

interface InspectOptions extends CommonOptions {
  readonly drive?: string;
  readonly html?: string;
}

export const command = createCommand(
  "inspect",
  "Draw a drive, or list a dataset, a run or a checkpoint.",
  [
    "causeway inspect data/kitti",
    "causeway inspect data/kitti --drive kitti-07",
    "causeway inspect data/kitti/drives/kitti-07.mcap --html kitti-07.html",
    "causeway inspect runs/quickstart",
  ],
)
  .argument("<path>", "a drive (.mcap), a dataset folder, a run folder or a checkpoint folder")
  .option("--drive <id>", "one drive of a dataset")
  .option("--html <file>", "also write the drive as a page")
  .action(
    action<InspectOptions, [string]>(
      "inspect",
      async ({ isDryRun }, options, path): Promise<Outcome> => {
        const full = resolve(path);
        const info = await stat(full).catch(() => null);
        if (info === null) throw new UserError("PATH", `no such file or folder (${path})`);
        const has = async (file: string): Promise<boolean> =>
          (await stat(join(full, file)).catch(() => null)) !== null;
        const kind = !info.isDirectory()
          ? "drive"
          : (await has("dataset.json"))
            ? "dataset"
            : (await has("run.json"))
              ? "run"
              : (await has("config.json"))
                ? "checkpoint"
                : null;
        if (kind === "run") {
          const { inspectRun } = await import("../inspect/run.ts");
          return inspectRun(full);
        }
        if (kind === "checkpoint") {
          const { inspectCheckpoint } = await import("../inspect/checkpoint.ts");
          return inspectCheckpoint(full);
        }
        if (kind === null)
          throw new UserError(
            "PATH",
            `this folder is no dataset (dataset.json), run (run.json) or checkpoint (config.json). Recorded drives are imported first: \`causeway import\` (${path})`,
          );
        const { inspectDataset, inspectDrive } = await import("../inspect/drives.ts");
        if (kind === "dataset" && options.drive === undefined) return inspectDataset(full);
        const file = kind === "drive" ? full : join(full, "drives", `${options.drive}.mcap`);
        return inspectDrive(file, {
          columns: Math.min(process.stdout.columns ?? 100, 160),
          html: isDryRun ? null : (options.html ?? null),
        });
      },
    ),
  );
