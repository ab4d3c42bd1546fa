/** Closed loop: one table over policies and one heat table of scores by scenario kind. */
import { type ClosedLoopSummary, incidentFlags } from "../../metrics/closed-loop.ts";
import { bars } from "../../summary.ts";
import {
  count,
  dash,
  estimateCell,
  fixed,
  interval,
  percent,
  predictorClass,
  predictorName,
  shortPredictorName,
  words,
} from "../format.ts";
import { type Html, html } from "../html.ts";

const flagNames: Readonly<Record<(typeof incidentFlags)[number], string>> = {
  collisionAtFault: "at-fault collision",
  collisionAny: "any collision",
  offroad: "off-road",
  redLight: "red light",
  stopSign: "stop sign",
  wrongLane: "wrong lane",
};

export function closedLoopSection(summaries: readonly ClosedLoopSummary[]): Html {
  if (summaries.length === 0) return html``;
  const table = html`<table class="wide"><caption>Means over scenes with 95 % intervals (scenes resampled). Score is the AlpaSim scene score: 0 after an at-fault collision or leaving the road, else progress up to 80 % of the route.</caption><thead><tr><th></th><th class="num">scenes</th><th class="num">score</th>${incidentFlags.map((f) => html`<th class="num">${flagNames[f]}</th>`)}<th class="num">incidents / km</th><th class="num">progress</th><th class="num">comfort</th></tr></thead><tbody>
${summaries.map(
  (s) =>
    html`<tr class="${s.policy === "model" ? "us" : ""}"><th><i class="swatch ${predictorClass(s.policy)}"></i>${predictorName(s.policy)}</th><td class="num">${count(s.scenes)}<small>${s.failed > 0 ? html`<span class="bad">${s.failed} crashed</span>` : `${fixed(s.km, 1)} km`}</small></td>${estimateCell(s.score)}${incidentFlags.map((f) => estimateCell(s.rates[f], (v) => percent(v)))}${estimateCell(s.incidentsPerKm)}${estimateCell(s.progress, (v) => percent(v))}${estimateCell(s.comfort, (v) => percent(v))}</tr>`,
)}</tbody></table>`;
  const kinds = [...new Set(summaries.flatMap((s) => s.kinds.map((k) => k.kind)))];
  const model = summaries.find((s) => s.policy === "model") ?? summaries[0];
  const scoreOf = (s: ClosedLoopSummary, kind: string) => s.kinds.find((k) => k.kind === kind);
  kinds.sort(
    (a, b) =>
      (scoreOf(model, a)?.score.value ?? 0) - (scoreOf(model, b)?.score.value ?? 0) ||
      (a < b ? -1 : 1),
  );
  const heat = html`<table class="heat"><caption>Scene score by scenario kind, worst for the model first</caption><thead><tr><th></th><th class="num">scenes</th>${summaries.map((s) => html`<th class="num">${shortPredictorName(s.policy)}</th>`)}</tr></thead><tbody>
${kinds.map(
  (kind) =>
    html`<tr><th>${words(kind)}</th><td class="num">${scoreOf(model, kind)?.scenes ?? 0}</td>${summaries.map(
      (s) => {
        const k = scoreOf(s, kind);
        const value = k?.score.value ?? null;
        if (k === undefined || value === null) return html`<td class="num">${dash}</td>`;
        return html`<td class="cell" style="--v:${fixed(value, 3)}" title="${interval(k.score.interval) || "one scene: no interval"}, n = ${k.scenes}">${fixed(value)}</td>`;
      },
    )}</tr>`,
)}</tbody></table>`;
  return html`<section id="closed-loop"><h2>Closed loop</h2><p class="lead">The driver's own plan moves the car, ten times a second, among traffic that reacts. All policies drive the same ${count(model.scenes)} scenes; their seeds were held out of training.</p><div class="scroll">${table}</div><div class="pair"><div class="scroll">${heat}</div><figure><figcaption>Scene score, mean and interval</figcaption>${scorePlot(summaries)}</figure></div></section>`;
}

/** One row per policy: interval, mean, and the bar that the model is held to. */
function scorePlot(summaries: readonly ClosedLoopSummary[]): Html {
  const [left, right, row] = [150, 520, 40];
  const height = summaries.length * row + 34;
  const at = (v: number) => fixed(left + v * (right - left), 1).replace("−", "-");
  const bottom = height - 24;
  return html`<svg class="plot" viewBox="0 0 560 ${height}" role="img" aria-label="scene score by policy">
${[0, 0.2, 0.4, 0.6, 0.8, 1].map((t) => html`<line class="grid" x1="${at(t)}" x2="${at(t)}" y1="4" y2="${bottom}"/><text class="tick" x="${at(t)}" y="${height - 8}" text-anchor="middle">${fixed(t, 1)}</text>`)}
<line class="mark" x1="${at(bars.drives.bar)}" x2="${at(bars.drives.bar)}" y1="0" y2="${bottom}"/>
${summaries.map((s, i) => {
  const y = 4 + row * (i + 0.5);
  const { value, interval: ci } = s.score;
  return html`<text x="${left - 12}" y="${y + 4}" text-anchor="end">${shortPredictorName(s.policy)}</text>${ci === null ? null : html`<line class="line ${predictorClass(s.policy)}" x1="${at(ci[0])}" x2="${at(ci[1])}" y1="${y}" y2="${y}" style="stroke-width:6;opacity:.35"/>`}${value === null ? null : html`<circle class="point ${predictorClass(s.policy)}" cx="${at(value)}" cy="${y}" r="6"/><text class="end ${predictorClass(s.policy)}" x="${at(Math.max(value, ci?.[1] ?? 0))}" dx="10" y="${y + 4}">${fixed(value)}</text>`}`;
})}</svg>`;
}
