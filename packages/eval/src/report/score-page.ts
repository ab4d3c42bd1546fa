/**
 * Pages of one evaluation of answers, and of two of them side by side. Failures come first, each with its frames,
 * what was expected, what was said and the raw reply. One file, no requests, works without script.
 */
import type { Estimate } from "../metrics/bootstrap.ts";
import type { ComparedSeries, Comparison, ScoredRun } from "../judged/compare.ts";
import type {
  NumberFormat,
  ScoreSheet,
  SheetItem,
  SheetMetric,
  SheetTable,
} from "../judged/sheet.ts";
import { count, dash, estimateCell, fixed, interval, percent } from "./format.ts";
import { type Html, html } from "./html.ts";
import { renderPage } from "./page.ts";

/** Pictures of an item as `data:` addresses, by item id. */
export type ItemFrames = ReadonlyMap<string, readonly string[]>;

const formats: Readonly<Record<NumberFormat, (v: number) => string>> = {
  percent: (v) => percent(v, 1),
  number: (v) => fixed(v, 3),
  px: (v) => `${fixed(v)} px`,
  s: (v) => `${fixed(v)} s`,
};

function metricCard({ label, about, format, estimate }: SheetMetric): Html {
  const show = formats[format];
  return html`<article class="card ${estimate.value === null ? "missing" : ""}" title="${about}">
<h3>${label}</h3><p class="value">${estimate.value === null ? dash : show(estimate.value)}<small>${interval(estimate.interval, show)}</small></p>
<p class="detail">n = ${count(estimate.n)}${estimate.clusters === estimate.n ? null : html`, ${count(estimate.clusters)} clusters`}</p></article>`;
}

function countsLine({ counts }: ScoreSheet): Html {
  const parts: (readonly [string, number, boolean])[] = [
    ["items", counts.items, false],
    ["answered", counts.answered, false],
    ["unread (wrong)", counts.unread, true],
    ...Object.entries(counts.failedByKind).map(
      ([kind, n]) => [`no score: ${kind}`, n, true] as const,
    ),
    ["pending", counts.pending, true],
    ["unusable entries of the data", counts.skippedEntries, true],
  ];
  return html`<p class="counts">${parts.filter(([, n], i) => i < 2 || n > 0).map(([text, n, isBad]) => html`<span class="${isBad ? "bad" : ""}">${text} <b>${count(n)}</b></span>`)}</p>`;
}

function tableOf(table: SheetTable): Html {
  const show = formats[table.format];
  const cell = (value: Estimate | number | string | null) => {
    if (value !== null && typeof value === "object") return estimateCell(value, show);
    return html`<td class="num">${value === null ? dash : typeof value === "number" ? count(value) : value}</td>`;
  };
  return html`<figure><figcaption>${table.title}</figcaption><div class="scroll"><table><thead><tr><th></th>${table.columns.map((c) => html`<th class="num">${c}</th>`)}</tr></thead><tbody>
${table.rows.map((row) => html`<tr><th>${row.label}</th>${row.cells.map(cell)}</tr>`)}</tbody></table></div></figure>`;
}

const toneOf = (item: SheetItem): string =>
  item.status === "failed" || item.status === "pending"
    ? "lost"
    : item.badness >= 0.75
      ? "wrong"
      : item.badness > 0.1
        ? "partly"
        : "right";

const picturesOf = (id: string, frames: ItemFrames): Html | null => {
  const own = frames.get(id) ?? [];
  return own.length === 0
    ? null
    : html`<div class="frames">${own.map((src) => html`<img src="${src}" alt="">`)}</div>`;
};

function answerList(item: SheetItem): Html {
  const tone = toneOf(item);
  return html`<dl>${item.expected === "" ? null : html`<dt>expected</dt><dd>${item.expected}</dd>`}
<dt>answered</dt><dd class="${tone === "right" ? "good" : tone === "wrong" ? "bad" : ""}">${item.answered ?? dash}</dd>
${item.problem === null ? null : html`<dt>problem</dt><dd class="bad">${item.failure === null ? "" : `${item.failure}: `}${item.problem}</dd>`}
${item.details.map(([k, v]) => html`<dt>${k}</dt><dd>${v}</dd>`)}</dl>
${item.raw === null ? null : html`<details><summary>${item.reasoning === null ? "raw reply" : "reasoning and raw reply"}</summary>${item.reasoning === null ? null : html`<pre>${item.reasoning}</pre>`}<pre>${item.raw}</pre></details>`}`;
}

function itemCard(item: SheetItem, frames: ItemFrames): Html {
  const pictures = picturesOf(item.id, frames);
  return html`<article class="item ${toneOf(item)} ${pictures === null ? "bare" : ""}">${pictures}<div>
<header><b>${item.id}</b>${item.group === null ? null : html`<span>${item.group}</span>`}<span>${item.status}</span></header>
${item.question === null ? null : html`<p class="question">${item.question}</p>`}${answerList(item)}</div></article>`;
}

/** Worst first; equal ones in the order of their ids. */
export function worstFirst(items: readonly SheetItem[]): SheetItem[] {
  return items.toSorted((a, b) => b.badness - a.badness || (a.id < b.id ? -1 : 1));
}

const syntheticNote = (isSynthetic: boolean): Html | null =>
  isSynthetic
    ? html`<p class="warning">Synthetic: a scripted stand-in answered or judged. These numbers say nothing about any model.</p>`
    : null;

function facts(sheet: ScoreSheet): Html {
  return html`<section id="facts"><h2>How this was made</h2><dl>${Object.entries(sheet.settings).map(([k, v]) => html`<dt>${k}</dt><dd>${v}</dd>`)}
<dt>intervals</dt><dd>95 % percentile bootstrap over clusters (videos), 1 000 resamples; shares of 0 and 1 exact binomial</dd>
<dt>files</dt><dd>${(sheet.files ?? ["score.json", "items.jsonl"]).map((f, i) => html`${i > 0 ? ", " : ""}<code>${f}</code>`)}: every number here is made from them, joined by id</dd></dl>
<h3>Definitions</h3><dl>${sheet.metrics.map((m) => html`<dt>${m.label}</dt><dd>${m.about}</dd>`)}</dl></section>`;
}

/** @param limit Items that are shown; the page says how many are left out. */
export function renderScoreReport(run: ScoredRun, frames: ItemFrames, limit: number = 200): string {
  const { sheet, items } = run;
  const shown = worstFirst(items).slice(0, limit);
  return renderPage({
    title: `${sheet.title} · Causeway`,
    badge: sheet.isSynthetic ? "synthetic" : null,
    styles: ["base.css", "report.css", "score.css"],
    scripts: ["theme.js"],
    nav: [
      ...(sheet.tables.length > 0 ? [{ id: "tables", text: "Tables" }] : []),
      { id: "items", text: "Items" },
      { id: "facts", text: "Facts" },
    ],
    data: {},
    body: html`<section class="hero"><div class="title"><h1>${sheet.title}</h1></div>
<p class="facts"><span>${sheet.subject}</span><span>${sheet.benchmark}</span></p>
${syntheticNote(sheet.isSynthetic)}<div class="cards few">${sheet.metrics.map(metricCard)}</div>${countsLine(sheet)}
${sheet.notes.map((n) => html`<p class="note">${n}</p>`)}</section>
${sheet.tables.length === 0 ? null : html`<section id="tables"><h2>Tables</h2>${sheet.tables.map(tableOf)}</section>`}
<section id="items"><h2>Items, failures first</h2><p class="lead">${count(shown.length)} of ${count(items.length)} items${shown.length < items.length ? "; the others are in items.jsonl" : ""}.</p><div class="items">${shown.map((i) => itemCard(i, frames))}</div></section>
${facts(sheet)}`,
  });
}

/** Difference with its interval on a common scale. */
function differenceBar({ difference, isHigherBetter }: ComparedSeries, reach: number): Html | null {
  const { value, interval: range } = difference;
  if (value === null) return null;
  const x = (v: number) => fixed(110 + (100 * v) / (reach || 1), 1).replace("−", "-");
  const isSure = range !== null && (range[0] > 0 || range[1] < 0);
  const isGain = isHigherBetter ? value > 0 : value < 0;
  return html`<svg class="diff ${isSure ? (isGain ? "up" : "down") : ""}" viewBox="0 0 220 18" aria-hidden="true"><line class="zero" x1="110" x2="110" y1="0" y2="18"/>${range === null ? null : html`<line class="ci" x1="${x(range[0])}" x2="${x(range[1])}" y1="9" y2="9"/>`}<circle class="dot" cx="${x(value)}" cy="9" r="4"/></svg>`;
}

const seriesName = (key: string): string =>
  key === "mean" ? "all fields" : key.replace(/^field:/, "").replaceAll("_", " ");

export function renderComparison(
  comparison: Comparison,
  a: ScoredRun,
  b: ScoredRun,
  names: readonly [string, string],
  frames: ItemFrames,
  limit: number = 100,
): string {
  const { series } = comparison;
  const reachOf = (s: ComparedSeries) =>
    Math.max(Math.abs(s.difference.value ?? 0), ...(s.difference.interval ?? []).map(Math.abs));
  const reach = Math.max(...series.map(reachOf), 0);
  const number = formats.number;
  const signed = (v: number) => (v > 0 ? `+${fixed(v, 3)}` : fixed(v, 3));
  const inB = new Map(b.items.map((i) => [i.id, i]));
  const pairs = a.items
    .flatMap((x) => {
      const y = inB.get(x.id);
      return y === undefined ? [] : [{ x, y, change: y.badness - x.badness }];
    })
    .sort((p, q) => Math.abs(q.change) - Math.abs(p.change) || (p.x.id < q.x.id ? -1 : 1))
    .slice(0, limit);
  return renderPage({
    title: `${names[0]} and ${names[1]} · Causeway`,
    badge: comparison.isSynthetic ? "synthetic" : null,
    styles: ["base.css", "report.css", "score.css"],
    scripts: ["theme.js"],
    nav: [
      { id: "series", text: "Scores" },
      { id: "items", text: "Items" },
    ],
    data: {},
    body: html`<section class="hero"><div class="title"><h1>${names[1]} against ${names[0]}</h1></div>
<p class="facts"><span>${a.sheet.title}</span><span>${count(comparison.paired)} items in both</span>${comparison.onlyInA.length + comparison.onlyInB.length === 0 ? null : html`<span>${count(comparison.onlyInA.length)} only in ${names[0]}, ${count(comparison.onlyInB.length)} only in ${names[1]}</span>`}</p>
${syntheticNote(comparison.isSynthetic)}</section>
<section id="series"><div class="scroll"><table><thead><tr><th></th><th class="num">${names[0]}</th><th class="num">${names[1]}</th><th class="num">difference</th><th></th><th class="num">better</th><th class="num">equal</th><th class="num">worse</th></tr></thead><tbody>
${series.map(
  (s) =>
    html`<tr class="${s.key === "mean" || s.key === "correct" ? "us" : ""}"><th>${seriesName(s.key)}</th>${estimateCell(s.a, number)}${estimateCell(s.b, number)}${estimateCell(s.difference, signed)}<td>${differenceBar(s, reach)}</td><td class="num">${count(s.better)}</td><td class="num">${count(s.equal)}</td><td class="num">${count(s.worse)}</td></tr>`,
)}</tbody></table></div>
<p class="note">Differences are paired by id, with 95 % bootstrap intervals over clusters; a coloured mark is a difference whose interval leaves out zero.</p>
${comparison.differences.length === 0 ? null : html`<p class="note">Settings that differ: ${comparison.differences.map(([k, x, y]) => `${k}: ${x} / ${y}`).join("; ")}</p>`}</section>
<section id="items"><h2>Items that changed most</h2><div class="items">${pairs.map(({ x, y }) => {
      const pictures = picturesOf(x.id, frames);
      return html`<article class="item ${y.badness > x.badness ? "wrong" : y.badness < x.badness ? "right" : "lost"} ${pictures === null ? "bare" : ""}">${pictures}<div><header><b>${x.id}</b>${x.group === null ? null : html`<span>${x.group}</span>`}</header>${x.question === null ? null : html`<p class="question">${x.question}</p>`}<div class="sides"><div><h4>${names[0]}</h4>${answerList(x)}</div><div><h4>${names[1]}</h4>${answerList(y)}</div></div></div></article>`;
    })}</div></section>`,
  });
}
