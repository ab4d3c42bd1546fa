/** `causeway score compare`: reads two evaluations, compares by id, writes the page. */
import { basename, join, relative, resolve } from "node:path";
import {
  compareRuns,
  renderComparison,
  type ScoredRun,
  type ScoreSheet,
  type SheetItem,
} from "@causeway/eval/judged";
import type { CommandContext, Outcome } from "../command.ts";
import { UserError } from "../errors.ts";
import { writeAtomic } from "../pipeline/atomic-file.ts";
import { readJsonFile } from "../read-json.ts";
import { readEntries } from "./data-file.ts";
import { framesOf } from "./frames.ts";

export async function readScoredRun(folder: string): Promise<ScoredRun> {
  const sheet = await readJsonFile<ScoreSheet>(join(folder, "score.json"));
  if (sheet === null)
    throw new UserError(
      "PATH",
      `no evaluation here; expected score.json, which \`causeway score\` writes with --out (${folder})`,
    );
  if (sheet.schema !== "causeway-score/1")
    throw new UserError(
      "FORMAT",
      `score.json has schema ${JSON.stringify(sheet.schema)}; expected "causeway-score/1" (${folder})`,
    );
  const { entries, problems } = await readEntries(join(folder, "items.jsonl"));
  if (problems[0] !== undefined)
    throw new UserError(
      "FORMAT",
      `items.jsonl ${problems[0].where}: ${problems[0].problem}. Run the evaluation again (${folder})`,
    );
  return { sheet, items: entries as SheetItem[] };
}

export async function compareScores(
  context: CommandContext,
  options: { readonly html?: string; readonly names?: string },
  a: string,
  b: string,
): Promise<Outcome> {
  const runs = [await readScoredRun(resolve(a)), await readScoredRun(resolve(b))] as const;
  const given = options.names?.split(",") ?? [];
  const names = [given[0] ?? basename(resolve(a)), given[1] ?? basename(resolve(b))] as const;
  const comparison = compareRuns(...runs);
  let page: string | null = null;
  if (options.html !== undefined) {
    const { frames } = await framesOf(runs[0].items, 60);
    page = renderComparison(comparison, ...runs, names, frames);
    if (!context.isDryRun) await writeAtomic(resolve(options.html), page);
  }
  const width = Math.max(...comparison.series.map((s) => s.key.length), names[0].length);
  const number = (v: number | null, isSigned = false) =>
    v === null ? "–" : `${isSigned && v > 0 ? "+" : ""}${v.toFixed(3)}`;
  const { onlyInA, onlyInB, paired } = comparison;
  return {
    data: comparison,
    text: [
      `${runs[0].sheet.title}: ${paired} items in both${comparison.isSynthetic ? " (SYNTHETIC)" : ""}`,
      `  ${"".padEnd(width)}  ${names[0].padStart(10)}  ${names[1].padStart(10)}  difference [95 %]`,
      ...comparison.series.map((s) => {
        const range = s.difference.interval?.map((v) => number(v, true)).join(", ");
        return `  ${s.key.padEnd(width)}  ${number(s.a.value).padStart(10)}  ${number(s.b.value).padStart(10)}  ${number(s.difference.value, true)}${range === undefined ? "" : ` [${range}]`}  better ${s.better}, equal ${s.equal}, worse ${s.worse}`;
      }),
      ...(onlyInA.length > 0
        ? [`only in ${names[0]}: ${onlyInA.length} (${onlyInA.slice(0, 3).join(", ")})`]
        : []),
      ...(onlyInB.length > 0
        ? [`only in ${names[1]}: ${onlyInB.length} (${onlyInB.slice(0, 3).join(", ")})`]
        : []),
      ...comparison.differences.map(([k, x, y]) => `setting ${k}: ${x} / ${y}`),
      ...(page === null || context.isDryRun
        ? []
        : [`page: ${relative(process.cwd(), resolve(options.html as string))}`]),
    ].join("\n"),
  };
}
