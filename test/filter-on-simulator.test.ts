/**
 * The consistency filter is measured on simulator truth: at least 95 % of each planted fault is found and at most 3 % of the
 * true labels are called errors. `bench/label-filter.bench.ts` measures the same on more drives.
 */
import { beforeAll, expect, test } from "vitest";
import { rateOf } from "@causeway/label";
import { type FaultRow, judge, measureFaults, trueCases, type TrueCase } from "./filter-faults.ts";

let cases: TrueCase[] = [];
beforeAll(async () => {
  cases = await trueCases([100, 101, 102, 103], 1.7);
});

test("true labels are left alone", () => {
  expect(cases.length).toBeGreaterThan(400);
  const errors = cases.filter((c) => judge(c, c.label, true).outcome === "error").length;
  expect(errors / cases.length).toBeLessThanOrEqual(0.03);
});

test("planted faults are found, each kind", () => {
  const rows = measureFaults(cases, true);
  const text = (r: FaultRow) => `${r.fault}: ${r.found} of ${r.planted}`;
  // Few of a kind: the bar is on what the sample can still show.
  expect(rows.filter((r) => r.planted < 5).map(text)).toEqual([]);
  expect(rows.filter((r) => (rateOf(r.found, r.planted).rate ?? 0) < 0.95).map(text)).toEqual([]);
});

test("without the truth of the scene, what words and motion can tell is still found", () => {
  const rows = new Map(measureFaults(cases, false).map((r) => [r.fault, r.found / r.planted]));
  for (const fault of [
    "flipped direction: turn",
    "future leak: in the words",
    "wrong actor: cites another one",
  ])
    expect(rows.get(fault), fault).toBeGreaterThanOrEqual(0.95);
  // A stop that a car with other reasons to brake might make cannot be told from the motion: the number says so.
  expect(rows.get("invented stop")).toBeLessThan(0.95);
});
