import { action, type CommonOptions, createCommand, wholeNumber } from "../../command.ts";

export interface DistanceOptions extends CommonOptions {
  readonly network?: string;
  readonly features?: boolean;
  readonly video?: boolean;
  readonly size: number;
  readonly frames: number;
  readonly scale: string;
  readonly mean?: string;
  readonly std?: string;
  readonly output?: string;
  readonly out?: string;
  readonly title?: string;
}

export const command = createCommand(
  "distance",
  "Fréchet distance (FID, FVD) with features of a network that you supply.",
  [
    "causeway score distance generated/ real/ --network inception.onnx --size 299 --scale unit",
    "causeway score distance generated/ real/ --video --network i3d.onnx --size 224 --frames 16 --scale unit",
    "causeway score distance generated.jsonl real.jsonl --features",
  ],
)
  .argument(
    "<generated>",
    "folder of pictures or videos, or with --features JSON Lines of feature vectors",
  )
  .argument("<real>", "the same of the real ones")
  .option(
    "--network <file>",
    "ONNX network, [N, 3, H, W] (with --video [N, 3, T, H, W]) to features",
  )
  .option("--output <name>", "which of its outputs (default: the first)")
  .option("--features", "the inputs are feature vectors already")
  .option("--video", "a clip at a time (FVD) instead of a frame at a time (FID)")
  .option("--size <px>", "side to which frames are resized, bilinear", wholeNumber(8, 4096), 224)
  .option(
    "--frames <n>",
    "frames per file, evenly spaced; with --video the clip's length",
    wholeNumber(1, 4096),
    16,
  )
  .option(
    "--scale <how>",
    "what the network takes: unit (0 to 1), signed (-1 to 1) or byte (0 to 255)",
    "unit",
  )
  .option("--mean <r,g,b>", "subtracted after scaling")
  .option("--std <r,g,b>", "divided by afterwards")
  .option("--title <text>", "title of the report")
  .option("--out <folder>", "score.json and report.html go here")
  .action(
    action<DistanceOptions, [string, string]>(
      "score distance",
      async (context, options, generated, real) => {
        const { scoreDistance } = await import("../../score/distance.ts");
        return scoreDistance(context, options, generated, real);
      },
    ),
  );
