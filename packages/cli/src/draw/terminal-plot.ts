/** Time series as text: braille dots (2 x 4 a character) with a scale at the left, and labelled bands below. */

export interface Series {
  readonly title: string;
  readonly unit: string;
  /** One value per tick; NaN leaves a gap. */
  readonly values: ArrayLike<number>;
}

export interface PlotSize {
  /** Characters, scale included. */
  readonly columns: number;
  readonly rows: number;
}

const scaleWidth = 9;
/** Dot (column 0-1, row 0-3) → bit of U+2800. */
const dotBits = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Three significant digits at most, no exponent for the sizes that drives have. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4;
  return value
    .toFixed(digits)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "")
    .replace(/^-0$/, "0");
}

/** Draws one series; extremes within a column stay visible (a spike of one tick is not averaged away). */
export function plotSeries({ title, unit, values }: Series, { columns, rows }: PlotSize): string {
  const width = columns - scaleWidth;
  const finite = Array.from(values).filter(Number.isFinite);
  if (finite.length === 0) return `${title} [${unit}]: no values`;
  let low = finite.reduce((a, b) => Math.min(a, b));
  let high = finite.reduce((a, b) => Math.max(a, b));
  // A flat line is drawn in the middle of a band around it.
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const cells = Array.from({ length: rows }, () => new Uint8Array(width));
  const dotRow = (v: number): number => Math.round(((high - v) / (high - low)) * (rows * 4 - 1));
  for (let dotColumn = 0; dotColumn < width * 2; dotColumn++) {
    const start = Math.floor((dotColumn * values.length) / (width * 2));
    const end = Math.max(start + 1, Math.floor(((dotColumn + 1) * values.length) / (width * 2)));
    let top = Number.POSITIVE_INFINITY;
    let bottom = Number.NEGATIVE_INFINITY;
    for (let i = start; i < end && i < values.length; i++) {
      const v = values[i] as number;
      if (!Number.isFinite(v)) continue;
      top = Math.min(top, dotRow(v));
      bottom = Math.max(bottom, dotRow(v));
    }
    for (let row = top; row <= bottom; row++) {
      const line = cells[row >> 2] as Uint8Array;
      const bits = dotBits[(dotColumn & 1) as 0 | 1];
      line[dotColumn >> 1] = (line[dotColumn >> 1] as number) | (bits[row & 3] as number);
    }
  }
  const lines = cells.map((line, i) => {
    const label = i === 0 ? shortNumber(high) : i === rows - 1 ? shortNumber(low) : "";
    const text = Array.from(line, (bits) => String.fromCharCode(0x2800 + bits)).join("");
    return `${label.padStart(scaleWidth - 2)} ┤${text}`;
  });
  return [`${title} [${unit}]`, ...lines].join("\n");
}

export interface Band {
  readonly label: string;
  /** Half-open, in ticks of the same grid as the series. */
  readonly startTick: number;
  readonly endTick: number;
}

/** One line per label, filled where it holds, in order of first appearance. */
export function plotBands(bands: readonly Band[], numTicks: number, columns: number): string {
  const labels = [...new Set(bands.map((b) => b.label))];
  const labelWidth = Math.max(scaleWidth - 1, ...labels.map((l) => l.length + 1));
  const width = Math.max(10, columns - labelWidth - 1);
  return labels
    .map((label) => {
      const cells = Array.from({ length: width }, () => "·");
      for (const band of bands) {
        if (band.label !== label) continue;
        const start = Math.floor((band.startTick * width) / numTicks);
        const end = Math.max(start + 1, Math.ceil((band.endTick * width) / numTicks));
        for (let c = start; c < end && c < width; c++) cells[c] = "█";
      }
      return `${label.padEnd(labelWidth)} ${cells.join("")}`;
    })
    .join("\n");
}

/** A time axis under plots of the same width. */
export function timeAxis(durationSecs: number, columns: number): string {
  const width = columns - scaleWidth;
  const end = `${shortNumber(durationSecs)} s`;
  const middle = `${shortNumber(durationSecs / 2)} s`;
  const line = Array.from({ length: width }, () => " ");
  const put = (text: string, at: number): void => {
    for (let i = 0; i < text.length; i++)
      if (at + i >= 0 && at + i < width) line[at + i] = text[i] as string;
  };
  put("0", 0);
  put(middle, Math.floor((width - middle.length) / 2));
  put(end, width - end.length);
  return `${" ".repeat(scaleWidth)}${line.join("").trimEnd()}`;
}
