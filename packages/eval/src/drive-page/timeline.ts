/** Plots and bands of a drive over one shared time axis, as one SVG: a cursor line crosses all of them. */
import { type Html, html } from "../report/html.ts";
import { niceTicks } from "../report/plot.ts";
import { bandTone, type BandTone, type DriveBand, type DrivePageData } from "./data.ts";

const leastWidth = 820;
/** Long drives scroll: pixels per second below which bands and marks could not be told apart. */
const leastPxPerSec = 7;
const left = 58;
const plotHeight = 92;
const gapBelow = 22;
const bandHeight = 24;

const px = (v: number) => (Math.round(v * 10) / 10).toString();

export interface TimelineScale {
  readonly t0: number;
  readonly t1: number;
  readonly left: number;
  readonly right: number;
  readonly width: number;
}

export function timelineScale(data: DrivePageData): TimelineScale {
  const n = data.tSecs.length;
  const t0 = n === 0 ? 0 : data.tSecs[0];
  const t1 = Math.max(t0 + 0.1, n === 0 ? data.durationSecs : data.tSecs[n - 1]);
  const width = Math.round(Math.max(leastWidth, left + 10 + (t1 - t0) * leastPxPerSec));
  return { t0, t1, left, right: width - 10, width };
}

function extent(values: ArrayLike<number>, least: number): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  if (low > high) [low, high] = [0, 0];
  const short = least - (high - low);
  if (short > 0) [low, high] = [low - short / 2, high + short / 2];
  return [low, high];
}

/** Line through finite values; a value that is not finite leaves a gap. Extremes within a pixel stay visible. */
function seriesPath(
  t: ArrayLike<number>,
  v: ArrayLike<number>,
  x: (t: number) => number,
  y: (v: number) => number,
  width: number,
): string {
  const every = Math.max(1, Math.floor(t.length / (2 * width)));
  let d = "";
  let pen = false;
  for (let i = 0; i < t.length; i += every) {
    let low = i;
    let high = i;
    for (let k = i; k < Math.min(t.length, i + every); k++) {
      if (v[k] < v[low]) low = k;
      if (v[k] > v[high]) high = k;
    }
    for (const k of low === high ? [low] : low < high ? [low, high] : [high, low]) {
      if (!Number.isFinite(v[k])) {
        pen = false;
        continue;
      }
      d += `${pen ? "L" : "M"}${px(x(t[k]))} ${px(y(v[k]))}`;
      pen = true;
    }
  }
  return d;
}

export function timeline(data: DrivePageData): Html {
  const scale = timelineScale(data);
  const { right, width } = scale;
  const x = (t: number) => left + ((t - scale.t0) / (scale.t1 - scale.t0)) * (right - left);
  const plots = [
    {
      name: "speed",
      unit: "m/s",
      values: data.speedMps,
      range: extent(data.speedMps, 4),
      className: "c-model",
    },
    {
      name: "acceleration",
      unit: "m/s²",
      values: data.accelMps2,
      range: extent(data.accelMps2, 2),
      className: "c-ctra",
    },
    {
      name: "curvature",
      unit: "1/m, left up",
      values: data.curvaturePerM,
      range: extent(data.curvaturePerM, 0.02),
      className: "c-shuffled",
    },
  ];
  let top = 38;
  const parts = plots.map((plot) => {
    const [low, high] = plot.range;
    const pad = (high - low) * 0.06;
    const bottom = top + plotHeight;
    const at = top;
    const y = (v: number) => bottom - ((v - low + pad) / (high - low + 2 * pad)) * (bottom - at);
    const ticks = niceTicks(low, high, 3);
    const zero =
      low < 0 && high > 0
        ? html`<line class="zero" x1="${left}" x2="${right}" y1="${px(y(0))}" y2="${px(y(0))}"/>`
        : null;
    top = bottom + gapBelow;
    return html`<text class="name" x="${left + 5}" y="${at - 5}">${plot.name}<tspan class="unit" dx="6">${plot.unit}</tspan></text>
${ticks.map((t) => html`<line class="grid" x1="${left}" x2="${right}" y1="${px(y(t))}" y2="${px(y(t))}"/><text class="tick" x="${left - 8}" y="${px(y(t) + 3.5)}" text-anchor="end">${String(t).replace("-", "−")}</text>`)}${zero}
<path class="line ${plot.className}" d="${seriesPath(data.tSecs, plot.values, x, y, width)}"/>`;
  });
  const bands = data.bands.map((band) => {
    const at = top;
    top += bandHeight + gapBelow;
    return bandRow(band, at, x, right);
  });
  const height = top + 8;
  const axis = niceTicks(scale.t0, scale.t1, Math.round(width / 90)).map(
    (t) =>
      html`<text class="tick" x="${px(x(t))}" y="${height - 2}" text-anchor="middle">${t} s</text>`,
  );
  const marks = data.keyframes.map(
    (k, i) =>
      html`<g class="key" data-at="${k.tSecs}"><line x1="${px(x(k.tSecs))}" x2="${px(x(k.tSecs))}" y1="16" y2="${height - 16}"/><circle cx="${px(x(k.tSecs))}" cy="8" r="7.5"/><text x="${px(x(k.tSecs))}" y="11.5" text-anchor="middle">${i + 1}</text><title>${k.reason}</title></g>`,
  );
  return html`<svg id="timeline" class="plot timeline" viewBox="0 0 ${width} ${height}" style="min-width:${width > leastWidth ? width : 0}px" role="img" aria-label="speed, acceleration, curvature and labels over time">${parts}${bands}${axis}${marks}<line id="cursor" class="cursor" x1="${left}" x2="${left}" y1="16" y2="${height - 16}"/></svg>`;
}

function bandRow(band: DriveBand, top: number, x: (t: number) => number, right: number): Html {
  const name = html`<text class="name" x="${left + 5}" y="${top - 5}">${band.title}</text>`;
  if (band.missing !== null) {
    return html`${name}<rect class="none" x="${left}" y="${top}" width="${right - left}" height="${bandHeight}" rx="4"/><text class="tick" x="${left + 10}" y="${top + 16}">not available: ${band.missing}</text>`;
  }
  return html`${name}<rect class="none" x="${left}" y="${top}" width="${right - left}" height="${bandHeight}" rx="4"/>
${band.spans.map((span) => {
  const from = x(span.startSecs);
  const to = Math.max(from + 1.5, x(span.endSecs));
  const fits = to - from > 12 + span.label.length * 5.9;
  return html`<g class="span tone-${bandTone(span.label)}"><rect x="${px(from + 0.75)}" y="${top}" width="${px(Math.max(1, to - from - 1.5))}" height="${bandHeight}" rx="3"/>${fits ? html`<text x="${px(from + 8)}" y="${top + 16}">${span.label}</text>` : null}<title>${span.label}, ${span.startSecs.toFixed(1)} to ${span.endSecs.toFixed(1)} s</title></g>`;
})}`;
}

const toneNames: readonly (readonly [BandTone, string])[] = [
  ["stop", "stops or yields"],
  ["slow", "slows down"],
  ["fast", "speeds up"],
  ["left", "left"],
  ["right", "right"],
  ["reverse", "reverses"],
  ["calm", "no change"],
];

/** What the colours of the bands mean; only those that occur. */
export function toneLegend(bands: readonly DriveBand[]): Html {
  const seen = new Set(bands.flatMap((b) => b.spans.map((s) => bandTone(s.label))));
  return html`<p class="tones">${toneNames.filter(([tone]) => seen.has(tone)).map(([tone, name]) => html`<span><i class="tone-${tone}"></i>${name}</span>`)}</p>`;
}
