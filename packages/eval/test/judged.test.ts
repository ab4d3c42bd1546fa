/** Evaluations of answers: denominators, macro and micro, intervals, comparison by id, and the page. */
import {
  compareRuns,
  countItems,
  endErrors,
  fieldScores,
  groundingScores,
  hitWindowSecs,
  ordinalScores,
  renderComparison,
  renderScoreReport,
  type ScoredRun,
  type ScoreSheet,
  type SheetItem,
  summariseChoices,
  summariseFields,
  summariseOrdinal,
  worstFirst,
} from "@causeway/eval/judged";
import { rectangleIou } from "@causeway/eval/geometry";
import { describe, expect, it } from "vitest";

const item = (
  id: string,
  scores: Record<string, number>,
  rest: Partial<SheetItem> = {},
): SheetItem => ({
  id,
  cluster: id,
  group: null,
  status: "answered",
  failure: null,
  problem: null,
  scores,
  question: null,
  expected: "A",
  answered: "A",
  reasoning: null,
  raw: "A",
  media: [],
  details: [],
  badness: 1 - (scores.correct ?? 0),
  ...rest,
});
const lost = (id: string, failure: string): SheetItem =>
  item(id, {}, { status: "failed", failure, answered: null, raw: null });
const value = (
  metrics: readonly { key: string; estimate: { value: number | null } }[],
  key: string,
) => metrics.find((m) => m.key === key)?.estimate.value;

describe("choices", () => {
  const items = [
    item("a", { correct: 1 }, { group: "x" }),
    item("b", { correct: 1 }, { group: "x" }),
    item("c", { correct: 0 }, { group: "x", status: "unread" }),
    item("d", { correct: 0 }, { group: "y" }),
    { ...lost("e", "timeout"), group: "y" },
  ];
  it("micro over replies, macro over groups, all items, readable replies", () => {
    const { metrics } = summariseChoices(items);
    expect(value(metrics, "accuracy")).toBe(0.5);
    expect(value(metrics, "accuracy-macro")).toBeCloseTo((2 / 3 + 0) / 2, 12);
    expect(value(metrics, "accuracy-all")).toBe(0.4);
    expect(value(metrics, "readable")).toBe(0.75);
  });
  it("counts add up and name kinds", () => {
    expect(countItems(items, 2)).toEqual({
      items: 5,
      answered: 3,
      unread: 1,
      failed: 1,
      pending: 0,
      failedByKind: { timeout: 1 },
      skippedEntries: 2,
    });
  });
});

describe("ordinal", () => {
  const truth = [1, 2, 3, 4, 5, 4, 2, 3];
  const given = [2, 2, 3, 5, 4, 4, 1, 3];
  it("an unread score lowers accuracy and leaves correlations alone", () => {
    const items = truth.map((t, i) => item(String(i), ordinalScores(t, given[i])));
    const clean = summariseOrdinal(items).metrics;
    expect(value(clean, "accuracy")).toBe(0.5);
    expect(value(clean, "within-1")).toBe(1);
    expect(value(clean, "pearson")).toBeCloseTo(0.8333333, 7);
    expect(value(clean, "spearman")).toBeCloseTo(0.8888889, 7);
    const { metrics, tables } = summariseOrdinal([...items, item("u", ordinalScores(5, null))]);
    expect(value(metrics, "accuracy")).toBeCloseTo(4 / 9, 12);
    expect(value(metrics, "pearson")).toBeCloseTo(0.8333333, 7);
    expect(tables[0].rows[4].cells.at(-1)).toBe(1);
  });
  it("a constant model has no correlation and the note says so", () => {
    const { metrics, notes } = summariseOrdinal(
      truth.map((t, i) => item(String(i), ordinalScores(t, 4))),
    );
    expect(value(metrics, "pearson")).toBeNull();
    expect(notes[0]).toContain("the same score, 4");
  });
});

describe("fields", () => {
  it("three fives are exactly 5, and leaving a field out costs", () => {
    const five = { score: 5, from: "judge" };
    expect(fieldScores({ a: five, b: five, c: five }).mean).toBe(5);
    expect(fieldScores({ a: five, b: { score: 1, from: "missing" } }).mean).toBe(3);
    expect(fieldScores({ a: five, b: { score: null, from: "no-label" } }).mean).toBe(5);
    expect(fieldScores({ a: { score: null, from: "unread" } })).toEqual({});
  });
  it("the field table counts where each score came from", () => {
    const judged = new Map([
      ["a", { weather: { score: 5, from: "equal" } }],
      ["b", { weather: { score: 1, from: "missing" } }],
    ]);
    const items = [...judged].map(([id, f]) => item(id, { ...fieldScores(f) }));
    const { tables, metrics } = summariseFields(items, judged, ["weather"], []);
    expect(value(metrics, "judge")).toBe(3);
    expect(tables[0].rows[0].cells.slice(1)).toEqual([0, 1, 1, 0, 0]);
  });
});

describe("times and boxes", () => {
  it("relative errors and the hit window of the published vectors", () => {
    const ends = endErrors([2.1, 3.5, 5.37], [2.0, 3.8, 5.0], 8);
    const wanted = [4.762, 21.429, 19.786];
    ends.forEach((e, i) => expect(100 * (e.relative as number)).toBeCloseTo(wanted[i], 3));
    expect(hitWindowSecs(8)).toBe(0.25625);
    expect(ends.map((e) => e.isHit)).toEqual([true, false, false]);
  });
  it("a missing end is missed, not dropped", () => {
    const ends = endErrors([1, 2], [1], 8);
    expect(ends[1]).toMatchObject({ isHit: false, errorSecs: null });
  });
  it("no box where there is none is right; an unread answer is not", () => {
    expect(groundingScores([], [], rectangleIou).f1).toBe(1);
    expect(groundingScores([], null, rectangleIou).f1).toBe(0);
    const car = { label: "car", box: [0, 0, 10, 10] };
    expect(groundingScores([car], [car, car], rectangleIou)).toEqual({
      iou: 1,
      recall: 1,
      precision: 0.5,
      f1: 2 / 3,
    });
  });
});

const runOf = (items: SheetItem[], subject: string): ScoredRun => {
  const { metrics, tables, notes } = summariseChoices(items);
  const sheet: ScoreSheet = {
    schema: "causeway-score/1",
    benchmark: "mcq",
    title: "Questions <b>",
    subject,
    isSynthetic: true,
    settings: { model: subject },
    counts: countItems(items, 0),
    metrics,
    tables,
    notes,
  };
  return { sheet, items };
};

describe("comparison", () => {
  const a = runOf(
    [item("q1", { correct: 0 }), item("q2", { correct: 1 }), item("q3", { correct: 0 })],
    "before",
  );
  const b = runOf(
    [item("q3", { correct: 1 }), item("q2", { correct: 1 }), lost("q9", "server")],
    "after",
  );
  it("pairs by id, whatever the order, and names what one side lacks", () => {
    const c = compareRuns(a, b);
    expect(c.paired).toBe(2);
    expect(c.onlyInA).toEqual(["q1"]);
    expect(c.onlyInB).toEqual(["q9"]);
    expect(c.series[0]).toMatchObject({ key: "correct", better: 1, equal: 1, worse: 0 });
    expect(c.series[0].difference.value).toBe(0.5);
  });
  it("knows from the metrics that less can be better", () => {
    const of = (px: number, subject: string) => {
      const run = runOf([item("q1", { "temporal front": px })], subject);
      const estimate = { value: px, interval: null, n: 1, clusters: 1 };
      const metric = { key: "temporal front", label: "t", about: "", format: "px" as const };
      return {
        ...run,
        sheet: { ...run.sheet, metrics: [{ ...metric, isHigherBetter: false, estimate }] },
      };
    };
    expect(compareRuns(of(2, "before"), of(1, "after")).series[0]).toMatchObject({
      isHigherBetter: false,
      better: 1,
      worse: 0,
    });
  });
  it("refuses two runs over different truths", () => {
    const other = runOf([item("q1", { correct: 1 }, { expected: "B" })], "x");
    expect(() => compareRuns(a, other)).toThrow('item "q1" should be "A" in one run and "B"');
  });
  it("pages put the worst first, escape text and say that they are synthetic", () => {
    expect(worstFirst(a.items).map((i) => i.id)).toEqual(["q1", "q3", "q2"]);
    const page = renderScoreReport(a, new Map([["q1", ["data:image/png;base64,AAAA"]]]));
    expect(page).toContain("Questions &lt;b&gt;");
    expect(page).toContain("Synthetic");
    expect(page.indexOf("<b>q1</b>")).toBeLessThan(page.indexOf("<b>q2</b>"));
    expect(page).toContain('<img src="data:image/png;base64,AAAA"');
    const both = renderComparison(compareRuns(a, b), a, b, ["before", "after"], new Map());
    expect(both).toContain("after against before");
    expect(both).toContain("+0.500");
  });
});
