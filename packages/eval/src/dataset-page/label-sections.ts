/** Sections about labels: how many stand, what they say, where the rules disagree, and what they cost. */
import { count, dash, fixed, interval, magnitude, percent, words } from "../report/format.ts";
import { type Html, html } from "../report/html.ts";
import { barList, wilson } from "./bars.ts";
import type {
  DatasetReportData,
  LabelRates,
  LedgerCost,
  ReportDisagreement,
  ReportSample,
} from "./data.ts";
import { shotView } from "./shots.ts";

const statusClass = (status: string | null) =>
  status === "accepted" ? "good" : status === "rejected" ? "bad" : "";

export function sampleSection(samples: readonly ReportSample[]): Html | null {
  if (samples.length === 0) return null;
  return html`<section id="samples"><h2>Samples</h2><p class="lead">One of each kind, as many as fit. Green: where the car went in the next seconds.</p>
<div class="shots">${samples.map(
    (s) =>
      html`<article class="shot">${shotView(s.shot)}${s.trace === null ? null : html`<blockquote>${s.trace}</blockquote>`}<p>${s.decision === null ? null : html`<span class="chip ${statusClass(s.status)}">${words(s.decision)}</span>`}${s.chips.map((c) => html`<span class="chip">${words(c)}</span>`)}</p><h4>${s.id}${s.teacher === null ? "" : ` · ${s.teacher}`}</h4></article>`,
  )}</div></section>`;
}

export function keyframeSection(data: DatasetReportData): Html | null {
  const { keyframes } = data;
  if (keyframes === null) return null;
  const total = Object.values(keyframes.dropped).reduce((a, b) => a + b, keyframes.chosen);
  return html`<section id="keyframes"><h2>Keyframes</h2><p class="lead">${count(keyframes.chosen)} moments chosen of ${count(total)} candidates in ${count(keyframes.drives)} drives; labels/meta-actions.jsonl has the reason of each choice and each drop.</p>
<div class="pair"><div class="stacked"><figure><figcaption>Scenarios found, of the catalogue of ${keyframes.scenarios.length}</figcaption>${barList(
    keyframes.scenarios.map((s) => ({ name: s.title, value: s.count, before: null })),
    20,
  )}</figure><figure><figcaption>Why candidates were dropped</figcaption>${barList(Object.entries(keyframes.dropped).map(([name, value]) => ({ name: words(name), value, before: null })))}</figure></div>
<figure><figcaption>Chosen, by change · change · curvature · speed</figcaption>${barList(
    keyframes.strata.map((s) => ({
      name: s.stratum.replaceAll("|", " · "),
      value: s.count,
      before: null,
    })),
    14,
  )}</figure></div></section>`;
}

export function labelSection(labels: readonly LabelRates[]): Html | null {
  if (labels.length === 0) return null;
  const rate = (hits: number, total: number) =>
    html`<td class="num">${total === 0 ? dash : percent(hits / total)}<small>${interval(wilson(hits, total), (v) => percent(v))}</small></td>`;
  return html`<section id="labels"><h2>Labels</h2><p class="lead">Rates with 95 % Wilson intervals. "Rules" is the rule filter run again for this page.</p>
<div class="scroll"><table><thead><tr><th>labels</th><th>teacher</th><th class="num">rows</th><th class="num">accepted</th><th class="num">review</th><th class="num">rejected</th><th class="num">no decision</th><th class="num">rules: pass</th><th class="num">warn</th><th class="num">error</th><th class="num">cannot tell</th></tr></thead><tbody>
${labels.map((l) => html`<tr><th>${l.name}</th><td>${l.teachers.join(", ")}</td><td class="num">${count(l.total)}</td>${rate(l.accepted, l.total)}${rate(l.review, l.total)}${rate(l.rejected, l.total)}${rate(l.noDecision, l.total)}<td class="num">${count(l.rules.pass)}</td><td class="num">${count(l.rules.warn)}</td><td class="num ${l.rules.error > 0 ? "bad" : ""}">${count(l.rules.error)}</td><td class="num">${count(l.rules.abstain + l.rules.unparsable)}</td></tr>`)}</tbody></table></div>
${labels.map((l) => (l.byDecision.length === 0 ? null : html`<details ${labels.length === 1 ? "open" : ""}><summary>${l.name} by decision</summary><div class="scroll"><table class="narrow"><thead><tr><th>decision</th><th class="num">rows</th><th class="num">accepted</th><th class="num">review</th><th class="num">rejected</th></tr></thead><tbody>${l.byDecision.map((d) => html`<tr><th>${words(d.decision)}</th><td class="num">${count(d.total)}</td>${rate(d.accepted, d.total)}${rate(d.review, d.total)}${rate(d.rejected, d.total)}</tr>`)}</tbody></table></div></details>`))}</section>`;
}

export function disagreementSection(found: readonly ReportDisagreement[]): Html | null {
  if (found.length === 0) return null;
  return html`<section id="disagreements"><h2>Worst disagreements</h2><p class="lead">Labels that the recorded motion or the rules of writing contradict most, whatever their status. "Hangs on a threshold": turns when thresholds move by a quarter.</p>
<div class="shots wide">${found.map(
    (d) =>
      html`<article class="shot">${shotView(d.shot)}<blockquote>${d.trace ?? "(no sentence)"}</blockquote><p>${d.status === null ? null : html`<span class="chip ${statusClass(d.status)}">${words(d.status)}</span>`}${d.decision === null ? null : html`<span class="chip">${words(d.decision)}</span>`}${d.chips.map((c) => html`<span class="chip">${words(c)}</span>`)}</p><ul class="findings">${d.findings.map((f) => html`<li class="${f.outcome === "error" ? "bad" : "warn"}"><b>${words(f.rule)}</b> ${f.detail}${f.isSensitive ? html` <small>hangs on a threshold</small>` : null}</li>`)}</ul><h4>${d.id}${d.teacher === null ? "" : ` · ${d.teacher}`}</h4></article>`,
  )}</div></section>`;
}

export function costSection(ledgers: readonly LedgerCost[]): Html {
  const sum = ledgers.reduce((total, l) => total + (l.costUsd ?? 0), 0);
  return html`<section id="cost"><h2>Cost</h2>
${
  ledgers.length === 0
    ? html`<p class="lead">No model was asked for this dataset: there is no ledger in its folder.</p>`
    : html`<p class="lead">From the ledgers of this dataset: every reply that was paid for, and what the cache answered for nothing. ${ledgers.some((l) => l.costUsd !== null) ? `Together ${fixed(sum, 4)} US$ by the prices that the runs were given.` : "No prices were given."}</p>
<div class="scroll"><table><thead><tr><th>run</th><th>model</th><th class="num">replies</th><th class="num">from cache</th><th class="num">input tokens</th><th class="num">output tokens</th><th class="num">median s</th><th class="num">done</th><th>failed</th><th class="num">US$</th></tr></thead><tbody>${ledgers.map(
        (l) =>
          (l.models.length === 0 ? [null] : l.models).map(
            (m, i) =>
              html`<tr><th>${i === 0 ? html`${l.name}${l.isSynthetic ? html` <span class="chip bad">synthetic</span>` : null}` : null}</th><td>${m === null ? dash : m.model}</td><td class="num">${m === null ? dash : count(m.replies)}</td><td class="num">${m === null ? dash : count(m.cached)}</td><td class="num">${m === null ? dash : `${m.areTokensEstimated ? "≈ " : ""}${magnitude(m.inputTokens)}`}</td><td class="num">${m === null ? dash : magnitude(m.outputTokens)}</td><td class="num">${fixed(m?.medianSecs, 1)}</td><td class="num">${i === 0 ? count(l.done) : ""}</td><td>${i === 0 ? failedText(l) : ""}</td><td class="num">${i === 0 ? fixed(l.costUsd, 4) : ""}</td></tr>`,
          ),
      )}</tbody></table></div>`
}</section>`;
}

function failedText(l: LedgerCost): string {
  const kinds = Object.entries(l.failed).map(([kind, n]) => `${n} ${kind}`);
  const requests = l.failedRequests > 0 ? `${l.failedRequests} requests tried again` : "";
  return [...kinds, requests].filter((t) => t !== "").join(", ") || "none";
}
