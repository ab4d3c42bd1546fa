/** Bird's-eye track of a drive, coloured by speed, on its map where it has one. The long way of the track points up. */
import { mapLayer, viewBox, windowAround } from "../report/bev.ts";
import { type Html, html } from "../report/html.ts";
import type { DrivePageData } from "./data.ts";

const m = (v: number) => (Math.round(v * 100) / 100 || 0).toString();

/** Angle that turns start-to-end upwards, rad; 0 for tracks that end where they began. */
function heading(data: DrivePageData): number {
  const n = data.x.length;
  if (n === 0) return 0;
  const dx = data.x[n - 1] - data.x[0];
  const dy = data.y[n - 1] - data.y[0];
  return Math.hypot(dx, dy) < 20 ? 0 : Math.atan2(dy, dx);
}

/** Rotation and scale that the page's script needs to place the cursor. */
export interface TrackFrame {
  readonly view: string;
  readonly degrees: number;
  readonly unit: number;
}

export function trackFrame(data: DrivePageData, aspect: number): TrackFrame {
  const angle = heading(data);
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  const n = data.x.length;
  // Turned points; every 5th is enough for the window, and keeps the argument lists short.
  const every = Math.max(5, Math.ceil(n / 5000));
  const xs = [0];
  const ys = [0];
  xs.length = 0;
  ys.length = 0;
  for (let i = 0; i < n; i = i === n - 1 ? n : Math.min(n - 1, i + every)) {
    xs.push(c * data.x[i] + s * data.y[i]);
    ys.push(c * data.y[i] - s * data.x[i]);
  }
  if (n === 0) {
    xs.push(0);
    ys.push(0);
  }
  const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const frame = windowAround(xs, ys, { aspect, marginM: Math.max(12, span * 0.06), leastM: 50 });
  return { view: viewBox(frame), degrees: (angle * 180) / Math.PI, unit: frame.height / 100 };
}

export function track(data: DrivePageData, frame: TrackFrame): Html {
  const n = data.x.length;
  let fastest = 1;
  for (let i = 0; i < n; i++) fastest = Math.max(fastest, data.speedMps[i] || 0);
  const pieces: Html[] = [];
  const perPiece = Math.max(3, Math.ceil(n / 160));
  for (let from = 0; from < n - 1; from += perPiece) {
    const to = Math.min(n - 1, from + perPiece);
    let d = "";
    for (let i = from; i <= to; i++)
      d += `${i === from ? "M" : "L"}${m(-data.y[i])} ${m(-data.x[i])}`;
    const share = Math.round((100 * Math.abs(data.speedMps[(from + to) >> 1] || 0)) / fastest);
    pieces.push(html`<path class="speed" style="--v:${share}%" d="${d}"/>`);
  }
  const crowd = data.keyframes.length;
  const bubble = frame.unit * (crowd <= 10 ? 1 : crowd <= 40 ? 0.72 : 0.45);
  const keys = data.keyframes.map((k, i) => {
    let at = 0;
    while (at < n - 1 && data.tSecs[at] < k.tSecs) at++;
    return html`<g class="key" transform="translate(${m(-data.y[at])} ${m(-data.x[at])}) rotate(${m(-frame.degrees)}) scale(${m(bubble)})" data-at="${k.tSecs}"><circle r="2.6"/><text y="1.1" text-anchor="middle">${i + 1}</text></g>`;
  });
  return html`<svg id="track" class="bev" viewBox="${frame.view}" role="img" aria-label="track from above, coloured by speed"><g transform="rotate(${m(frame.degrees)})">${data.map === null ? null : mapLayer(data.map)}${pieces}${keys}<circle id="here" r="${m(frame.unit * 1.5)}" cx="${m(-(data.y[0] ?? 0))}" cy="${m(-(data.x[0] ?? 0))}"/></g></svg>`;
}
