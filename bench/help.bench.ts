/**
 * Cold start of `causeway --help` and of a subcommand's help, in fresh processes. Prints one JSON line.
 *
 *   npx tsx bench/help.bench.ts [--rounds 10]
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "10" } } });
const rounds = Number(values.rounds);
const entry = fileURLToPath(new URL("../packages/cli/bin/causeway.mjs", import.meta.url));

function timeMs(args: readonly string[]): number {
  const start = performance.now();
  const text = execFileSync(process.execPath, [entry, ...args], { encoding: "utf8" });
  const ms = performance.now() - start;
  if (!text.startsWith("Usage: causeway")) throw new Error(`no help: ${text.slice(0, 80)}`);
  return ms;
}
const median = (list: number[]): number =>
  [...list].sort((a, b) => a - b)[list.length >> 1] as number;

const top: number[] = [];
const sub: number[] = [];
for (let i = 0; i < rounds; i++) {
  top.push(timeMs(["--help"]));
  sub.push(timeMs(["run", "--help"]));
}
console.log(
  JSON.stringify({
    helpMs: Math.round(median(top)),
    runHelpMs: Math.round(median(sub)),
    node: process.versions.node,
  }),
);
