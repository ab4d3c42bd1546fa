/** Histograms and bar lists, without script: SVG columns for bins, HTML rows for words. */
import { count } from "../report/format.ts";
import { type Html, html } from "../report/html.ts";

export interface Columns {
  readonly counts: readonly number[];
  /** Paler columns behind, of the same bins; e.g. before a selection. */
  readonly behind?: readonly number[];
  /** Text below a column; empty ones are left out. */
  readonly labels: readonly string[];
  readonly xLabel: string;
  /** A vertical line: position in bins, e.g. 2.5 = the middle of the third. */
  readonly mark?: { readonly at: number; readonly text: string } | null;
  readonly height?: number;
  readonly width?: number;
}

const px = (v: number) => (Math.round(v * 10) / 10).toString();

/** Heights are shares of the larger of both series' greatest, so shapes compare as they are. */
export function columnChart(options: Columns): Html {
  const { counts, behind, labels, width = 520, height = 150 } = options;
  const most = Math.max(1, ...counts, ...(behind ?? []));
  const [top, bottom] = [16, height - 34];
  const step = width / counts.length;
  const column = (value: number, i: number, className: string) => {
    const tall = ((bottom - top) * value) / most;
    return value === 0
      ? null
      : html`<rect class="${className}" x="${px(i * step + 1)}" width="${px(Math.max(1, step - 2))}" y="${px(bottom - Math.max(1.5, tall))}" height="${px(Math.max(1.5, tall))}" rx="1.5"><title>${labels[i] ?? ""} ${count(value)}</title></rect>`;
  };
  const mark = options.mark ?? null;
  const markX = mark === null ? 0 : Math.min(width - 1, Math.max(1, mark.at * step));
  return html`<svg class="plot columns" viewBox="0 0 ${width} ${height}" role="img" aria-label="${options.xLabel}">
${(behind ?? []).map((v, i) => column(v, i, "behind"))}${counts.map((v, i) => column(v, i, "front"))}
<line class="axis" x1="0" x2="${width}" y1="${bottom}" y2="${bottom}"/>
${labels.map((text, i) => (text === "" ? null : html`<text class="tick" x="${px((i + (i === 0 && step < 20 ? 0 : i === labels.length - 1 && step < 20 ? 1 : 0.5)) * step)}" y="${bottom + 13}" text-anchor="${step >= 20 ? "middle" : i === 0 ? "start" : i === labels.length - 1 ? "end" : "middle"}">${text}</text>`))}
${mark === null ? null : html`<line class="limit" x1="${px(markX)}" x2="${px(markX)}" y1="${top - 10}" y2="${bottom}"/><text class="limit" x="${px(markX > width * 0.7 ? markX - 5 : markX + 5)}" y="${top - 3}" text-anchor="${markX > width * 0.7 ? "end" : "start"}">${mark.text}</text>`}
<text class="tick" x="${width / 2}" y="${height - 4}" text-anchor="middle">${options.xLabel}</text></svg>`;
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Before a selection; null when there was none. */
  readonly before: number | null;
}

/** Longest first; beyond `most` the rest is one row. */
export function barList(bars: readonly Bar[], most = 12): Html {
  if (bars.length === 0) return html`<p class="empty">nothing</p>`;
  const sorted = [...bars].sort(
    (a, b) => (b.before ?? b.value) - (a.before ?? a.value) || (a.name < b.name ? -1 : 1),
  );
  const shown = sorted.slice(0, most);
  const rest = sorted.slice(most);
  if (rest.length > 0) {
    const sum = (of: (b: Bar) => number) => rest.reduce((total, b) => total + of(b), 0);
    shown.push({
      name: `${rest.length} others`,
      value: sum((b) => b.value),
      before: rest[0].before === null ? null : sum((b) => b.before ?? 0),
    });
  }
  const greatest = Math.max(1, ...shown.map((b) => Math.max(b.value, b.before ?? 0)));
  const share = (v: number) => `${((100 * v) / greatest).toFixed(1)}%`;
  return html`<ol class="bars">${shown.map(
    (b) =>
      html`<li><span class="name" title="${b.name}">${b.name}</span><span class="rail">${b.before === null ? null : html`<i class="behind" style="width:${share(b.before)}"></i>`}<i style="width:${share(b.value)}"></i></span><span class="value">${count(b.value)}${b.before === null || b.before === b.value ? null : html`<small> of ${count(b.before)}</small>`}</span></li>`,
  )}</ol>`;
}

/** Wilson score interval of a share at 95 %: sound for small counts and shares near 0 and 1. */
export function wilson(hits: number, total: number): readonly [low: number, high: number] | null {
  if (total === 0) return null;
  const z = 1.959964;
  const p = hits / total;
  const scale = 1 + (z * z) / total;
  const middle = (p + (z * z) / (2 * total)) / scale;
  const half = (z * Math.sqrt((p * (1 - p)) / total + (z * z) / (4 * total * total))) / scale;
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
