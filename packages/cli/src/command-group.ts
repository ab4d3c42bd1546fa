/** A command with subcommands, such as `causeway score …`: rows are data, so that the group's help loads none of them. */
import { Command } from "commander";
import { closest } from "./suggest.ts";

export interface Subcommand {
  readonly name: string;
  readonly args: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

export interface CommandGroup {
  readonly name: string;
  readonly about: string;
  readonly subcommands: readonly Subcommand[];
  readonly examples: readonly string[];
}

function helpText({ name, about, subcommands, examples }: CommandGroup): string {
  const left = subcommands.map((s) => `${s.name} ${s.args}`.trim());
  const width = Math.max(...left.map((text) => text.length)) + 2;
  return [
    `Usage: causeway ${name} <subcommand> [options]`,
    "",
    about,
    "",
    "Subcommands:",
    ...subcommands.map(({ summary }, i) => `  ${(left[i] as string).padEnd(width)}${summary}`),
    "",
    "Examples:",
    ...examples.map((e) => `  $ ${e}`),
  ].join("\n");
}

export function createGroup(group: CommandGroup): Command {
  const command = new Command(group.name)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[subcommand]")
    .argument("[rest...]")
    .action(async () => {
      const [name = "--help", ...rest] = command.args;
      if (["--help", "-h", "help"].includes(name) && rest.length === 0) {
        console.log(helpText(group));
        return;
      }
      const [wanted, args] = name === "help" ? [rest[0] as string, ["--help"]] : [name, rest];
      const found = group.subcommands.find((s) => s.name === wanted);
      if (found === undefined) {
        const names = group.subcommands.map((s) => s.name);
        const guess = closest(wanted, names);
        const hint = guess === null ? "" : ` Did you mean "${guess}"?`;
        process.stderr.write(
          `causeway ${group.name}: unknown subcommand "${wanted}". Known: ${names.join(", ")}.${hint}\n`,
        );
        process.exitCode = 1;
        return;
      }
      const sub = (await found.load()).command;
      await sub.name(`causeway ${group.name} ${found.name}`).parseAsync(args, { from: "user" });
    });
  return command;
}
