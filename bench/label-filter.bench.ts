/**
 * The consistency filter on simulator truth: false rejects of true labels, recall per planted fault, with and without the
 * recording's own truth of the scene: `npx tsx bench/label-filter.bench.ts [SEEDS]`.
 */
import { rateOf } from "@causeway/label";
import { judge, measureFaults, trueCases } from "../test/filter-faults.ts";

const numSeeds = Number(process.argv[2] ?? 12);
const cases = await trueCases(
  Array.from({ length: numSeeds }, (_, i) => 100 + i),
  1.7,
);
const text = (count: number, of: number): string => {
  const { rate, low, high } = rateOf(count, of);
  const percent = (v: number | null) => ((v ?? Number.NaN) * 100).toFixed(1);
  return `${percent(rate)} % [${percent(low)}, ${percent(high)}] (${count} of ${of})`;
};
for (const withScene of [true, false]) {
  const verdicts = cases.map((c) => judge(c, c.label, withScene));
  const errors = verdicts.filter((v) => v.outcome === "error").length;
  const coverage = verdicts.reduce((sum, v) => sum + v.coverage, 0) / verdicts.length;
  const sensitive = verdicts.filter((v) => v.isSensitive).length;
  console.log(
    `\n${withScene ? "with" : "without"} the truth of the scene, ${cases.length} true labels`,
  );
  console.log(`true labels called errors: ${text(errors, cases.length)}`);
  console.log(
    `mean coverage ${coverage.toFixed(2)}, hangs on a threshold: ${text(sensitive, cases.length)}`,
  );
  for (const { fault, planted, found } of measureFaults(cases, withScene))
    console.log(`${fault}: ${text(found, planted)}`);
}
