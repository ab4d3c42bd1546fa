import { InvalidArgumentError } from "commander";
import { action, type CommonOptions, createCommand, wholeNumber } from "../../command.ts";

const kinds = ["pictures", "depth", "instances", "classes"] as const;

export interface FramesOptions extends CommonOptions {
  readonly kind: (typeof kinds)[number];
  readonly mask?: string;
  readonly invertMask?: boolean;
  readonly resize?: boolean;
  readonly maxFrames: number;
  readonly blurKernel: number;
  readonly blurSigma: number;
  readonly cannyLow: number;
  readonly cannyHigh: number;
  readonly out?: string;
  readonly title?: string;
}

const kind = (text: string): FramesOptions["kind"] => {
  const found = kinds.find((k) => k === text);
  if (found === undefined)
    throw new InvalidArgumentError(`${text} is not one of ${kinds.join(", ")}.`);
  return found;
};

export const command = createCommand(
  "frames",
  "Compare generated pictures or videos with real ones, joined by name.",
  [
    "causeway score frames generated/ real/ --out scores/frames",
    "causeway score frames generated/ real/ --mask foreground/ --out scores/foreground",
    "causeway score frames depth-generated/ depth-real/ --kind depth",
    "causeway score frames masks-generated/ masks-real/ --kind instances",
  ],
)
  .argument("<predicted>", "a file, or a folder of pictures, videos and folders of frames")
  .argument("<truth>", "the same of the real ones")
  .option(
    "--kind <what>",
    "pictures (blur-SSIM, SSIM, PSNR, Canny F1), depth (scale-invariant), instances (IoU, optimal assignment), classes (mIoU)",
    kind,
    "pictures",
  )
  .option("--mask <path>", "what counts: pixels that are not 0, of the same name")
  .option("--invert-mask", "what counts: pixels that are 0")
  .option("--resize", "resize generated pictures to the real size instead of refusing them")
  .option("--max-frames <n>", "frames of a video, evenly spaced", wholeNumber(1, 100_000), 100)
  .option("--blur-kernel <px>", "side of the blur of blur-SSIM, odd", wholeNumber(1, 255), 11)
  .option("--blur-sigma <px>", "its sigma", Number, 3)
  .option("--canny-low <n>", "lower threshold of edges", Number, 100)
  .option("--canny-high <n>", "upper threshold of edges", Number, 200)
  .option("--title <text>", "title of the report")
  .option("--out <folder>", "score.json, items.jsonl and report.html go here")
  .action(
    action<FramesOptions, [string, string]>(
      "score frames",
      async (context, options, predicted, truth) => {
        const { scoreFrames } = await import("../../score/frame-metrics.ts");
        return scoreFrames(context, options, predicted, truth);
      },
    ),
  );
