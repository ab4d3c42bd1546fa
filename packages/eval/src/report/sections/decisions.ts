/** Reasoning: does the text name the oracle's decision, and does the plan follow the text? */
import type { ClassificationSummary, ConfusionMatrix } from "../../metrics/classification.ts";
import type { DecisionSummary } from "../../metrics/decisions.ts";
import { count, estimateCell, fixed, percent, predictorName, words } from "../format.ts";
import { type Html, html } from "../html.ts";

function confusion(title: string, m: ConfusionMatrix): Html {
  if (m.truthLabels.length === 0) return html``;
  const total = (row: readonly number[]) => row.reduce((a, b) => a + b, 0);
  return html`<figure><figcaption>${title}</figcaption><div class="scroll"><table class="confusion"><thead><tr><th class="corner">oracle ↓ &nbsp; model →</th>${m.predictedLabels.map((l) => html`<th class="tilt"><span>${words(l)}</span></th>`)}<th class="num">recall</th></tr></thead><tbody>
${m.truthLabels.map((truth, r) => {
  const row = m.counts[r];
  const sum = total(row);
  const right = row[m.predictedLabels.indexOf(truth)];
  return html`<tr><th>${words(truth)}<small>${count(sum)}</small></th>${row.map((n, c) => {
    const share = sum === 0 ? 0 : n / sum;
    const kind = m.predictedLabels[c] === truth ? "hit" : "off";
    return html`<td class="${n === 0 ? "zero" : kind}" style="--a:${fixed(Math.sqrt(share), 2)}" title="${words(truth)} answered as ${words(m.predictedLabels[c])}: ${n} of ${sum}">${n === 0 ? "·" : count(n)}</td>`;
  })}<td class="num">${percent(right / sum)}</td></tr>`;
})}</tbody></table></div></figure>`;
}

export function decisionSection(summaries: readonly DecisionSummary[]): Html {
  const measured = summaries.filter((s) => s.samples > 0);
  const main = measured.find((s) => s.predictor === "model") ?? measured[0];
  if (main === undefined) return html``;
  const axis = (label: string, of: (s: DecisionSummary) => ClassificationSummary) =>
    measured.map(
      (s) =>
        html`<tr class="${measured.length > 1 && s.predictor === "model" ? "us" : ""}"><th>${label}${measured.length > 1 ? html`<small>${predictorName(s.predictor)}</small>` : null}</th>${estimateCell(of(s).accuracy, (v) => percent(v))}${estimateCell(of(s).macroF1)}<td class="num">${count(s.samples)}</td><td class="num">${count(s.unparsed)}</td></tr>`,
    );
  const c = main.consistencyCounts;
  const bars = [
    { text: "consistent", n: c.consistent, className: "good" },
    { text: "inconsistent", n: c.inconsistent, className: "bad" },
    { text: "unreadable text", n: c.unparsed, className: "warn" },
    { text: "no rule applies", n: c.notApplicable, className: "rest" },
  ].filter((b) => b.n > 0);
  const all = bars.reduce((sum, b) => sum + b.n, 0);
  return html`<section id="reasoning"><h2>Reasoning</h2>
<p class="lead">The text is parsed into one decision per axis and compared with the oracle's. Text that cannot be parsed counts as wrong. Always giving the most common answer would be right ${percent(main.majorityAccuracy)} of the time.</p>
<div class="pair"><div class="scroll"><table><thead><tr><th></th><th class="num">accuracy</th><th class="num">macro-F1</th><th class="num">samples</th><th class="num">unparsed</th></tr></thead><tbody>
${measured.map((s) => html`<tr class="${measured.length > 1 && s.predictor === "model" ? "us" : ""}"><th>Both axes and side${measured.length > 1 ? html`<small>${predictorName(s.predictor)}</small>` : null}</th>${estimateCell(s.jointAccuracy, (v) => percent(v))}<td class="num">–</td><td class="num">${count(s.samples)}</td><td class="num">${count(s.unparsed)}</td></tr>`)}
${axis("Longitudinal", (s) => s.longitudinal)}${axis("Lateral", (s) => s.lateral)}${axis("Lateral with side", (s) => s.lateralWithSide)}</tbody></table></div>
<figure><figcaption>The plan does what the text says: ${percent(main.consistency.value)} of ${count(main.consistency.n)}</figcaption>
<div class="stack">${bars.map((b) => html`<span class="${b.className}" style="flex:${b.n}" title="${b.text}: ${b.n}"></span>`)}</div>
<ul class="legend">${bars.map((b) => html`<li><i class="${b.className}"></i>${b.text} <b>${count(b.n)}</b> <span>${percent(b.n / all)}</span></li>`)}</ul>
<p class="note">Rate = consistent / (consistent + inconsistent + unreadable). Rules cover ${percent(main.coverage.value)} of the samples.</p></figure></div>
<div class="pair">${confusion("Longitudinal decision", main.longitudinal.confusion)}${confusion("Lateral decision", main.lateralWithSide.confusion)}</div></section>`;
}
