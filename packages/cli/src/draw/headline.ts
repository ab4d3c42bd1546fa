import type { Bar, Summary } from "@causeway/eval";
import { shortNumber } from "./terminal-plot.ts";

const percentBars = new Set<Bar["name"]>(["decides", "acts_as_it_says"]);

function barLine({ name, claim, value, interval, bar, direction, passed }: Bar): string {
  const show = (v: number): string =>
    percentBars.has(name) ? `${shortNumber(v * 100)} %` : shortNumber(v);
  const range = interval === null ? "" : ` [${show(interval[0])}, ${show(interval[1])}]`;
  const found = value === null ? "not measured" : `${show(value)}${range}`;
  const wanted = `${direction === "at_most" ? "at most" : "at least"} ${show(bar)}`;
  return `  ${passed ? "yes" : " no"}  ${claim}: ${found}, wanted ${wanted}`;
}

/** The numbers that a run is judged by, for the terminal. */
export function headlineText(summary: Summary): string {
  const { openLoop, closedLoop } = summary;
  const m = (v: number | null): string => (v === null ? "-" : `${shortNumber(v)} m`);
  const score = (v: number | null): string => (v === null ? "-" : shortNumber(v));
  return [
    `open loop at 6.4 s: minADE6 ${m(openLoop.minAde6)}, better baseline ${m(openLoop.baselineAde)}, shuffled pictures ${m(openLoop.shuffledMinAde6)}`,
    `closed loop, ${closedLoop.scenes} scenes: score ${score(closedLoop.score)}, constant velocity ${score(closedLoop.constantVelocityScore)}, shuffled pictures ${score(closedLoop.shuffledScore)}`,
    ...summary.bars.map(barLine),
  ].join("\n");
}
