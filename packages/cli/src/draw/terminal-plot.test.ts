import { expect, test } from "vitest";
import { plotBands, plotSeries, shortNumber, timeAxis } from "./terminal-plot.ts";

test("a rising line goes from the lower left to the upper right", () => {
  const values = Array.from({ length: 40 }, (_, i) => i / 39);
  expect(plotSeries({ title: "speed", unit: "m/s", values }, { columns: 14, rows: 2 })).toBe(
    ["speed [m/s]", "      1 ┤⠀⠀⢀⡴⠚", "      0 ┤⡤⠞⠁⠀⠀"].join("\n"),
  );
});

test("a spike of one tick stays visible and gaps stay empty", () => {
  const values = Array.from({ length: 1000 }, () => 0);
  values[500] = 5;
  const text = plotSeries({ title: "a", unit: "m/s²", values }, { columns: 29, rows: 3 });
  expect(text.split("\n")[1]).toContain("⡇");
  values.fill(Number.NaN, 0, 500);
  const gap = plotSeries({ title: "a", unit: "m/s²", values }, { columns: 29, rows: 3 });
  expect(gap.split("\n")[3]?.slice(9, 18)).toBe("⠀".repeat(9));
});

test("a flat or an empty series is drawn as such", () => {
  const flat = plotSeries({ title: "v", unit: "m/s", values: [7, 7, 7] }, { columns: 13, rows: 1 });
  expect(flat.split("\n")[1]).toMatch(/┤[^⠀]{4}$/);
  expect(plotSeries({ title: "v", unit: "m/s", values: [] }, { columns: 13, rows: 1 })).toBe(
    "v [m/s]: no values",
  );
});

test("bands fill the columns where they hold, and a band of one tick shows", () => {
  const bands = [
    { label: "keep", startTick: 0, endTick: 50 },
    { label: "brake", startTick: 50, endTick: 100 },
    { label: "keep", startTick: 99, endTick: 100 },
  ];
  expect(plotBands(bands, 100, 19)).toBe("keep     █████····█\nbrake    ·····█████");
});

test("numbers are short", () => {
  expect([0, 12.345, 123.4, -0.5, 0.01234, 1e-9, Number.NaN].map(shortNumber)).toEqual([
    "0",
    "12.3",
    "123",
    "-0.5",
    "0.0123",
    "0",
    "-",
  ]);
  expect(timeAxis(20, 39)).toBe(`${" ".repeat(9)}0            10 s         20 s`);
});
