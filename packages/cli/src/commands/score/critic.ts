import { action, wholeNumber } from "../../command.ts";
import { createScoreCommand, type ScoreOptions } from "../../score/options.ts";

interface Options extends ScoreOptions {
  readonly trials: number;
}

export const command = createScoreCommand(
  "critic",
  "Look for artefacts in generated videos, several times each.",
  ["causeway score critic videos.json --trials 4 --fps 16 --out scores/critic"],
)
  .option(
    "--trials <n>",
    "questions per video; the score is the share without artefact",
    wholeNumber(1, 64),
    4,
  )
  .argument(
    "<data>",
    "JSON list of video paths; PROMPT_seedN.mp4 of one PROMPT compete for best of N",
  )
  .action(
    action<Options, [string]>("score critic", async (context, options, data) => {
      const { runBenchmark } = await import("../../score/run-benchmark.ts");
      const { criticBenchmark } = await import("../../score/benchmarks.ts");
      return runBenchmark(context, options, data, criticBenchmark(options.trials));
    }),
  );
