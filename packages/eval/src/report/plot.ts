/** Line plots as SVG, no script needed: they print, scale and follow the page's colours through classes. */
import { type Html, html, raw } from "./html.ts";

export interface PlotSeries {
  readonly name: string;
  /** CSS class that sets `--c`, e.g. "c-model". */
  readonly className: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Band around the line, same length as x. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  readonly dashed?: boolean;
  /** Thin and pale: raw values behind a smoothed line. */
  readonly faint?: boolean;
}

export interface PlotOptions {
  readonly series: readonly PlotSeries[];
  readonly width?: number;
  readonly height?: number;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xRange?: readonly [number, number];
  readonly yRange?: readonly [number, number];
  readonly logY?: boolean;
  /** Vertical marks, e.g. horizons or the border of two stages. */
  readonly marks?: readonly { readonly x: number; readonly text: string }[];
  /** Direct labels at line ends (default), or none when a legend is near. */
  readonly labels?: boolean;
}

/** Round steps 1, 2, 5 × 10ⁿ: about `target` of them over [low, high]. */
export function niceTicks(low: number, high: number, target = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / target;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Math.round(i * step * 1e9) / 1e9);
  }
  return ticks;
}

const short = (v: number) => {
  const a = Math.abs(v);
  if (v !== 0 && (a < 1e-3 || a >= 1e6))
    return v.toExponential(0).replace("e-", "e−").replace("e+", "e");
  if (a >= 10_000) return `${Math.round(v / 100) / 10}k`;
  return String(Math.round(v * 1e4) / 1e4).replace("-", "−");
};
const px = (v: number) => (Math.round(v * 10) / 10).toString();

/** Fewer points than pixels: keeps least and greatest of each bucket, so spikes stay. */
function decimate(
  x: readonly number[],
  y: readonly number[],
  buckets: number,
): [number[], number[]] {
  if (x.length <= buckets * 2) return [[...x], [...y]];
  const outX: number[] = [];
  const outY: number[] = [];
  for (let b = 0; b < buckets; b++) {
    const from = Math.floor((b * x.length) / buckets);
    const to = Math.floor(((b + 1) * x.length) / buckets);
    let low = from;
    let high = from;
    for (let i = from; i < to; i++) {
      if (y[i] < y[low]) low = i;
      if (y[i] > y[high]) high = i;
    }
    for (const i of low < high ? [low, high] : low === high ? [low] : [high, low]) {
      outX.push(x[i]);
      outY.push(y[i]);
    }
  }
  return [outX, outY];
}

export function linePlot(options: PlotOptions): Html {
  const { width = 520, height = 260, series, logY = false, labels = true } = options;
  const finite = series
    .flatMap((s) => [...s.y, ...(s.low ?? []), ...(s.high ?? [])])
    .filter((v) => Number.isFinite(v) && (!logY || v > 0));
  const xs = series.flatMap((s) => [...s.x]);
  if (finite.length === 0 || xs.length === 0) return html`<p class="empty">Nothing to plot.</p>`;
  const least = (values: readonly number[]) =>
    values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = (values: readonly number[]) =>
    values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const [x0, x1] = options.xRange ?? [least(xs), greatest(xs)];
  let [y0, y1] = options.yRange ?? [
    logY ? least(finite) : Math.min(0, least(finite)),
    greatest(finite),
  ];
  if (y1 <= y0) y1 = y0 + 1;
  if (options.yRange === undefined && !logY) y1 += (y1 - y0) * 0.06;
  if (logY) [y0, y1] = [y0 * 0.9, y1 * 1.1];

  const labelRoom = labels
    ? 8 + 6.1 * greatest(series.filter((s) => s.faint !== true).map((s) => s.name.length))
    : 12;
  const box = {
    left: 46,
    right: width - labelRoom,
    top: options.yLabel === "" ? 10 : 24,
    bottom: height - 34,
  };
  const toX = (v: number) => box.left + ((v - x0) / (x1 - x0 || 1)) * (box.right - box.left);
  const scale = (v: number) => (logY ? Math.log(Math.max(v, y0 * 0.5)) : v);
  const toY = (v: number) =>
    box.bottom - ((scale(v) - scale(y0)) / (scale(y1) - scale(y0))) * (box.bottom - box.top);

  const yTicks = logY
    ? [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50].filter((v) => v >= y0 && v <= y1)
    : niceTicks(y0, y1, Math.max(2, Math.round(height / 55)));
  const xTicks = niceTicks(x0, x1, Math.max(3, Math.round(width / 90)));
  const grid = yTicks.map(
    (t) =>
      html`<line class="grid" x1="${box.left}" x2="${px(box.right)}" y1="${px(toY(t))}" y2="${px(toY(t))}"/><text class="tick" x="${box.left - 7}" y="${px(toY(t) + 3.5)}" text-anchor="end">${short(t)}</text>`,
  );
  const xAxis = xTicks.map(
    (t) =>
      html`<text class="tick" x="${px(toX(t))}" y="${box.bottom + 15}" text-anchor="middle">${short(t)}</text>`,
  );
  const marks = (options.marks ?? []).map(
    (m) =>
      html`<line class="mark" x1="${px(toX(m.x))}" x2="${px(toX(m.x))}" y1="${box.top}" y2="${box.bottom}"/><text class="tick" x="${px(toX(m.x) + 4)}" y="${box.top + 8}">${m.text}</text>`,
  );
  const path = (x: readonly number[], y: readonly number[]) =>
    x.map((v, i) => `${i === 0 ? "M" : "L"}${px(toX(v))} ${px(toY(y[i]))}`).join("");
  const bands = series.map((s) => {
    if (s.low === undefined || s.high === undefined) return null;
    const back = s.x.map((_, i) => s.x.length - 1 - i);
    const d = `${path(s.x, s.high)}${back.map((i) => `L${px(toX(s.x[i]))} ${px(toY((s.low as readonly number[])[i]))}`).join("")}Z`;
    return html`<path class="band ${s.className}" d="${d}"/>`;
  });
  const lines = series.map((s) => {
    const [x, y] = decimate(s.x, s.y, Math.round(width));
    const classes = `line ${s.className}${s.dashed === true ? " dashed" : ""}${s.faint === true ? " faint" : ""}`;
    return html`<path class="${classes}" d="${path(x, y)}"><title>${s.name}</title></path>`;
  });
  return html`<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${options.yLabel} over ${options.xLabel}">
${grid}${xAxis}${marks}${bands}${lines}${labels ? endLabels(series, toX, toY, box) : null}
<line class="axis" x1="${box.left}" x2="${px(box.right)}" y1="${box.bottom}" y2="${box.bottom}"/>
<text class="label" x="${px(box.right)}" y="${height - 4}" text-anchor="end">${options.xLabel}</text>
<text class="label" x="2" y="9">${options.yLabel}</text></svg>`;
}

/** Names at the ends of lines, pushed apart so that none overlaps. */
function endLabels(
  series: readonly PlotSeries[],
  toX: (v: number) => number,
  toY: (v: number) => number,
  box: { readonly top: number; readonly bottom: number },
): Html[] {
  const gap = 13;
  const ends = series
    .filter((s) => s.faint !== true && s.x.length > 0)
    .map((s) => ({ s, x: toX(s.x[s.x.length - 1]), y: toY(s.y[s.y.length - 1]) }))
    .sort((a, b) => a.y - b.y);
  for (let i = 1; i < ends.length; i++) ends[i].y = Math.max(ends[i].y, ends[i - 1].y + gap);
  const over = (ends[ends.length - 1]?.y ?? 0) - box.bottom;
  if (over > 0)
    for (const [i, end] of ends.entries()) end.y = Math.max(box.top + i * gap, end.y - over);
  return ends.map(
    ({ s, x, y }) =>
      html`<text class="end ${s.className}" x="${px(x + 6)}" y="${px(y + 4)}">${s.name}</text>`,
  );
}

/** Centred moving average over `window` points, shorter at the ends. */
export function smooth(values: readonly number[], window: number): number[] {
  const half = Math.floor(window / 2);
  return values.map((_, i) => {
    const from = Math.max(0, i - half);
    const to = Math.min(values.length, i + half + 1);
    let sum = 0;
    for (let k = from; k < to; k++) sum += values[k];
    return sum / (to - from);
  });
}

/** A value with its interval and a bar on one small axis: does the interval clear the bar? */
export function gauge(options: {
  readonly value: number | null;
  readonly interval: readonly [number, number] | null;
  readonly bar: number;
  readonly direction: "at_most" | "at_least";
  readonly range: readonly [number, number];
}): Html {
  const { value, interval, bar, direction, range } = options;
  const w = 160;
  const at = (v: number) => Math.max(0, Math.min(1, (v - range[0]) / (range[1] - range[0]))) * w;
  const good = direction === "at_most" ? [0, at(bar)] : [at(bar), w];
  return html`<svg class="gauge" viewBox="-4 0 168 22" role="img" aria-hidden="true">
<rect class="track" x="0" y="9" width="${w}" height="4" rx="2"/>
<rect class="goal" x="${px(good[0])}" y="9" width="${px(good[1] - good[0])}" height="4" rx="2"/>
${interval === null ? null : html`<rect class="ci" x="${px(at(interval[0]))}" y="8" width="${px(Math.max(2, at(interval[1]) - at(interval[0])))}" height="6" rx="3"/>`}
<line class="bar" x1="${px(at(bar))}" x2="${px(at(bar))}" y1="3" y2="19"/>
${value === null ? null : html`<circle class="dot" cx="${px(at(value))}" cy="11" r="5"/>`}</svg>`;
}

/** Tiny line for tables. */
export function sparkSvg(values: readonly number[], width = 120, height = 24): Html {
  if (values.length < 2) return raw("");
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const span = high - low || 1;
  const every = Math.max(1, Math.floor(values.length / width));
  const d = values
    .filter((_, i) => i % every === 0)
    .map(
      (v, i, kept) =>
        `${i === 0 ? "M" : "L"}${px((i / Math.max(1, kept.length - 1)) * width)} ${px(height - 2 - ((v - low) / span) * (height - 4))}`,
    )
    .join("");
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><path d="${d}"/></svg>`;
}
