import { basename, relative, resolve } from "node:path";
import { addBatchOptions, type BatchCommandOptions } from "../asking/model-options.ts";
import type { TeachOptions } from "../actions/teach.ts";
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

interface LabelCommandOptions extends CommonOptions, BatchCommandOptions {
  readonly every: string;
  readonly seed: number;
  readonly pages: number;
  readonly perStratum?: number;
  readonly teacher?: string;
  readonly shard?: string;
  readonly queue?: string;
  readonly parts: number;
  readonly limit?: number;
  readonly overlay: string;
}

function teachOptions(options: LabelCommandOptions, teacher: string): TeachOptions {
  const { shard, queue, limit, overlay } = options;
  if (overlay !== "none" && overlay !== "time")
    throw new UserError("OPTION", `--overlay is ${overlay}; expected none or time`);
  if (shard !== undefined && queue !== undefined)
    throw new UserError("OPTION", "--shard and --queue both name a part of the work; give one");
  return {
    teacher,
    seed: options.seed,
    shard: shard ?? null,
    queue: queue ?? null,
    parts: options.parts,
    limit: limit ?? null,
    batch: options,
    overlay,
  };
}

/** Drives that get a line each on the screen; labels/meta-actions.jsonl says it of all. */
const mostNamed = 20;

const moduleOf = (name: string): string => new URL(`../stages/${name}.ts`, import.meta.url).href;

export const command = addBatchOptions(
  createCommand(
    "label",
    "Find meta-actions and keyframes in every drive, and chains of causation where the truth is known.",
    [
      "causeway label data/kitti",
      "causeway label data/sim --every 0.5",
      "causeway label data/kitti --teacher openai:@http://127.0.0.1:8000/v1 --dry-run",
      "causeway label data/kitti --teacher openai:@http://127.0.0.1:8000/v1 --shard auto",
    ],
  ),
  "the dataset's cache/replies",
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
  .option("--teacher <model>", "label the keyframes: oracle, or a chat model (openai:MODEL@URL, …)")
  .option(
    "--shard <k/n>",
    "with --teacher: only this part; auto reads a Slurm array's or a Kubernetes job's index",
  )
  .option(
    "--queue <url>",
    "with --teacher: take parts from this Redis; env reads CAUSEWAY_REDIS_URL",
  )
  .option("--parts <n>", "parts in the queue", wholeNumber(1, 100_000), 64)
  .option("--limit <n>", "only the first keyframes", wholeNumber(1, 1e9))
  .option("--overlay <kind>", "marks on the pictures: none or time", "none")
  .addHelpText(
    "after",
    "\nWrites labels/meta-actions.jsonl, labels/keyframes.jsonl, labels/oracle.jsonl, labels/questions.jsonl, labels/samples.jsonl and report/index.html; with --teacher labels/teacher.jsonl and its ledgers in labels/teachers.\nA drive without ego motion has no meta-actions, keyframes or samples; questions that came with it are listed, and a teacher is not asked about it.",
  )
  .action(
    action<LabelCommandOptions, [string]>(
      "label",
      async ({ isDryRun, progress, signal }, options, path): Promise<Outcome> => {
        const { openDataset } = await import("@causeway/data");
        const dir = resolve(path);
        const dataset = await openDataset(dir);
        if (options.teacher !== undefined) {
          const { teachDataset } = await import("../actions/teach.ts");
          return teachDataset(dataset, teachOptions(options, options.teacher), {
            isDryRun,
            progress,
            signal,
            env: process.env,
          });
        }
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
          for (const item of labels.skipped) progress.line(`skipped ${item.id}: ${item.error}`);
          for (const id of labels.withoutMotion.slice(0, mostNamed))
            progress.line(`${id}: no ego motion, so no meta-actions, keyframes or samples`);
          progress.finish("label", `${labels.drives} drives, ${labels.keyframes} keyframes`);
          const pagesOptions: PagesOptions = { maxPages: options.pages };
          const pages = await run<PagesResult>("report", "dataset-pages", pagesOptions);
          const index = resolve(dir, pages.index);
          return {
            data: { dir, ...labels, report: index },
            text: [
              ...(labels.skipped.length === 0
                ? []
                : [`${labels.skipped.length} drives skipped (see labels/skipped.jsonl)`]),
              `${labels.drives} drives: ${labels.keyframes} keyframes, ${labels.labelled} of ${labels.samples} samples have a chain of causation`,
              ...(labels.questions === 0
                ? []
                : [
                    `${labels.questions} questions came with the recordings (labels/questions.jsonl; causeway export chat or llava)`,
                  ]),
              ...(labels.withoutMotion.length === 0
                ? []
                : [
                    `${labels.withoutMotion.length} drives have no ego motion: no meta-actions, keyframes or samples of them`,
                  ]),
              ...(labels.labelled === 0 && labels.withoutMotion.length < labels.drives
                ? [
                    "recorded drives get chains of causation from a teacher: causeway label DATASET --teacher MODEL",
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
