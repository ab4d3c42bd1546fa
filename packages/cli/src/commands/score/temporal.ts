import { action } from "../../command.ts";
import { createScoreCommand, type ScoreOptions } from "../../score/options.ts";

export const command = createScoreCommand(
  "temporal",
  "Score the times at which steps end, over all episodes.",
  ["causeway score temporal episodes.jsonl --fps 8 --out scores/temporal"],
)
  .argument("<data>", 'episodes of {"id", "video", "fps", "ends": [secs, …], "captions": […]}')
  .action(
    action<ScoreOptions, [string]>("score temporal", async (context, options, data) => {
      const { runBenchmark } = await import("../../score/run-benchmark.ts");
      const { temporalBenchmark } = await import("../../score/benchmarks.ts");
      return runBenchmark(context, options, data, temporalBenchmark());
    }),
  );
