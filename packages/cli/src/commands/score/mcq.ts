import { action } from "../../command.ts";
import { createScoreCommand, type ScoreOptions } from "../../score/options.ts";

export const command = createScoreCommand("mcq", "Score multiple-choice answers.", [
  "causeway score mcq av_benchmark_qa_pairs.json --out scores/av",
  "causeway score mcq av_benchmark_qa_pairs.json --reasoning --retries 10 --fps 4 --out scores/av-thinking",
  "causeway score mcq av_benchmark_qa_pairs.json --replies replies.jsonl",
  "causeway score mcq data/benchmark --out scores/all             # every SET/SET_benchmark_qa_pairs.json, micro and macro",
])
  .argument(
    "<data>",
    'JSON list of {"video", "qa_pairs": {"question", "index2ans": {"A": …}, "answer"} or a list of them}, or a folder with one folder per set',
  )
  .action(
    action<ScoreOptions, [string]>("score mcq", async (context, options, data) => {
      const { runBenchmark } = await import("../../score/run-benchmark.ts");
      const { choiceBenchmark } = await import("../../score/benchmarks.ts");
      return runBenchmark(context, options, data, choiceBenchmark());
    }),
  );
