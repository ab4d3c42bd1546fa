import type { ModelQuantizeOptions } from "../../actions/model-quantize.ts";
import { action, createCommand, type Outcome } from "../../command.ts";

export const command = createCommand(
  "quantize",
  "Round the linear layers of a model folder to 4 or 8 bits per block, and measure what that changes.",
  [
    "causeway model quantize ./Cosmos-Reason2-2B --out ./cosmos-int4 --texts captions.txt",
    "causeway model quantize ./model --out ./int4 --method awq --calibration train.txt --texts held-out.txt",
    "causeway model quantize ./model --out ./int8 --bits 8 --head-bits 8 --dry-run",
  ],
)
  .argument("<folder>", "Qwen3-VL or Alpamayo model folder")
  .requiredOption("--out <folder>", "quantised folder; must not exist")
  .option("--bits <n>", "4 or 8", "4")
  .option("--block <n>", "inputs that share a scale: 16, 32, 64, 128 or 256", "32")
  .option("--symmetric", "no zero points: smaller and a little coarser")
  .option("--method <name>", "rtn (round to nearest) or awq (activation-aware scaling)", "rtn")
  .option("--calibration <file>", "texts for awq, one a line")
  .option("--texts <file>", "texts to measure logits and perplexity on, one a line")
  .option("--head-bits <n>", "also quantise the output head, to 8 bits")
  .option(
    "--exclude <pattern...>",
    "weights that stay as they are, beside the vision tower, the head, embeddings and action layers; * stands for any text",
  )
  .action(
    action<ModelQuantizeOptions, [string]>("model quantize", async (...given): Promise<Outcome> => {
      const { quantizeModel } = await import("../../actions/model-quantize.ts");
      return quantizeModel(...given);
    }),
  );
