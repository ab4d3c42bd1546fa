import type { ModelBenchOptions } from "../../actions/model-bench.ts";
import { action, createCommand, type Outcome, wholeNumber } from "../../command.ts";

export const command = createCommand(
  "bench",
  "Speed and memory of a released shape with random quantised weights, beside what the machine can do at most.",
  [
    "causeway model bench --shape cosmos-reason2-2b --random --dtype int4",
    "causeway model bench --shape alpamayo-r1 --random --dtype int4 --block 128 --json",
  ],
)
  .requiredOption("--shape <name>", "cosmos-reason2-2b, cosmos-reason2-8b or alpamayo-r1")
  .option("--random", "random weights, made straight as codes (the only kind so far)", true)
  .option("--dtype <name>", "int4 or int8", "int4")
  .option("--block <n>", "inputs that share a scale: 16, 32, 64, 128 or 256", "64")
  .option("--prompt <n>", "text tokens of the prompt", wholeNumber(8, 8192), 256)
  .option("--image <side>", "pixels of the picture's side, 0 for none", wholeNumber(0, 1024), 384)
  .option("--tokens <n>", "tokens to decode", wholeNumber(4, 4096), 32)
  .option("--threads <n>", "threads of one operator", wholeNumber(1, 64), 2)
  .option("--work <folder>", "where the weights are written and deleted again (default: system's)")
  .action(
    action<ModelBenchOptions, []>("model bench", async (...given): Promise<Outcome> => {
      const { benchModel } = await import("../../actions/model-bench.ts");
      return benchModel(...given);
    }),
  );
