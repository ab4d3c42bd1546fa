/** One page about one recorded drive: motion, labels, keyframes, track, pictures. */
import { count, duration, fixed } from "../report/format.ts";
import { type Html, html } from "../report/html.ts";
import { renderPage } from "../report/page.ts";
import type { AskedMoment, DrivePageData } from "./data.ts";
import { timeline, timelineScale, toneLegend } from "./timeline.ts";
import { track, trackFrame } from "./track.ts";

const round = (values: ArrayLike<number>, digits: number) =>
  Array.from(values, (v) => (Number.isFinite(v) ? Number(v.toFixed(digits)) : null));

function keyframeTable(data: DrivePageData): Html {
  if (data.keyframes.length === 0)
    return html`<p class="empty">No keyframes: nothing changed enough, or the recording is too short for a label window.</p>`;
  const nearest = (t: number) =>
    data.pictures.reduce<DrivePageData["pictures"][number] | null>(
      (best, p) => (best === null || Math.abs(p.tSecs - t) < Math.abs(best.tSecs - t) ? p : best),
      null,
    );
  return html`<ol class="keyframes">${data.keyframes.map((k, i) => {
    const picture = nearest(k.tSecs);
    return html`<li data-at="${k.tSecs}" tabindex="0"><i>${i + 1}</i>${picture === null ? null : html`<img alt="" src="data:image/jpeg;base64,${picture.jpeg}">`}<div><b>${fixed(k.tSecs, 1)} s</b> ${k.reason}${k.trace === null ? null : html`<blockquote>${k.trace}</blockquote>`}</div></li>`;
  })}</ol>`;
}

/** Pictures in a row, for a drive that has nothing to plot. */
function pictureStrip(pictures: DrivePageData["pictures"]): Html | null {
  return pictures.length === 0
    ? null
    : html`<section><h2>Pictures</h2><div class="strip">${pictures.map((p) => html`<figure><img alt="" src="data:image/jpeg;base64,${p.jpeg}"><figcaption>${fixed(p.tSecs, 1)} s</figcaption></figure>`)}</div></section>`;
}

function questionSection(moments: readonly AskedMoment[]): Html | null {
  if (moments.length === 0) return null;
  const total = moments.reduce(
    (sum, m) => sum + m.kinds.reduce((of, k) => of + k.asked.length, 0),
    0,
  );
  return html`<section><h2>Questions</h2><p class="lead">${count(total)} questions came with the recording, about ${count(moments.length)} moments.</p>${moments.map(
    (
      m,
    ) => html`<article class="asked"><h3 data-at="${m.tSecs}">${fixed(m.tSecs, 2)} s</h3><div class="strip">${m.pictures.map((p) => html`<figure><img alt="${p.camera}" src="data:image/jpeg;base64,${p.jpeg}"><figcaption>${p.camera}</figcaption></figure>`)}</div>
${m.objects.length === 0 ? null : html`<ul class="notes">${m.objects.map((o) => html`<li>${o}</li>`)}</ul>`}${m.kinds.map(
  (k) =>
    html`<details><summary>${k.kind}, ${count(k.asked.length)}</summary><dl>${k.asked.map(
      (a) => html`<dt>${a.question}</dt><dd>${a.answer}</dd>`,
    )}</dl></details>`,
)}</article>`,
  )}</section>`;
}

/** What the importer assumed: a few lines as they are, many behind a click. */
function notes(lines: readonly string[]): Html {
  const list = lines.map((n) => html`<li>${n}</li>`);
  if (lines.length === 0) return html``;
  return lines.length <= 2
    ? html`<ul class="notes">${list}</ul>`
    : html`<details class="notes"><summary>${lines.length} assumptions of the importer</summary><ul>${list}</ul></details>`;
}

/** The page as one string; no requests, no files beside it. */
export function renderDrivePage(data: DrivePageData): string {
  const hasMotion = data.tSecs.length > 0;
  const facts: (readonly [string, string])[] = [
    ["format", data.format],
    ["scenario", data.scenario ?? ""],
    ["duration", duration(data.durationSecs)],
    ["distance", hasMotion ? `${count(data.distanceM)} m` : ""],
    ["layers", data.layers.join(", ")],
    ["licence", data.licence],
    ...data.facts,
  ];
  const body = html`<section class="hero"><div class="title"><h1>${data.id}</h1>${data.indexHref === null ? null : html`<a class="back" href="${data.indexHref}">all drives</a>`}</div>
<p class="facts">${facts.filter(([, v]) => v !== "").map(([k, v]) => html`<span>${k} <b>${v}</b></span>`)}</p>
${notes(data.notes)}</section>
${hasMotion ? motionPart(data) : html`<p class="empty">No ego motion: the source does not tell how the car moved, so there are no plots, meta-actions, keyframes or samples.</p>${pictureStrip(data.pictures)}`}
${questionSection(data.questions)}`;
  const scale = timelineScale(data);
  return renderPage({
    title: `${data.id} · Causeway`,
    nav: [],
    badge: null,
    body,
    styles: ["base.css", "drive.css"],
    scripts: ["theme.js", "drive.js"],
    data: {
      "drive-data": {
        scale,
        t: round(data.tSecs, 3),
        x: round(data.x, 2),
        y: round(data.y, 2),
        speed: round(data.speedMps, 2),
        accel: round(data.accelMps2, 2),
        curvature: round(data.curvaturePerM, 4),
        bands: data.bands.map((b) => ({ title: b.title, spans: b.spans })),
        pictures: data.pictures,
      },
    },
  });
}

function motionPart(data: DrivePageData): Html {
  const frame = trackFrame(data, data.pictures.length > 0 ? 1.25 : 0.86);
  return html`<div class="drive"><div class="time"><div class="scroll">${timeline(data)}</div>${toneLegend(data.bands)}</div>
<div class="place">${data.pictures.length === 0 ? null : html`<img id="picture" alt="camera" src="data:image/jpeg;base64,${data.pictures[0].jpeg}">`}${track(data, frame)}
<p class="readout" id="readout"></p><div class="ramp"><span>standing</span><i></i><span>${fixed(maximum(data.speedMps) * 3.6, 0)} km/h</span></div></div></div>
<section><h2>Keyframes</h2>${keyframeTable(data)}</section>`;
}

function maximum(values: ArrayLike<number>): number {
  let top = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > top) top = values[i];
  return top;
}
