import { action, type CommonOptions, createCommand, wholeNumber } from "../../command.ts";

export interface GeometryOptions extends CommonOptions {
  readonly matches?: string;
  readonly mosaic?: boolean;
  readonly maxFrames: number;
  readonly maxShift: number;
  readonly threshold: number;
  readonly seed: number;
  readonly out?: string;
  readonly title?: string;
}

export const command = createCommand(
  "geometry",
  "Sampson distances of generated video: over time and across views.",
  [
    "causeway score geometry videos/ --out scores/geometry",
    "causeway score geometry rig.mp4 --mosaic",
    "causeway score geometry --matches matches.jsonl",
  ],
)
  .argument("[inputs...]", "videos, folders of videos, folders of frames")
  .option(
    "--matches <file>",
    'JSON Lines of {"id", "kind": "temporal" or "cross", "view", "p0": [[x, y], …], "p1"}, in order of time',
  )
  .option("--mosaic", "frames are 3 x 2 views; the upper row is left, front, right")
  .option("--max-frames <n>", "neighbouring frames from the beginning", wholeNumber(2, 100_000), 60)
  .option("--max-shift <px>", "farthest that a point may move between frames", Number, 120)
  .option(
    "--threshold <px>",
    "distance from the epipolar line within which a match fits",
    Number,
    3,
  )
  .option("--seed <n>", "of the random samples", wholeNumber(0, 0xffffffff), 0)
  .option("--title <text>", "title of the report")
  .option("--out <folder>", "score.json, items.jsonl and report.html go here")
  .action(
    action<GeometryOptions, [readonly string[] & string]>(
      "score geometry",
      async (context, options, inputs) => {
        const { scoreGeometry } = await import("../../score/geometry.ts");
        return scoreGeometry(context, options, inputs);
      },
    ),
  );
