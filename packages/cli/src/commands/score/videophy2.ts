import { action } from "../../command.ts";
import { createScoreCommand, type ScoreOptions } from "../../score/options.ts";

interface Options extends ScoreOptions {
  readonly balance?: boolean;
}

export const command = createScoreCommand(
  "videophy2",
  "Score physics scores against human scores.",
  [
    "causeway score videophy2 videophy2_test.csv --media videos --fps 16 --out scores/videophy2",
    "causeway score videophy2 videophy2_train.jsonl --balance --limit 500",
  ],
)
  .option("--balance", "as many items of each human score as the rarest one has")
  .argument(
    "<data>",
    "rows with video_url or video, and pc, the human score 1 to 5 (CSV, JSON or JSON Lines)",
  )
  .action(
    action<Options, [string]>("score videophy2", async (context, options, data) => {
      const { runBenchmark } = await import("../../score/run-benchmark.ts");
      const { balanced, scoreBenchmark } = await import("../../score/benchmarks.ts");
      const benchmark = scoreBenchmark();
      return runBenchmark(
        context,
        options,
        data,
        options.balance === true ? balanced(benchmark, options.seed ?? 42) : benchmark,
      );
    }),
  );
