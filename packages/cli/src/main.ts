/** Loads the one subcommand that was asked for and hands it the rest of the line. `bin/causeway.mjs` answers --help. */
import { closest } from "./suggest.ts";
import commandList from "./commands.json" with { type: "json" };
import type { Command } from "commander";

/** One file per command; only the one in use is imported. */
const loaders: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  run: () => import("./commands/run.ts"),
  sim: () => import("./commands/sim.ts"),
  import: () => import("./commands/import.ts"),
  inspect: () => import("./commands/inspect.ts"),
  curate: () => import("./commands/curate.ts"),
  label: () => import("./commands/label.ts"),
  verify: () => import("./commands/verify.ts"),
  review: () => import("./commands/review.ts"),
  export: () => import("./commands/export.ts"),
  reason: () => import("./commands/reason.ts"),
  plan: () => import("./commands/plan.ts"),
  train: () => import("./commands/train.ts"),
  eval: () => import("./commands/eval.ts"),
  reward: () => import("./commands/reward.ts"),
  score: () => import("./commands/score.ts"),
  report: () => import("./commands/report.ts"),
  model: () => import("./commands/model.ts"),
};

const [name = "", ...rest] = process.argv.slice(2);
const load = loaders[name];
if (load === undefined) {
  const names = commandList.commands.map((c) => c.name);
  const guess = closest(name, names);
  const hint = guess === null ? "" : ` Did you mean "${guess}"?`;
  process.stderr.write(`causeway: unknown command "${name}". Known: ${names.join(", ")}.${hint}\n`);
  process.exitCode = 1;
} else {
  const { command } = await load();
  await command.name(`causeway ${name}`).parseAsync(rest, { from: "user" });
}
