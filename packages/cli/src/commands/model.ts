/**
 * The group `causeway model …`: one row and one file in `commands/model/` per subcommand.
 * Rows are data, so that the group's help loads none of them.
 */
import { Command } from "commander";
import { closest } from "../suggest.ts";

interface Subcommand {
  readonly name: string;
  readonly args: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

const subcommands: readonly Subcommand[] = [
  {
    name: "inspect",
    args: "<folder>",
    summary: "architecture, parameters per module, types, vocabulary map, lineage",
    load: () => import("./model/inspect.ts"),
  },
  {
    name: "convert",
    args: "<folder>",
    summary: "another number type, shards, an adapter merged in, the language model alone",
    load: () => import("./model/convert.ts"),
  },
  {
    name: "chat",
    args: "<folder>",
    summary: "answers about text, pictures and videos",
    load: () => import("./model/chat.ts"),
  },
  {
    name: "drive",
    args: "<folder> <source>",
    summary: "chain of causation and trajectories for one moment",
    load: () => import("./model/drive.ts"),
  },
  {
    name: "quantize",
    args: "<folder>",
    summary: "linear layers in 4 or 8 bits, with the change of logits and perplexity",
    load: () => import("./model/quantize.ts"),
  },
  {
    name: "bench",
    args: "",
    summary: "speed and memory of a released shape, beside the machine's limits",
    load: () => import("./model/bench.ts"),
  },
];

const examples = ["causeway model inspect ./Cosmos-Reason2-2B"];

function helpText(): string {
  const left = subcommands.map(({ name, args }) => `${name} ${args}`.trim());
  const width = Math.max(...left.map((text) => text.length)) + 2;
  return [
    "Usage: causeway model <subcommand> [options]",
    "",
    "Model folders in the Hugging Face layout: look at them, convert them, talk to them, drive with them.",
    "",
    "Subcommands:",
    ...subcommands.map(({ summary }, i) => `  ${(left[i] as string).padEnd(width)}${summary}`),
    "",
    "Examples:",
    ...examples.map((e) => `  $ ${e}`),
  ].join("\n");
}

export const command = new Command("model")
  .helpOption(false)
  .allowUnknownOption()
  .allowExcessArguments()
  .argument("[subcommand]")
  .argument("[rest...]")
  .action(async () => {
    const [name = "--help", ...rest] = command.args;
    if (["--help", "-h", "help"].includes(name) && rest.length === 0) {
      console.log(helpText());
      return;
    }
    const [wanted, args] = name === "help" ? [rest[0] as string, ["--help"]] : [name, rest];
    const found = subcommands.find((s) => s.name === wanted);
    if (found === undefined) {
      const names = subcommands.map((s) => s.name);
      const guess = closest(wanted, names);
      const hint = guess === null ? "" : ` Did you mean "${guess}"?`;
      process.stderr.write(
        `causeway model: unknown subcommand "${wanted}". Known: ${names.join(", ")}.${hint}\n`,
      );
      process.exitCode = 1;
      return;
    }
    const sub = (await found.load()).command;
    await sub.name(`causeway model ${found.name}`).parseAsync(args, { from: "user" });
  });
