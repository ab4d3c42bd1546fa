import { action } from "../../command.ts";
import { createScoreCommand, type ScoreOptions } from "../../score/options.ts";

interface Options extends ScoreOptions {
  readonly judge: string;
}

export const command = createScoreCommand(
  "caption",
  "Caption driving clips in fifteen fields and let another model judge each field against the human label.",
  [
    "causeway score caption eval.jsonl --media eval/videos --judge openai:gpt-5 --out scores/base",
    "causeway score caption eval.jsonl --replies captions.jsonl --judge openai:gpt-5 --out scores/tuned",
    "causeway score compare scores/base scores/tuned --html compare.html",
  ],
)
  .requiredOption("--judge <spec>", "the model that judges (text only): openai:NAME@URL or fake")
  .argument(
    "<data>",
    'entries of {"id", "video", "label": {fields}, "caption"} (JSON or JSON Lines)',
  )
  .action(
    action<Options, [string]>("score caption", async (context, options, data) => {
      const { runBenchmark } = await import("../../score/run-benchmark.ts");
      const { captionBenchmark } = await import("../../score/benchmarks.ts");
      const { openJudge } = await import("../../score/judge-model.ts");
      const judge = await openJudge(context.isDryRun ? "fake" : options.judge);
      return runBenchmark(context, options, data, captionBenchmark(judge));
    }),
  );
