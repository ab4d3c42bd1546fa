import { basename, relative, resolve } from "node:path";
import {
  action,
  type CommonOptions,
  createCommand,
  type Outcome,
  wholeNumber,
} from "../command.ts";
import { UserError } from "../errors.ts";
import { runInChildren } from "../pipeline/child-work.ts";
import { lockFolder } from "../pipeline/run-lock.ts";
import type { LabelsOptions, LabelsResult } from "../stages/labels.ts";
import type { PagesOptions, PagesResult } from "../stages/dataset-pages.ts";

interface LabelCommandOptions extends CommonOptions {
  readonly every: string;
  readonly seed: number;
  readonly pages: number;
  readonly perStratum?: number;
}

const moduleOf = (name: string): string => new URL(`../stages/${name}.ts`, import.meta.url).href;

export const command = createCommand(
  "label",
  "Find meta-actions and keyframes in every drive, and chains of causation where the truth is known.",
  ["causeway label data/kitti", "causeway label data/sim --every 0.5"],
)
  .argument("<dataset>", "dataset folder (from `causeway sim` or `causeway import`)")
  .option("--every <secs>", "seconds between samples", "0.5")
  .option("--seed <n>", "chooses splits and wordings", wholeNumber(0, 0xffffffff), 1)
  .option(
    "--per-stratum <n>",
    "keyframes of one kind (change, curvature, speed) at most, over all drives (default: all)",
    wholeNumber(1, 1_000_000),
  )
  .option(
    "--pages <n>",
    "drives that get a page of their own in the report",
    wholeNumber(0, 10_000),
    40,
  )
  .addHelpText(
    "after",
    "\nWrites labels/meta-actions.jsonl, labels/keyframes.jsonl, labels/oracle.jsonl, labels/samples.jsonl and report/index.html.",
  )
  .action(
    action<LabelCommandOptions, [string]>(
      "label",
      async ({ isDryRun, progress, signal }, options, path): Promise<Outcome> => {
        const { openDataset } = await import("@causeway/data");
        const dir = resolve(path);
        const dataset = await openDataset(dir);
        const every = Number(options.every);
        if (!(every > 0) || Math.abs(every * 10 - Math.round(every * 10)) > 1e-9)
          throw new UserError(
            "OPTION",
            `--every is ${options.every}; expected seconds in steps of 0.1`,
          );
        if (isDryRun)
          return {
            data: { dir, drives: dataset.drives.length },
            text: `${dataset.drives.length} drives would be labelled. Nothing was written (--dry-run).`,
          };
        const release = await lockFolder(dir);
        try {
          const run = async <Result>(
            label: string,
            name: string,
            work: unknown,
          ): Promise<Result> => {
            const [result] = await runInChildren<Result>(
              {
                module: moduleOf(name),
                options: { runDir: dir, options: work, setting: { dataDir: "." } },
                parts: 1,
              },
              {
                signal,
                progress: (update) => progress.update(label, update),
                line: (text) => progress.line(text),
              },
            );
            return result as Result;
          };
          const labelsOptions: LabelsOptions = {
            splits: null,
            seed: options.seed,
            trainEverySecs: every,
            heldOutEverySecs: every,
            name: dataset.name || basename(dir),
            keyframesPerStratum: options.perStratum ?? null,
          };
          const labels = await run<LabelsResult>("label", "labels", labelsOptions);
          progress.finish("label", `${labels.drives} drives, ${labels.keyframes} keyframes`);
          const pagesOptions: PagesOptions = { maxPages: options.pages };
          const pages = await run<PagesResult>("report", "dataset-pages", pagesOptions);
          const index = resolve(dir, pages.index);
          return {
            data: { dir, ...labels, report: index },
            text: [
              `${labels.drives} drives: ${labels.keyframes} keyframes, ${labels.labelled} of ${labels.samples} samples have a chain of causation`,
              ...(labels.labelled === 0
                ? [
                    "recorded drives get chains of causation from a teacher model, which is not there yet",
                  ]
                : []),
              `report: ${relative(process.cwd(), index) || index}`,
            ].join("\n"),
          };
        } finally {
          await release();
        }
      },
    ),
  );
