/** Numbers and names as the report prints them. A missing value is an en dash, never a zero. */
import type { Estimate, Interval } from "../metrics/bootstrap.ts";
import { type Html, html } from "./html.ts";

export const dash = "–";

export function fixed(value: number | null | undefined, digits = 2): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? dash
    : value
        .toFixed(digits)
        .replace(/^-(0(?:\.0*)?)$/, "$1")
        .replace("-", "−");
}

export function percent(value: number | null | undefined, digits = 0): string {
  return value === null || value === undefined ? dash : `${fixed(value * 100, digits)} %`;
}

/** "0.77–0.95", "2–17 %", "−0.10 … 0.20". */
export function interval(
  value: Interval | null,
  format: (v: number) => string = (v) => fixed(v),
): string {
  if (value === null) return "";
  const [low, high] = value.map(format);
  // The unit once, at the end.
  const unit = / %$|×$/.exec(low)?.[0] ?? "";
  const start = high.endsWith(unit) ? low.slice(0, low.length - unit.length) : low;
  return /^[−+]/.test(start) ? `${start} … ${high}` : `${start}–${high}`;
}

/** Value with its interval below in small type. */
export function estimateCell(
  estimate: Estimate | undefined,
  format: (v: number) => string = (v) => fixed(v),
): Html {
  if (estimate === undefined || estimate.value === null) return html`<td class="num">${dash}</td>`;
  return html`<td class="num" title="n = ${estimate.n}, ${estimate.clusters} clusters">${format(estimate.value)}<small>${interval(estimate.interval, format)}</small></td>`;
}

/** 9 m 41 s, 3.2 s. */
export function duration(secs: number): string {
  if (secs < 10) return `${fixed(secs, 1)} s`;
  if (secs < 60) return `${Math.round(secs)} s`;
  const minutes = Math.floor(secs / 60);
  const rest = Math.round(secs - minutes * 60);
  if (minutes < 60) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 12 345 with thin spaces. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
}

/** 4.13 M, 912 k. */
export function magnitude(value: number): string {
  if (value >= 1e9) return `${fixed(value / 1e9, 2)} B`;
  if (value >= 1e6) return `${fixed(value / 1e6, 2)} M`;
  if (value >= 1e3) return `${fixed(value / 1e3, 0)} k`;
  return String(value);
}

const names: Readonly<Record<string, string>> = {
  model: "Model",
  model_shuffled_images: "Model, shuffled images",
  constant_velocity: "Constant velocity",
  ctra: "Constant turn rate and acceleration",
  expert: "Privileged expert",
};
const shortNames: Readonly<Record<string, string>> = {
  ...names,
  model_shuffled_images: "Shuffled images",
  ctra: "CTRA",
  expert: "Expert",
};

/** snake_case as words: "lead_brake" → "lead brake". */
export function words(id: string): string {
  return id.replaceAll("_", " ");
}
export function predictorName(id: string): string {
  return names[id] ?? words(id);
}
export function shortPredictorName(id: string): string {
  return shortNames[id] ?? words(id);
}

/** Class that colours marks of a predictor the same everywhere. */
export function predictorClass(id: string): string {
  const known: Readonly<Record<string, string>> = {
    model: "c-model",
    model_shuffled_images: "c-shuffled",
    constant_velocity: "c-cv",
    ctra: "c-ctra",
    expert: "c-expert",
  };
  return known[id] ?? "c-other";
}

/** Known names first in their fixed order, then the rest alphabetically. */
export function inKnownOrder(ids: Iterable<string>): string[] {
  const order = Object.keys(names);
  const rank = (id: string) => (order.includes(id) ? order.indexOf(id) : order.length);
  return [...new Set(ids)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
