/** Open loop: tables in both definitions, error over the horizon, and how errors are spread. */
import type { OpenLoopRow } from "../../artefacts.ts";
import type { BootstrapOptions } from "../../metrics/bootstrap.ts";
import { horizonKeys } from "../../metrics/displacement.ts";
import {
  type EstimateByHorizon,
  minAdeByMovement,
  type OpenLoopSummary,
} from "../../metrics/open-loop.ts";
import {
  count,
  estimateCell,
  percent,
  predictorClass,
  predictorName,
  shortPredictorName,
} from "../format.ts";
import { type Html, html } from "../html.ts";
import { linePlot } from "../plot.ts";

const swatch = (id: string) => html`<i class="swatch ${predictorClass(id)}"></i>`;

function horizonTable(
  caption: string,
  summaries: readonly OpenLoopSummary[],
  of: (s: OpenLoopSummary) => EstimateByHorizon,
): Html {
  return html`<table><caption>${caption}</caption><thead><tr><th></th>${horizonKeys.map((h) => html`<th class="num">${h.replace("s", " s")}</th>`)}</tr></thead><tbody>
${summaries.map((s) => html`<tr class="${s.predictor === "model" ? "us" : ""}"><th>${swatch(s.predictor)}${predictorName(s.predictor)}</th>${horizonKeys.map((h) => estimateCell(of(s)[h]))}</tr>`)}</tbody></table>`;
}

export function openLoopSection(
  summaries: readonly OpenLoopSummary[],
  rows: readonly OpenLoopRow[],
  bootstrap: BootstrapOptions,
): Html {
  if (summaries.length === 0) return html``;
  const first = summaries[0];
  const k = (s: OpenLoopSummary) => (s.numPaths === 1 ? "1 path" : `${s.numPaths} paths`);
  const main = html`<table class="wide"><caption>Mean over held-out samples, metres, with 95 % intervals (recordings resampled). minADE takes the sample that is best over the whole plan.</caption>
<thead><tr class="groups"><th colspan="2"></th><th colspan="${horizonKeys.length}">minADE, m, up to</th><th colspan="2">end point</th><th colspan="3">best path up to 6.4 s, m</th></tr><tr><th></th><th class="num">samples</th>${horizonKeys.map((h) => html`<th class="num">${h.replace("s", " s")}</th>`)}<th class="num">minFDE, m</th><th class="num">missed</th><th class="num">corners</th><th class="num">along</th><th class="num">across</th></tr></thead><tbody>
${summaries.map(
  (
    s,
  ) => html`<tr class="${s.predictor === "model" ? "us" : ""}"><th>${swatch(s.predictor)}${predictorName(s.predictor)}<small>${k(s)}</small></th>
<td class="num">${count(s.samples)}${s.failed > 0 ? html`<small class="bad">${s.failed} failed</small>` : html`<small>${s.recordings} drives</small>`}</td>
${horizonKeys.map((h) => estimateCell(s.minAde[h]))}${estimateCell(s.minFde)}${estimateCell(s.missRate, (v) => percent(v))}${estimateCell(s.cornerPerTrajectory["6.4s"])}${estimateCell(s.alongAbs["6.4s"])}${estimateCell(s.acrossAbs["6.4s"])}</tr>`,
)}</tbody></table>`;

  const curve = linePlot({
    xLabel: "seconds ahead",
    yLabel: "distance of the best sample, m",
    xRange: [0, 6.4],
    height: 290,
    width: 580,
    series: summaries
      .filter((s) => s.curve.length > 0)
      .map((s) => ({
        name: shortPredictorName(s.predictor),
        className: predictorClass(s.predictor),
        x: [0, ...s.curve.map((_, i) => (i + 1) / 10)],
        y: [0, ...s.curve.map((e) => e.value ?? 0)],
        low: [0, ...s.curve.map((e) => e.interval?.[0] ?? e.value ?? 0)],
        high: [0, ...s.curve.map((e) => e.interval?.[1] ?? e.value ?? 0)],
        dashed: s.predictor !== "model",
      })),
  });
  const spread = linePlot({
    xLabel: "minADE at 6.4 s, m",
    yLabel: "share of samples at or below",
    yRange: [0, 1],
    height: 290,
    width: 580,
    xRange: [0, spreadLimit(rows)],
    series: summaries.map((s) => {
      const values = rows
        .filter((row) => row.predictor === s.predictor && row.metrics !== null)
        .map((row) => row.metrics?.minAde["6.4s"])
        .filter((v) => v !== undefined)
        .sort((a, b) => a - b);
      const limit = spreadLimit(rows);
      const inside = values.filter((v) => v <= limit);
      // Failed samples stay in the denominator: their line ends below 1.
      const y = inside.map((_, i) => (i + 1) / s.samples);
      return {
        name: shortPredictorName(s.predictor),
        className: predictorClass(s.predictor),
        x: [0, ...inside, limit],
        y: [0, ...y, y[y.length - 1] ?? 0],
        dashed: s.predictor !== "model",
      };
    }),
  });
  return html`<section id="open-loop"><h2>Open loop</h2>
<p class="lead">${count(first.samples)} moments of ${first.recordings} recordings that training never saw. Each predictor plans 6.4 s from what it knows at that moment; the logged drive is the truth.</p>
<div class="scroll">${main}</div>
<div class="pair"><figure><figcaption>Error grows with the horizon</figcaption>${curve}</figure><figure><figcaption>How many samples are how good</figcaption>${spread}</figure></div>
${movementTable(summaries, rows, bootstrap)}
<details><summary>Other definitions of the same errors</summary><div class="grid2">
${horizonTable("minADE, sample chosen anew at each horizon, m", summaries, (s) => s.minAdePerHorizon)}
${horizonTable("ADE of the first sample, m", summaries, (s) => s.ade)}
${horizonTable("ADE, mean over samples, m", summaries, (s) => s.meanAde)}
${horizonTable("Corner distance of one whole trajectory, m", summaries, (s) => s.cornerPerTrajectory)}
${horizonTable("Corner distance, optimistic mixture (upstream definition), m", summaries, (s) => s.cornerMixture)}
${horizonTable("Mean error across the logged heading, best sample, m", summaries, (s) => s.acrossAbs)}
</div></details></section>`;
}

/** minADE at 6.4 s by what the car really did: a mean over mostly straight driving hides the rest. */
function movementTable(
  summaries: readonly OpenLoopSummary[],
  rows: readonly OpenLoopRow[],
  bootstrap: BootstrapOptions,
): Html {
  const columns = summaries.map((s) => ({
    s,
    groups: minAdeByMovement(s.predictor, rows, "6.4s", bootstrap),
  }));
  const [first] = columns;
  return html`<div class="scroll"><table class="narrow"><caption>minADE at 6.4 s, m, by what the car really did</caption><thead><tr><th></th><th class="num">samples</th>${columns.map(({ s }) => html`<th class="num">${shortPredictorName(s.predictor)}</th>`)}</tr></thead><tbody>
${first.groups.map(({ movement, samples }) => html`<tr><th>${movement}</th><td class="num">${count(samples)}</td>${columns.map(({ groups }) => estimateCell(groups.find((g) => g.movement === movement)?.minAde))}</tr>`)}</tbody></table></div>`;
}

/** Right end of the spread plot: 95 % of all scored rows are inside. */
function spreadLimit(rows: readonly OpenLoopRow[]): number {
  const values = rows
    .map((row) => row.metrics?.minAde["6.4s"])
    .filter((v) => v !== undefined)
    .sort((a, b) => a - b);
  return values.length === 0
    ? 1
    : Math.max(1, Math.ceil(values[Math.floor(0.95 * (values.length - 1))]));
}
