import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import {
  action,
  type CommonOptions,
  createCommand,
  type Outcome,
  wholeNumber,
} from "../../command.ts";

export interface ChatOptions extends CommonOptions {
  readonly prompt?: string;
  readonly system?: string;
  readonly image: readonly string[];
  readonly video: readonly string[];
  readonly adapter?: string;
  readonly fps?: number;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
  readonly presencePenalty?: number;
  readonly seed: number;
  readonly stop: readonly string[];
  readonly speed?: number;
  readonly backbone?: string;
}

export const number =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= low && value <= high))
      throw new InvalidArgumentError(`${text} is not a number from ${low} to ${high}.`);
    return value;
  };
const several = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export const command = createCommand(
  "chat",
  "Answers about text, pictures and videos in the terminal, as it is written; reasoning is dimmed. Without --prompt it reads questions line by line.",
  [
    'causeway model chat ./Cosmos-Reason2-2B --video clip.mp4 --prompt "Is it safe to turn right?"',
    "causeway model chat ./Cosmos-Reason2-2B --image a.jpg --image b.jpg",
    "causeway model chat runs/quickstart --video clip.mp4 --prompt caption",
  ],
)
  .argument(
    "<folder>",
    "a Qwen3-VL (Cosmos-Reason2) or driving model folder, a run folder, or nano: the backbone that ships",
  )
  .option("--prompt <text>", "one question; standard input when it is not a terminal")
  .option("--system <text>", "system text")
  .option("--image <file>", "a picture (JPEG, PNG, WebP); again for more", several, [])
  .option("--video <file>", "a video; again for more", several, [])
  .option("--adapter <folder>", "a LoRA adapter (PEFT) to merge in")
  .option("--backbone <folder>", "of an Alpamayo release: folder of its backbone")
  .option("--fps <n>", "frames per second to look at (default: the model's own)", number(0.1, 60))
  .option("--max-tokens <n>", "longest answer", wholeNumber(1, 65_536), 1024)
  .option("--temperature <t>", "0 takes the most likely token", number(0, 10))
  .option("--top-p <p>", "nucleus", number(1e-6, 1))
  .option("--top-k <k>", "0 keeps all", wholeNumber(0, 1_000_000))
  .option("--repetition-penalty <x>", "1 changes nothing", number(0.01, 10))
  .option("--presence-penalty <x>", "0 changes nothing", number(-10, 10))
  .option("--seed <n>", "same seed, same answer", wholeNumber(0, 2 ** 31), 0)
  .option("--stop <text>", "end before this text; again for more", several, [])
  .option("--speed <mps>", "driving models: speed that the car comes with", number(0, 100))
  .action(
    action<ChatOptions, [string]>(
      "model chat",
      async (context, options, folder): Promise<Outcome> => {
        const { chat } = await import("../../actions/model-chat.ts");
        return chat(resolve(folder), options, context);
      },
    ),
  );
