/** Front page of a dataset: one row per drive, with what was skipped and why. */
import { count, duration, fixed } from "../report/format.ts";
import { html, raw } from "../report/html.ts";
import { renderPage } from "../report/page.ts";
import { sparkSvg } from "../report/plot.ts";
import type { DriveBand } from "./data.ts";
import { bandTone } from "./data.ts";

export interface DatasetIndexDrive {
  readonly id: string;
  /** Page of the drive, relative; null when there is none. */
  readonly href: string | null;
  readonly format: string;
  readonly scenario: string | null;
  readonly durationSecs: number;
  /** Null without ego motion. */
  readonly distanceM: number | null;
  readonly keyframes: number;
  readonly labels: number;
  /** That came with the recording. */
  readonly questions: number;
  readonly hasMap: boolean;
  readonly numCameras: number;
  readonly speedMps: readonly number[];
  /** World track, thinned (100 points are plenty). */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** The first band, usually the longitudinal meta-actions. */
  readonly band: DriveBand | null;
}

/** Sums over all drives. */
export interface DatasetTotals {
  readonly drives: number;
  readonly durationSecs: number;
  readonly distanceM: number;
  readonly keyframes: number;
  readonly labels: number;
  readonly questions: number;
  readonly withoutMotion: number;
}

export interface DatasetIndexData {
  readonly name: string;
  readonly licence: string;
  readonly fingerprint: string | null;
  /** Drives with a row of their own. */
  readonly drives: readonly DatasetIndexDrive[];
  /** Over all drives, where not all have a row; default: sums of the rows. */
  readonly totals?: DatasetTotals;
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

function miniTrack(x: readonly number[], y: readonly number[]) {
  if (x.length < 2) return null;
  const [x0, x1, y0, y1] = [Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)];
  const size = Math.max(x1 - x0, y1 - y0, 1);
  const at = (v: number, low: number, high: number) =>
    (3 + 34 * (0.5 + (v - (low + high) / 2) / size)).toFixed(1);
  const d = x
    .map(
      (v, i) =>
        `${i === 0 ? "M" : "L"}${at(v, x0, x1)} ${(40 - Number(at(y[i], y0, y1))).toFixed(1)}`,
    )
    .join("");
  return html`<svg class="spark" viewBox="0 0 40 40" width="40" height="40"><path d="${d}"/></svg>`;
}

function miniBand(band: DriveBand | null, durationSecs: number) {
  if (band === null || band.spans.length === 0) return null;
  return html`<svg class="bandlet" viewBox="0 0 ${fixed(Math.max(durationSecs, 0.1), 2)} 10" preserveAspectRatio="none">${band.spans.map((s) => html`<rect class="tone-${bandTone(s.label)}" x="${s.startSecs.toFixed(2)}" width="${Math.max(0.05, s.endSecs - s.startSecs).toFixed(2)}" y="0" height="10"><title>${s.label}</title></rect>`)}</svg>`;
}

function sumOf(drives: readonly DatasetIndexDrive[]): DatasetTotals {
  const total = (of: (d: DatasetIndexDrive) => number) => drives.reduce((sum, d) => sum + of(d), 0);
  return {
    drives: drives.length,
    durationSecs: total((d) => d.durationSecs),
    distanceM: total((d) => d.distanceM ?? 0),
    keyframes: total((d) => d.keyframes),
    labels: total((d) => d.labels),
    questions: total((d) => d.questions),
    withoutMotion: drives.filter((d) => d.distanceM === null).length,
  };
}

export function renderDatasetIndex(data: DatasetIndexData): string {
  const totals = data.totals ?? sumOf(data.drives);
  const unlisted = totals.drives - data.drives.length;
  const facts: (readonly [string, string])[] = [
    ["drives", count(totals.drives)],
    ["time", duration(totals.durationSecs)],
    ["distance", `${fixed(totals.distanceM / 1000, 1)} km`],
    ["keyframes", count(totals.keyframes)],
    ["labels", count(totals.labels)],
    ["questions", totals.questions === 0 ? "" : count(totals.questions)],
    ["without ego motion", totals.withoutMotion === 0 ? "" : count(totals.withoutMotion)],
    ["skipped", count(data.skipped.length)],
    ["licence", data.licence],
    ["fingerprint", data.fingerprint ?? ""],
  ];
  const body = html`<section class="hero"><div class="title"><h1>${data.name}</h1></div><p class="facts">${facts.filter(([, v]) => v !== "").map(([k, v]) => html`<span>${k} <b>${v}</b></span>`)}</p></section>
<div class="scroll index"><table><thead><tr><th>drive</th><th>scenario or format</th><th>track</th><th>speed</th><th>what it does</th><th class="num">time</th><th class="num">distance</th><th class="num">cameras</th><th>map</th><th class="num">keyframes</th><th class="num">labels</th>${totals.questions === 0 ? null : html`<th class="num">questions</th>`}</tr></thead><tbody>
${data.drives.map(
  (d) =>
    html`<tr><th>${d.href === null ? d.id : html`<a href="${d.href}">${d.id}</a>`}</th><td>${(d.scenario ?? d.format).replaceAll("_", " ")}</td><td>${miniTrack(d.x, d.y)}</td><td>${sparkSvg(d.speedMps)}</td><td>${miniBand(d.band, d.durationSecs)}</td><td class="num">${duration(d.durationSecs)}</td><td class="num">${d.distanceM === null ? "no ego motion" : `${count(d.distanceM)} m`}</td><td class="num">${d.numCameras}</td><td>${d.hasMap ? "yes" : raw("&ndash;")}</td><td class="num">${count(d.keyframes)}</td><td class="num">${count(d.labels)}</td>${totals.questions === 0 ? null : html`<td class="num">${count(d.questions)}</td>`}</tr>`,
)}</tbody></table></div>${unlisted <= 0 ? null : html`<p>The first ${count(data.drives.length)} of ${count(totals.drives)} drives; the sums above are over all of them, and dataset.json lists them.</p>`}
${data.skipped.length === 0 ? null : html`<section><h2>Skipped</h2><div class="scroll"><table><tbody>${data.skipped.map((s) => html`<tr><th>${s.what}</th><td>${s.why}</td></tr>`)}</tbody></table></div></section>`}`;
  return renderPage({
    title: `${data.name} · Causeway`,
    nav: [],
    badge: null,
    body,
    styles: ["base.css", "drive.css"],
    scripts: ["theme.js"],
    data: {},
  });
}
