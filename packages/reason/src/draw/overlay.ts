/** Answers drawn on the picture that they are about: SVG over the picture, put together by sharp. */
import type { Box3d } from "../parse/geometry.ts";
import type { Output } from "../parse/read-output.ts";
import type { ImageSize } from "../parse/coordinates.ts";
import { timeText } from "../parse/time-spans.ts";

/** Pinhole camera in pixels of the picture: needed for boxes in space only. */
export interface PinholeCamera {
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
}

export interface OverlayOptions {
  /** Marks the picture: nobody may take it for a model's work. */
  readonly isSynthetic: boolean;
  readonly camera?: PinholeCamera;
  /** For time spans: what is current. */
  readonly timeSecs?: number;
}

/** Whether there is anything to draw for such an answer. */
export function isDrawable(output: Output, options: Pick<OverlayOptions, "camera">): boolean {
  switch (output.kind) {
    case "boxes":
      return output.boxes.length > 0;
    case "points":
      return output.points.length > 0;
    case "boxes3d":
      return output.boxes.length > 0 && options.camera !== undefined;
    case "spans":
      return output.spans.length > 0;
    default:
      return false;
  }
}

/** Told apart by people who do not see red and green alike. */
const colours = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2"];

const escapeXml = (text: string): string =>
  text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    // Control characters are no XML.
    // oxlint-disable-next-line no-control-regex
    .replace(/[\u0000-\u001f]/g, " ");

const short = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** An SVG of the picture's size, transparent but for what is drawn. */
export function overlaySvg(output: Output, size: ImageSize, options: OverlayOptions): string {
  const { width, height } = size;
  const unit = Math.max(1, Math.min(width, height) / 240);
  const parts: string[] = [];
  const labels = new Map<string, string>();
  const colourOf = (label: string): string => {
    const known = labels.get(label) ?? (colours[labels.size % colours.length] as string);
    labels.set(label, known);
    return known;
  };
  const text = (x: number, y: number, words: string, colour: string): void => {
    const font = 9 * unit;
    const shown = short(words, Math.max(4, Math.floor(width / (0.55 * font)) - 1));
    const wide = Math.min(width, 0.6 * font * shown.length + 6 * unit);
    const left = Math.max(0, Math.min(x, width - wide));
    const top = Math.max(0, Math.min(y, height - 1.4 * font));
    parts.push(
      `<rect x="${left}" y="${top}" width="${wide}" height="${1.4 * font}" fill="${colour}"/>`,
      `<text x="${left + 3 * unit}" y="${top + 1.05 * font}" font-family="DejaVu Sans, Arial, sans-serif" font-size="${font}" fill="#000">${escapeXml(shown)}</text>`,
    );
  };
  const line = (points: readonly (readonly [number, number])[], colour: string, wide = 2): void => {
    parts.push(
      `<polyline points="${points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="${wide * unit}" stroke-linejoin="round"/>`,
    );
  };
  switch (output.kind) {
    case "boxes":
      for (const { x1, y1, x2, y2, label } of output.boxes) {
        const colour = colourOf(label);
        parts.push(
          `<rect x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}" fill="none" stroke="${colour}" stroke-width="${2 * unit}"/>`,
        );
        if (label !== "") text(x1, y1 - 13 * unit, label, colour);
      }
      break;
    case "points": {
      const colour = colourOf("path");
      const isPath = output.points.some((p) => /trajectory|path/i.test(p.label));
      if (isPath)
        line(
          output.points.map((p) => [p.x, p.y] as const),
          colour,
          3,
        );
      for (const [i, { x, y, label }] of output.points.entries()) {
        const radius = (i === 0 ? 5 : 3.5) * unit;
        parts.push(`<circle cx="${x}" cy="${y}" r="${radius}" fill="${colour}" stroke="#000"/>`);
        if (!isPath && label !== "") text(x + 6 * unit, y - 6 * unit, label, colour);
      }
      break;
    }
    case "boxes3d":
      for (const box of output.boxes) {
        if (options.camera === undefined) break;
        const colour = colourOf(box.label);
        for (const edge of projectedEdges(box, options.camera)) line(edge, colour, 1.5);
      }
      break;
    case "spans": {
      const now = options.timeSecs ?? 0;
      const end = Math.max(...output.spans.map((s) => s.endSecs), 1e-3);
      const current = output.spans.filter((s) => s.startSecs <= now && now <= s.endSecs);
      for (const [i, span] of output.spans.entries()) {
        const left = (span.startSecs / end) * width;
        parts.push(
          `<rect x="${left}" y="${height - 6 * unit}" width="${((span.endSecs - span.startSecs) / end) * width}" height="${6 * unit}" fill="${colours[i % colours.length]}"/>`,
        );
      }
      parts.push(
        `<rect x="${Math.min(1, now / end) * width}" y="${height - 9 * unit}" width="${2 * unit}" height="${9 * unit}" fill="#fff"/>`,
      );
      for (const [i, span] of current.entries())
        text(
          4 * unit,
          height - (24 + 14 * i) * unit,
          `${timeText(span.startSecs)}–${timeText(span.endSecs)} ${span.caption}`,
          colours[output.spans.indexOf(span) % colours.length] as string,
        );
      break;
    }
    default:
      break;
  }
  if (options.isSynthetic) text(width, height, "synthetic: no model looked at this", "#fff");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join("")}</svg>`;
}

/** The twelve edges in pixels; those that reach behind the camera are left out. */
function projectedEdges(box: Box3d, camera: PinholeCamera): [number, number][][] {
  const corners = boxCorners(box);
  const pixels = corners.map(([x, y, z]): [number, number] | null =>
    z <= 0.05 ? null : [camera.cx + (camera.fx * x) / z, camera.cy + (camera.fy * y) / z],
  );
  const edges: [number, number][][] = [];
  for (let a = 0; a < 8; a++)
    for (const bit of [1, 2, 4]) {
      const [from, to] = [pixels[a], pixels[a | bit]];
      if ((a & bit) === 0 && from && to) edges.push([from, to]);
    }
  return edges;
}

/** Eight corners in the camera's frame. Rotation: pitch about x, then yaw about y, then roll about z. */
export function boxCorners(box: Box3d): [number, number, number][] {
  const [cp, sp] = [Math.cos(box.pitch), Math.sin(box.pitch)];
  const [cy, sy] = [Math.cos(box.yaw), Math.sin(box.yaw)];
  const [cr, sr] = [Math.cos(box.roll), Math.sin(box.roll)];
  return Array.from({ length: 8 }, (_, i) => {
    let x = ((i & 1 ? 1 : -1) * box.size[0]) / 2;
    let y = ((i & 2 ? 1 : -1) * box.size[1]) / 2;
    let z = ((i & 4 ? 1 : -1) * box.size[2]) / 2;
    [y, z] = [cp * y - sp * z, sp * y + cp * z];
    [x, z] = [cy * x + sy * z, -sy * x + cy * z];
    [x, y] = [cr * x - sr * y, sr * x + cr * y];
    return [x + box.centre[0], y + box.centre[1], z + box.centre[2]];
  });
}

/**
 * The picture with the answer on it, as PNG.
 *
 * @param image Encoded picture, or RGB rows.
 */
export async function drawOverlay(
  image:
    | Uint8Array
    | { readonly width: number; readonly height: number; readonly pixels: Uint8Array },
  output: Output,
  options: OverlayOptions,
): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const base =
    image instanceof Uint8Array
      ? sharp(image).rotate()
      : sharp(image.pixels, { raw: { width: image.width, height: image.height, channels: 3 } });
  const { data, info } = await base.png().toBuffer({ resolveWithObject: true });
  const svg = overlaySvg(output, info, options);
  return new Uint8Array(
    await sharp(data)
      .composite([{ input: Buffer.from(svg) }])
      .png()
      .toBuffer(),
  );
}
