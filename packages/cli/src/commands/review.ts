import { join, resolve } from "node:path";
import { action, type CommonOptions, createCommand, wholeNumber } from "../command.ts";
import { UserError } from "../errors.ts";

interface ReviewCommandOptions extends CommonOptions {
  readonly out?: string;
  readonly apply?: string;
  readonly limit: number;
  readonly blind?: boolean;
  readonly audit: string;
}

export const command = createCommand(
  "review",
  "Write the labels that need a person as one HTML page, and merge the answers that it saved.",
  [
    "causeway review data/mine --out review.html",
    "causeway review data/mine --apply ~/Downloads/review-kim.json",
  ],
)
  .argument("<dataset>", "data set folder that `causeway verify` has checked")
  .option("--out <file>", "page to write (default: DATASET/report/review.html)")
  .option("--apply <file>", "merge answers that the page saved")
  .option("--limit <n>", "labels in the page", wholeNumber(1, 10_000), 100)
  .option("--blind", "hide what rules and critic said")
  .option("--audit <share>", "share of accepted labels to look at anyway", "0.1")
  .action(
    action<ReviewCommandOptions, [string]>("review", async (context, options, path) => {
      const { openDataset } = await import("@causeway/data");
      const { applyReviewFile, exportReview } = await import("../actions/review.ts");
      const { lockFolder } = await import("../pipeline/run-lock.ts");
      const auditShare = Number(options.audit);
      if (!(auditShare >= 0 && auditShare <= 1))
        throw new UserError("OPTION", `--audit is ${options.audit}; expected a share from 0 to 1`);
      const dir = resolve(path);
      const dataset = await openDataset(dir);
      const release = context.isDryRun ? async () => {} : await lockFolder(dir);
      try {
        if (options.apply !== undefined)
          return await applyReviewFile(dataset, resolve(options.apply), context.isDryRun);
        const out = resolve(options.out ?? join(dir, "report", "review.html"));
        return await exportReview(
          dataset,
          { out, limit: options.limit, isBlind: options.blind === true, auditShare },
          context,
        );
      } finally {
        await release();
      }
    }),
  );
