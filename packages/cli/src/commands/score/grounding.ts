import { action } from "../../command.ts";
import { UserError } from "../../errors.ts";
import { createScoreCommand, type ScoreOptions } from "../../score/options.ts";

interface Options extends ScoreOptions {
  readonly kind: string;
  readonly iou: string;
}

export const command = createScoreCommand("grounding", "Score boxes in pictures or in space.", [
  "causeway score grounding boxes.jsonl --out scores/boxes",
  "causeway score grounding cars.jsonl --kind 3d --iou rotated --out scores/cars",
])
  .option(
    "--kind <2d|3d>",
    "boxes in pixels (bbox_2d) or in metres in the camera's frame (bbox_3d)",
    "2d",
  )
  .option("--iou <how>", "3d: rotated, or aligned as the published evaluation has it", "rotated")
  .argument(
    "<data>",
    'entries of {"id", "image", "object", "boxes": [{"label", "bbox_2d" or "bbox_3d"}]}',
  )
  .action(
    action<Options, [string]>("score grounding", async (context, options, data) => {
      const { kind, iou } = options;
      if (kind !== "2d" && kind !== "3d")
        throw new UserError("OPTION", `--kind is "${kind}"; expected 2d or 3d`);
      if (iou !== "rotated" && iou !== "aligned")
        throw new UserError("OPTION", `--iou is "${iou}"; expected rotated or aligned`);
      const { runBenchmark } = await import("../../score/run-benchmark.ts");
      const { groundingBenchmark } = await import("../../score/benchmarks.ts");
      return runBenchmark(context, options, data, groundingBenchmark(kind, iou === "rotated"));
    }),
  );
