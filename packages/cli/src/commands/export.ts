import { resolve } from "node:path";
import {
  action,
  type CommonOptions,
  createCommand,
  type Outcome,
  wholeNumber,
} from "../command.ts";
import { UserError } from "../errors.ts";
import { lockFolder } from "../pipeline/run-lock.ts";

interface ExportCommandOptions extends CommonOptions {
  readonly out?: string;
  readonly labels?: string;
  readonly cameras?: string;
  readonly question?: string;
  readonly system?: string;
  readonly textKey: string;
  readonly chunk: number;
}

export const command = createCommand(
  "export",
  "Write a labelled dataset in the form that a trainer or a viewer reads.",
  [
    "causeway export chat data/sim --out exports/sim          # cosmos-rl, TRL",
    "causeway export llava data/sim --out exports/llava --cameras camera_front_wide_120fov",
    "causeway export pai data/pai --out exports/pai           # PhysicalAI-AV layout",
    "causeway export webdataset data/sim --out exports/wds --chunk 50",
    "causeway export sft data/carla --out exports/carla       # samples_reasoning_sft.jsonl",
    "causeway export chat data/nuscenes --out exports/drivelm  # DriveLM's questions too",
    "causeway export mcap data/kitti --out exports/kitti      # Foxglove, Lichtblick, Rerun",
  ],
)
  .argument("<format>", "chat, llava, sft, webdataset, pai or mcap")
  .argument("<dataset>", "dataset folder")
  .option("--out <folder>", "folder to write (needed unless --dry-run)")
  .option(
    "--labels <names>",
    "label files of the dataset by name, best first, separated by commas (default: those that are there)",
  )
  .option("--cameras <names>", "cameras to export, separated by commas (default: all)")
  .option("--question <text>", "what the user's turn asks")
  .option("--system <text>", "the system prompt")
  .option("--text-key <key>", "pai: the key of the text, coc or cot", "coc")
  .option("--chunk <n>", "drives in one archive or shard", wholeNumber(1, 9999), 100)
  .addHelpText(
    "after",
    `
Only accepted labels with a sentence are exported, and reasoning that came with the recording.
Questions that came with it (DriveLM) go into chat and llava: pictures of all cameras by name, the question, the answer.
sft and pai are about the way driven: a drive without ego motion is named in skipped.jsonl.
A drive that cannot be read, and a moment without its pictures, is named in skipped.jsonl; the rest goes on.
export.json says what was exported: dataset, fingerprint, licences, label files, counts.`,
  )
  .action(
    action<ExportCommandOptions, [string, string]>(
      "export",
      async ({ isDryRun, progress, signal }, options, format, path): Promise<Outcome> => {
        const { exportDataset, findSink, openDataset } = await import("@causeway/data");
        const sink = findSink(format);
        const { textKey } = options;
        if (textKey !== "coc" && textKey !== "cot")
          throw new UserError("OPTION", `--text-key is ${textKey}; expected coc or cot`);
        const dataset = await openDataset(resolve(path));
        if (isDryRun)
          return {
            data: { format: sink.format, drives: dataset.drives.length },
            text: `${dataset.drives.length} drives would be exported: ${sink.about}. Nothing was written (--dry-run).`,
          };
        if (options.out === undefined)
          throw new UserError("OPTION", "--out is missing; give the folder to write");
        const out = resolve(options.out);
        if (out === resolve(path))
          throw new UserError("OPTION", "--out is the dataset itself; give another folder");
        const release = await lockFolder(out);
        try {
          const label = `export ${sink.format}`;
          const result = await exportDataset(dataset, sink, out, {
            signal,
            textKey,
            chunkSize: options.chunk,
            ...(options.labels === undefined ? {} : { labels: options.labels.split(",") }),
            ...(options.cameras === undefined ? {} : { cameras: options.cameras.split(",") }),
            ...(options.question === undefined ? {} : { question: options.question }),
            ...(options.system === undefined
              ? {}
              : { systemPrompt: options.system, questionSystemPrompt: options.system }),
            onProgress: ({ done, total, id }) => progress.update(label, { done, total, note: id }),
          });
          progress.finish(label, `${result.written} written`);
          for (const item of result.skipped.slice(0, 20))
            progress.line(`skipped ${item.id}: ${item.error}`);
          return {
            data: { out, format: sink.format, ...result },
            text: `${options.out}: ${result.written} ${sink.takesUnlabelled ? "drives" : "samples"}, ${result.skipped.length} skipped (skipped.jsonl), ${result.notAccepted} labels not accepted`,
          };
        } finally {
          await release();
        }
      },
    ),
  );
