import { resolve } from "node:path";
import { Option } from "commander";
import {
  action,
  type CommonOptions,
  createCommand,
  type Outcome,
  wholeNumber,
} from "../../command.ts";
import { number } from "./chat.ts";

export interface DriveCommandOptions extends CommonOptions {
  readonly drive?: string;
  readonly at?: number;
  readonly samples: number;
  readonly sets: number;
  readonly seed: number;
  readonly temperature: number;
  readonly topP: number;
  readonly flowTemperature: number;
  readonly maxTokens: number;
  readonly nav?: string;
  readonly guidance?: number;
  readonly compareNavigation?: boolean;
  readonly speed: number;
  readonly backbone?: string;
  readonly constants: "reference" | "bf16-as-loaded";
}

export const command = createCommand(
  "drive",
  "Chain of causation and trajectories of a driving model for one moment of a drive, or for the end of a clip.",
  [
    "causeway model drive runs/quickstart data/sim --drive sim-0004 --at 6.1",
    "causeway model drive runs/quickstart clip.mp4 --speed 8 --json",
    'causeway model drive runs/quickstart clip.mp4 --nav "Turn left in 11m" --compare-navigation',
  ],
)
  .argument("<folder>", "a driving model folder")
  .argument("<source>", "a dataset folder, a drive (.mcap) or a video file")
  .option("--backbone <folder>", "of a release: folder of its backbone, for tokenizer and sizes")
  .addOption(
    new Option("--constants <kind>", "exact, or rounded as the releases are deployed")
      .choices(["reference", "bf16-as-loaded"])
      .default("reference"),
  )
  .option("--drive <id>", "which drive of a dataset (default: the first)")
  .option("--at <secs>", "time in the drive (default: the middle)", number(0, 1e6))
  .option("--samples <n>", "reasonings, each with its trajectory", wholeNumber(1, 64), 6)
  .option(
    "--sets <n>",
    "trajectories of each reasoning; minADE is then mean ± deviation over sets",
    wholeNumber(1, 32),
    1,
  )
  .option("--seed <n>", "same seed, same answer", wholeNumber(0, 2 ** 31), 0)
  .option("--temperature <t>", "of the reasoning", number(0, 10), 0.6)
  .option("--top-p <p>", "nucleus of the reasoning", number(1e-6, 1), 0.98)
  .option("--flow-temperature <t>", "of the start noise", number(0, 10), 1)
  .option("--max-tokens <n>", "longest reasoning", wholeNumber(1, 4096), 256)
  .option("--nav <text>", 'navigation text, e.g. "Turn left in 11m" (default: the drive\'s route)')
  .option(
    "--guidance <w>",
    "classifier-free guidance on the navigation text; 1 is none",
    number(0, 10),
  )
  .option(
    "--compare-navigation",
    "answer with the navigation text, without it, and with left and right swapped; guidance acts where there is a text",
  )
  .option("--speed <mps>", "for a video, which has no ego motion: steady speed", number(0, 100), 10)
  .action(
    action<DriveCommandOptions, [string, string]>(
      "model drive",
      async (context, options, folder, source): Promise<Outcome> => {
        const { driveOnce } = await import("../../actions/model-drive.ts");
        return driveOnce(resolve(folder), resolve(source), options, context);
      },
    ),
  );
