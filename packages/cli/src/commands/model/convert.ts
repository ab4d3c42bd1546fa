import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { action, type CommonOptions, createCommand, type Outcome } from "../../command.ts";
import { number } from "./chat.ts";

const types = { f32: "F32", f16: "F16", bf16: "BF16" } as const;

export interface ConvertOptions extends CommonOptions {
  readonly out: string;
  readonly dtype?: (typeof types)[keyof typeof types];
  readonly shardGb: number;
  readonly mergeLora?: string;
  readonly part?: "vlm";
}

export const command = createCommand(
  "convert",
  "Writes a model folder again: in another number type, in one file or shards, with a LoRA adapter merged in, or the language model of a driving model alone. Weights pass through one at a time.",
  [
    "causeway model convert ./Cosmos-Reason2-2B --dtype bf16 --out ./reason-bf16",
    "causeway model convert ./Cosmos-Reason2-2B --merge-lora ./adapter --out ./merged",
    "causeway model convert ./driver --part vlm --out ./driver-vlm",
  ],
)
  .argument("<folder>", "a Qwen3-VL or driving model folder")
  .requiredOption("--out <folder>", "where the new folder goes; must not exist or be empty")
  .option(
    "--dtype <type>",
    `${Object.keys(types).join(", ")} (default: as it is; 8-bit floats become bf16)`,
    (text: string) => {
      const type = types[text as keyof typeof types];
      if (type === undefined)
        throw new InvalidArgumentError(`known: ${Object.keys(types).join(", ")}.`);
      return type;
    },
  )
  .option("--shard-gb <n>", "largest file, gigabytes", number(0.000_001, 1000), 5)
  .option("--merge-lora <folder>", "a LoRA adapter (PEFT) to merge in")
  .option("--part <name>", 'only a part: "vlm"', (text: string) => {
    if (text !== "vlm") throw new InvalidArgumentError('known: "vlm".');
    return text;
  })
  .action(
    action<ConvertOptions, [string]>(
      "model convert",
      async (context, options, folder): Promise<Outcome> => {
        const { convertModel } = await import("../../actions/model-convert.ts");
        return convertModel(resolve(folder), options, context);
      },
    ),
  );
