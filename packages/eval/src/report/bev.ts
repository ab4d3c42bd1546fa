/** Bird's-eye view as SVG in metres: ahead is up, left is left, so a point (x, y) is drawn at (−y, −x). */
import type { MapJson } from "../scene-artefacts.ts";
import { type Html, html } from "./html.ts";

const m = (v: number) => (Math.round(v * 100) / 100 || 0).toString();

/** SVG path data of columns in the rig (or world) frame. */
export function pathData(xs: ArrayLike<number>, ys: ArrayLike<number>): string {
  let d = "";
  for (let i = 0; i < xs.length; i++) d += `${i === 0 ? "M" : "L"}${m(-ys[i])} ${m(-xs[i])}`;
  return d;
}

function flatData(line: readonly number[], close = false): string {
  let d = "";
  for (let i = 0; i + 1 < line.length; i += 2)
    d += `${i === 0 ? "M" : "L"}${m(-line[i + 1])} ${m(-line[i])}`;
  return close && d !== "" ? `${d}Z` : d;
}

/** Lanes, markings, crosswalks, stop lines and lights; `colors` by light id. */
export function mapLayer(map: MapJson, colors: ReadonlyMap<number, string> = new Map()): Html {
  const lanes = map.lanes.map((lane) => {
    const back: number[] = [];
    for (let i = lane.right.length - 2; i >= 0; i -= 2) back.push(lane.right[i], lane.right[i + 1]);
    return flatData([...lane.left, ...back], true);
  });
  const markings = (style: "solid" | "dashed") =>
    map.lanes
      .flatMap((lane) => [
        lane.leftMarking === style ? flatData(lane.left) : "",
        lane.rightMarking === style ? flatData(lane.right) : "",
      ])
      .join("");
  return html`<path class="road" d="${map.drivable.map((ring) => flatData(ring, true)).join("")}"/>
<path class="lane" d="${lanes.join("")}"/>
<path class="crosswalk" d="${map.crosswalks.map((ring) => flatData(ring, true)).join("")}"/>
<path class="marking" d="${markings("solid")}"/><path class="marking dashes" d="${markings("dashed")}"/>
${map.stopLines.map((stop) => {
  const color = stop.lightId === null ? undefined : colors.get(stop.lightId);
  return html`<path class="stopline ${stop.isStopSign ? "sign" : ""} ${color === undefined ? "" : `light-${color}`}" d="${flatData(stop.line)}"/>`;
})}
${map.lights.map((light) => html`<circle class="light light-${colors.get(light.id) ?? "off"}" cx="${m(-light.y)}" cy="${m(-light.x)}" r="0.9"/>`)}`;
}

export interface BevBox {
  readonly x: number;
  readonly y: number;
  readonly yaw: number;
  readonly lengthM: number;
  readonly widthM: number;
  readonly className: string;
}

/** A vehicle box with a notch at its front; x, y is the box centre. */
export function boxMark(box: BevBox): Html {
  const { lengthM: l, widthM: w } = box;
  const degrees = (-box.yaw * 180) / Math.PI;
  return html`<g class="box ${box.className}" transform="translate(${m(-box.y)} ${m(-box.x)}) rotate(${m(degrees)})"><rect x="${m(-w / 2)}" y="${m(-l / 2)}" width="${m(w)}" height="${m(l)}" rx="${m(Math.min(0.5, w / 4))}"/>${l > 1.5 ? html`<path class="nose" d="M${m(-w * 0.32)} ${m(-l * 0.22)}L0 ${m(-l * 0.38)}L${m(w * 0.32)} ${m(-l * 0.22)}"/>` : null}</g>`;
}

/** Metres shown: a window that holds the given points with a margin, at a fixed aspect (width / height). */
export function windowAround(
  xs: readonly number[],
  ys: readonly number[],
  options: { readonly aspect: number; readonly marginM: number; readonly leastM: number },
): {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
} {
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  let height = Math.max(options.leastM, x1 - x0 + 2 * options.marginM);
  let width = Math.max(options.leastM * Math.min(1, options.aspect), y1 - y0 + 2 * options.marginM);
  if (width / height > options.aspect) height = width / options.aspect;
  else width = height * options.aspect;
  return { left: -(y0 + y1) / 2 - width / 2, top: -(x0 + x1) / 2 - height / 2, width, height };
}

export function viewBox(w: ReturnType<typeof windowAround>): string {
  return [w.left, w.top, w.width, w.height].map(m).join(" ");
}
