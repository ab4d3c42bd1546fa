/** Sections about what the dataset holds and what curation did to it. */
import {
  curvatureEdges,
  filterNames,
  filterRules,
  type Inventory,
  speedEdges,
  tagNames,
} from "@causeway/data";
import { count, duration, fixed, percent, words } from "../report/format.ts";
import { type Html, html } from "../report/html.ts";
import { type Bar, barList, columnChart } from "./bars.ts";
import type { DatasetReportData, RejectedShot } from "./data.ts";
import { shotView } from "./shots.ts";

const tagTitles: Readonly<Record<(typeof tagNames)[number], string>> = {
  manoeuvre: "Manoeuvre (from the track)",
  longitudinal: "Longitudinal meta-action",
  speed: "Mean speed",
  curvature: "Sharpest curvature",
  decision: "Decision of the driver",
  scenario: "Scenario",
  light: "Light",
  place: "Place",
  time: "Day",
};

const edgeText = (v: number) => String(v).replace("-", "−");

/** @param shown clips of the dataset as it is; `before` the same before a selection */
export function inventorySection(data: DatasetReportData): Html {
  const { curation } = data;
  const shown = curation === null ? data.inventory : curation.after;
  const isSelection = curation !== null && curation.kept < curation.clips;
  const before = isSelection ? curation.before : null;
  const bars = (of: Inventory, tag: (typeof tagNames)[number]): Bar[] => {
    const names = new Set([...Object.keys(of.tags[tag]), ...Object.keys(before?.tags[tag] ?? {})]);
    return [...names].map((name) => ({
      name: words(name),
      value: of.tags[tag][name] ?? 0,
      before: before === null ? null : (before.tags[tag][name] ?? 0),
    }));
  };
  // A tag that nobody knows anything about is no plot.
  const known = tagNames.filter((tag) =>
    Object.keys((before ?? shown).tags[tag]).some((word) => word !== "unknown"),
  );
  const unknown = tagNames.filter((tag) => !known.includes(tag));
  const behind = (of: readonly number[] | undefined) => (of === undefined ? {} : { behind: of });
  return html`<section id="inventory"><h2>What is in it</h2>
<p class="lead">${count(shown.clips)} clips of ${count(shown.drives)} drives, ${duration(shown.secs)}, ${fixed(shown.distanceM / 1000, 1)} km.${before === null ? "" : html` Pale: all ${count(before.clips)} clips, before ${data.isVersion ? "curation" : "what the policy would take away"}.`}</p>
<div class="grid2"><figure><figcaption>Speed, 10 Hz ticks</figcaption>${columnChart({
    counts: shown.speedTicks,
    ...behind(before?.speedTicks),
    labels: speedEdges.map((v, i) => (i % 2 === 0 ? edgeText(v) : "")),
    xLabel: "m/s, lower edge of each bin",
  })}</figure>
<figure><figcaption>Curvature, 10 Hz ticks</figcaption>${columnChart({
    counts: shown.curvatureTicks,
    ...behind(before?.curvatureTicks),
    labels: ["", ...curvatureEdges.map((v) => edgeText(v * 1000))].map((t, i) =>
      i === 0 ? "right" : i === curvatureEdges.length ? "left" : t,
    ),
    xLabel: "1/km, lower edge of each bin, left is positive; −2 to 2 is straight",
  })}</figure></div>
<div class="trio">${known.map((tag) => html`<figure><figcaption>${tagTitles[tag]}</figcaption>${barList(bars(shown, tag))}</figure>`)}</div>
${unknown.length === 0 ? null : html`<p class="note">Not known of any clip: ${unknown.map((t) => tagTitles[t].toLowerCase()).join(", ")}.</p>`}</section>`;
}

export function curationSection(data: DatasetReportData): Html | null {
  const { curation } = data;
  if (curation === null) return null;
  const { clips, kept, rejected } = curation;
  const part = (n: number, className: string, text: string) =>
    n === 0
      ? null
      : html`<span class="${className}" style="flex:${n}" title="${text}: ${count(n)}"></span>`;
  const legend = (n: number, className: string, text: string) =>
    html`<li><i class="${className}"></i>${text} <span>${count(n)} (${percent(clips === 0 ? null : n / clips)})</span></li>`;
  const verb = data.isVersion ? "made this dataset from" : "looked at";
  return html`<section id="curation"><h2>Curation</h2>
<p class="lead">Policy <code>${curation.policyHash}</code> ${verb} ${count(clips)} clips of <b>${curation.dataset.name}</b>. Each clip goes for the first reason that applies, in this order; scores are kept, so another policy needs no second look at the pictures.</p>
<div class="stack">${part(kept, "good", "kept")}${part(rejected.filter, "bad", "filters")}${part(rejected.duplicate, "warn", "duplicates")}${part(rejected.balance, "rest", "over quota")}</div>
<ul class="legend">${legend(kept, "good", "kept")}${legend(rejected.filter, "bad", "rejected by filters")}${legend(rejected.duplicate, "warn", "duplicates")}${legend(rejected.balance, "rest", "over quota")}</ul>
<h3>Filters</h3><p class="note">Each alone. The line is the limit; clips on its far side go. Bins span the 1st to the 99th percentile.</p>
<div class="trio filters">${filterNames.map((name) => filterFigure(curation, name))}</div>
${dedupPart(data)}${balancePart(data)}${rejectedPart(data.rejected)}</section>`;
}

function filterFigure(
  curation: NonNullable<DatasetReportData["curation"]>,
  name: (typeof filterNames)[number],
): Html {
  const { limit, rejects, histogram: h } = curation.filters[name];
  const rule = filterRules[name];
  const short = (v: number) => (Math.abs(v) < 1e-6 ? "0" : edgeText(Number(v.toPrecision(3))));
  const side = rule.reject === "below" ? "at least" : "at most";
  const chart =
    h.measured === 0
      ? html`<p class="empty">not measurable on these clips</p>`
      : columnChart({
          counts: h.counts,
          labels: h.counts.map((_, i) =>
            i === 0 ? short(h.low) : i === h.counts.length - 1 ? short(h.high) : "",
          ),
          xLabel: rule.unit,
          height: 104,
          width: 340,
          mark:
            limit === null
              ? null
              : {
                  at: ((limit - h.low) / (h.high - h.low)) * h.counts.length,
                  text: `${limit < h.low ? "← " : ""}${side} ${short(limit)}${limit > h.high ? " →" : ""}`,
                },
        });
  return html`<figure><figcaption>${name}<small>${rule.title}${h.unmeasured > 0 ? `; not measured on ${count(h.unmeasured)}` : ""}</small><b class="${rejects > 0 ? "bad" : "quiet"}">${limit === null ? "off" : `${count(rejects)} out`}</b></figcaption>${chart}</figure>`;
}

function dedupPart(data: DatasetReportData): Html | null {
  const dedup = data.curation?.dedup ?? null;
  if (dedup === null) return null;
  const { eps, mode } = data.curation?.policy.dedup ?? { eps: null, mode: "plain" };
  return html`<h3>Duplicates</h3><p class="note">SemDeDup over ${count(dedup.rows)} clips that passed the filters, ${count(dedup.clusters)} clusters (${dedup.iterations} ${dedup.iterations === 1 ? "round" : "rounds"}). The table is from one run: eps is applied late. In force: ${eps === null ? "none" : `eps ${eps}, ${mode}`}.</p>
<div class="scroll"><table class="narrow"><thead><tr><th>eps</th>${dedup.table.map((t) => html`<th class="num">${t.eps}</th>`)}</tr></thead><tbody><tr><th>removed, compared with every earlier clip</th>${dedup.table.map((t) => html`<td class="num ${t.eps === eps && mode === "plain" ? "here" : ""}">${count(t.plain)}</td>`)}</tr><tr><th>removed, compared with kept clips only</th>${dedup.table.map((t) => html`<td class="num ${t.eps === eps && mode === "greedy" ? "here" : ""}">${count(t.greedy)}</td>`)}</tr></tbody></table></div>`;
}

function balancePart(data: DatasetReportData): Html | null {
  const balance = data.curation?.balance ?? [];
  if (balance.length === 0) return null;
  return html`<h3>Balance by ${data.curation?.policy.balance?.by.join(" × ")}</h3><p class="note">Kept of found, per cell; spread over recordings.</p>${barList(
    balance.map((b) => ({
      name: words(b.cell.replaceAll("|", " · ")),
      value: b.kept,
      before: b.found,
    })),
    24,
  )}`;
}

function rejectedPart(rejected: readonly RejectedShot[]): Html | null {
  if (rejected.length === 0) return null;
  return html`<h3>Rejected, with the reason</h3><div class="shots">${rejected.map(
    (r) =>
      html`<article class="shot">${r.twin === null ? shotView(r.shot) : html`<div class="twins">${shotView(r.shot)}${shotView(r.twin.shot)}</div>`}<h4>${r.id}</h4>${r.reasons.map((reason) => html`<p>${reason}</p>`)}</article>`,
  )}</div>`;
}
