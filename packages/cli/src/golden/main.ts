/**
 * `npm run golden -- DIR [DIR…]`: one JSON line per case on stdout, then `N passed, N failed`.
 * Exit code 0 when nothing failed, 1 when something did or there was nothing to run, 2 for wrong usage.
 * Cases that no topic recognises have `"passed": null` and are named on stderr; they count as neither.
 */
import { stat } from "node:fs/promises";
import { loadTopics } from "./registry.ts";
import { runGoldens } from "./runner.ts";

const roots = process.argv.slice(2);
if (roots.length === 0 || roots.some((r) => r.startsWith("-"))) {
  console.error(
    "usage: npm run golden -- DIR [DIR…]   (every folder below DIR with a case.json is run)",
  );
  process.exit(roots.some((r) => r === "--help" || r === "-h") ? 0 : 2);
}
for (const root of roots) {
  const info = await stat(root).catch(() => null);
  if (info === null || !info.isDirectory()) {
    console.error(`golden: not a folder: ${root}. Give folders that hold case.json files.`);
    process.exit(2);
  }
}

const unknown = new Map<string, number>();
const totals = await runGoldens(roots, await loadTopics(), (line) => {
  console.log(JSON.stringify(line));
  if (line.passed === null) unknown.set(line.topic, (unknown.get(line.topic) ?? 0) + 1);
});
if (unknown.size > 0) {
  const names = [...unknown].map(([topic, count]) => `${topic} (${count})`).join(", ");
  console.error(`golden: not run: ${names}`);
}
if (totals.passed + totals.failed + totals.notRun === 0)
  console.error("golden: no case.json found");
console.log(`${totals.passed} passed, ${totals.failed} failed`);
// `exitCode`, not `exit`: stdout may still be a full pipe.
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
