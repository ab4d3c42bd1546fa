#!/usr/bin/env node
// The list of commands is data, so that `causeway --help` needs neither the TypeScript loader nor any package:
// the loader alone costs more than the whole answer.
import { readFileSync } from "node:fs";

const args = process.argv.slice(2);
const here = new URL("../", import.meta.url);
const readJson = (path) => JSON.parse(readFileSync(new URL(path, here), "utf8"));

if (args.length === 0 || args[0] === "--help" || args[0] === "-h" || args[0] === "help") {
  const { about, commands, examples } = readJson("src/commands.json");
  if (args[0] === "help" && commands.some((c) => c.name === args[1])) {
    process.argv.splice(2, 2, args[1], "--help");
    await load();
  } else {
    const left = commands.map((c) => `${c.name} ${c.args}`.trim());
    const width = Math.max(...left.map((text) => text.length)) + 2;
    const rows = commands.map((c, i) => `  ${left[i].padEnd(width)}${c.summary}`);
    const lines = ["Usage: causeway <command> [options]", "", about, "", "Commands:", ...rows];
    lines.push("", "Every command takes --help, --json, --dry-run and --debug.");
    lines.push("", "Examples:", ...examples.map((e) => `  $ ${e}`));
    console.log(lines.join("\n"));
  }
} else if (args[0] === "--version" || args[0] === "-V") {
  console.log(readJson("package.json").version);
} else {
  await load();
}

async function load() {
  const { register } = await import("tsx/esm/api");
  register();
  await import("../src/main.ts");
}
