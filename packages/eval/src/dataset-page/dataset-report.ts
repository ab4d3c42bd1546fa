/** report.html of a dataset: one self-contained page. Pure but for reading its own style and script files. */
import { count, duration } from "../report/format.ts";
import { html } from "../report/html.ts";
import { renderPage } from "../report/page.ts";
import { curationSection, inventorySection } from "./curation-sections.ts";
import type { DatasetReportData } from "./data.ts";
import {
  costSection,
  disagreementSection,
  keyframeSection,
  labelSection,
  sampleSection,
} from "./label-sections.ts";

export function renderDatasetReport(data: DatasetReportData): string {
  const sections = [
    { id: "samples", text: "Samples", body: sampleSection(data.samples) },
    { id: "inventory", text: "Inventory", body: inventorySection(data) },
    { id: "curation", text: "Curation", body: curationSection(data) },
    { id: "keyframes", text: "Keyframes", body: keyframeSection(data) },
    { id: "labels", text: "Labels", body: labelSection(data.labels) },
    { id: "disagreements", text: "Disagreements", body: disagreementSection(data.disagreements) },
    { id: "cost", text: "Cost", body: costSection(data.ledgers) },
  ].filter((s) => s.body !== null);
  const facts: (readonly [string, string])[] = [
    ["drives", count(data.drives)],
    ["time", duration(data.hours * 3600)],
    ["without ego motion", data.withoutMotion === 0 ? "" : count(data.withoutMotion)],
    ["questions", data.questions === 0 ? "" : count(data.questions)],
    ["source", data.formats.map((f) => `${f.format} (${f.drives})`).join(", ")],
    [
      "splits",
      data.splits === null
        ? ""
        : `${data.splits.train} train, ${data.splits.val} val, ${data.splits.test} test`,
    ],
    ["labels", count(data.labels.reduce((sum, l) => sum + l.total, 0))],
    ["skipped", data.skipped.length === 0 ? "" : count(data.skipped.length)],
    ["licence", data.licence],
    ["fingerprint", data.fingerprint.slice(0, 16)],
  ];
  const body = html`<section class="hero"><div class="title"><h1>${data.name}</h1>${data.policyHash === null ? null : html`<span class="pill pass">version ${data.policyHash}</span>`}</div>
<p class="facts">${facts.filter(([, v]) => v !== "").map(([k, v]) => html`<span>${k} <b>${v}</b></span>`)}</p>
${data.lineage.length === 0 ? null : html`<p class="lineage">made from ${data.lineage.map((p, i) => html`${i > 0 ? " ← " : ""}<b>${p.name}</b> <code>${p.fingerprint.slice(0, 12)}</code>${p.policyHash === null ? "" : html` by policy <code>${p.policyHash}</code>`}`)}</p>`}</section>
${sections.map((s) => s.body)}
${data.skipped.length === 0 ? null : html`<section id="skipped"><h2>Skipped</h2><div class="scroll"><table><tbody>${data.skipped.map((s) => html`<tr><th>${s.what}</th><td>${s.why}</td></tr>`)}</tbody></table></div></section>`}`;
  return renderPage({
    title: `${data.name} · Causeway`,
    nav: sections.map(({ id, text }) => ({ id, text })),
    badge: data.ledgers.some((l) => l.isSynthetic) ? "synthetic labels" : null,
    body,
    styles: ["base.css", "report.css", "dataset.css"],
    scripts: ["theme.js"],
    data: {},
  });
}
