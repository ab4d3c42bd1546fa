/** Evidence as text: tables with explicit signs and units, so that no reader has to guess them. */
import type { TaughtComponent } from "./replies.ts";
import type { ActionSpan, CameraPictures, EgoRow, FutureEvidence } from "./window.ts";

const signed = (v: number, digits: number): string => {
  const text = v.toFixed(digits);
  const isZero = Number(text) === 0;
  return isZero ? (0).toFixed(digits) : v > 0 ? `+${text}` : text;
};
const degrees = (rad: number): number => (rad * 180) / Math.PI;

export function egoTable(rows: readonly EgoRow[]): string {
  return [
    "t | speed | acceleration | heading | x | y",
    ...rows.map((r) =>
      [
        `${signed(r.secs, 1)} s`,
        r.speedMps.toFixed(1),
        r.accelMps2 === null ? "-" : signed(r.accelMps2, 1),
        signed(degrees(r.headingRad), 1),
        signed(r.xM, 1),
        signed(r.yM, 1),
      ].join(" | "),
    ),
  ].join("\n");
}

/** "0: front, t = -2.0 s": numbers run on over the cameras, as the pictures do. */
export function frameList(cameras: readonly CameraPictures[]): string {
  let n = 0;
  return cameras
    .flatMap(({ camera, pictures }) =>
      pictures.map((p) => `${n++}: ${camera}, t = ${signed(p.secs, 1)} s`),
    )
    .join("\n");
}

export const frameCount = (cameras: readonly CameraPictures[]): number =>
  cameras.reduce((n, c) => n + c.pictures.length, 0);

export const cameraNames = (cameras: readonly CameraPictures[]): string =>
  cameras.map((c) => c.camera).join(" and ");

const span = (s: ActionSpan): string =>
  `${s.action} ${s.fromSecs.toFixed(1)} … ${s.toSecs.toFixed(1)} s`;

export function actionLines({ longitudinal, lateral, lane }: FutureEvidence): string {
  const line = (name: string, spans: readonly ActionSpan[]) =>
    `- ${name}: ${spans.map(span).join(", ") || "none"}`;
  return [
    line("longitudinal", longitudinal),
    line("lateral", lateral),
    ...(lane === null ? [] : [line("on the lanes of the map", lane)]),
  ].join("\n");
}

export function componentLines(components: readonly TaughtComponent[]): string {
  if (components.length === 0) return "(none)";
  return components
    .map((c) => {
      const facts = [
        c.side,
        c.state,
        c.distance_m === null ? null : `about ${c.distance_m} m`,
        `uncertainty ${c.uncertainty}`,
      ].filter((f) => f !== null);
      return `- ${c.id}: ${c.kind}, ${c.text} (${facts.join(", ")})`;
    })
    .join("\n");
}
