import { decodeImage, type DriveHandle } from "@causeway/data";
import { type DriveBand, type DrivePageData, encodeJpegBase64, mapToJson } from "@causeway/eval";
import type { DriveView } from "./drive-view.ts";
import { metaActionBands } from "./drive-view.ts";
import type { Band } from "./terminal-plot.ts";
import { shortNumber } from "./terminal-plot.ts";

export interface DrivePageExtras {
  /** Written chains of causation of this drive. */
  readonly traces: readonly { readonly t0Us: number; readonly trace: string }[];
  readonly pictures: DrivePageData["pictures"];
  readonly indexHref: string | null;
}

/** What the page of one drive shows. */
export function drivePageData(view: DriveView, extras: DrivePageExtras): DrivePageData {
  const { series, metaActions, keyframes } = view.motion;
  const startUs = series.stampUs[0] ?? 0;
  const secsOf = (tick: number): number => (startUs + tick * 1e6 * series.dtSecs) / 1e6;
  const spans = (bands: readonly Band[]): DriveBand["spans"] =>
    bands.map((b) => ({
      label: b.label,
      startSecs: secsOf(b.startTick),
      endSecs: secsOf(b.endTick),
    }));
  const axis = (title: string, name: "longitudinal" | "lateral" | "lane"): DriveBand => {
    const found = metaActions.axes[name];
    return {
      title,
      missing: found.isAvailable ? null : found.reason,
      spans: spans(metaActionBands(view.motion, name)),
    };
  };
  const nearestTrace = (t0Us: number): string | null => {
    let best: { t0Us: number; trace: string } | null = null;
    for (const t of extras.traces)
      if (best === null || Math.abs(t.t0Us - t0Us) < Math.abs(best.t0Us - t0Us)) best = t;
    // A sentence about another moment would mislead.
    return best !== null && Math.abs(best.t0Us - t0Us) <= 300_000 ? best.trace : null;
  };
  return {
    id: view.id,
    format: view.format,
    licence: view.licence,
    scenario: view.scenario,
    notes: view.notes,
    layers: view.layers,
    durationSecs: view.durationSecs,
    distanceM: view.distanceM,
    tSecs: series.stampUs.map((us) => us / 1e6),
    x: series.x,
    y: series.y,
    speedMps: series.signedSpeedMps,
    accelMps2: series.accelMps2,
    curvaturePerM: series.curvaturePerM,
    bands: [
      axis("longitudinal", "longitudinal"),
      axis("lateral", "lateral"),
      axis("lane", "lane"),
      manoeuvreBand(view),
      ...(view.decisions.length === 0
        ? []
        : [{ title: "decisions of the expert", missing: null, spans: spans(view.decisions) }]),
    ],
    keyframes: keyframes.map((k) => ({
      tSecs: k.t0Us / 1e6,
      reason: k.reason,
      trace: nearestTrace(k.t0Us),
    })),
    map: view.map === null ? null : mapToJson(view.map, { near: { x: series.x, y: series.y } }),
    pictures: extras.pictures,
    facts: view.cameras.map(
      (c) =>
        [
          c.name,
          [c.size, `${c.numFrames} frames`, c.hz === null ? null : `${shortNumber(c.hz)} Hz`]
            .filter((t) => t !== null)
            .join(", "),
        ] as const,
    ),
    indexHref: extras.indexHref,
  };
}

/** What the track alone shows; a car may bend and change lanes at once, so spans may overlap. */
function manoeuvreBand(view: DriveView): DriveBand {
  const { series, manoeuvres } = view.motion;
  const secsOf = (tick: number): number => (series.stampUs[0] ?? 0) / 1e6 + tick * series.dtSecs;
  return {
    title: "manoeuvres from the track, with confidence",
    missing: null,
    spans: manoeuvres.map((m) => ({
      label: `${m.kind.replace("_", " ")} ${m.side} ${m.confidence.toFixed(2)}`,
      startSecs: secsOf(m.startTick),
      endSecs: secsOf(m.endTick),
    })),
  };
}

const pictureWidth = 320;
const maxPictures = 40;

/** Small pictures of the first camera, at most `maxPictures` over the whole drive. */
export async function drivePictures(drive: DriveHandle): Promise<DrivePageData["pictures"]> {
  const camera =
    drive.cameras.find((c) => /front|ring_front|wide/.test(c.name)) ?? drive.cameras[0];
  if (camera === undefined || camera.stampsUs.length === 0) return [];
  const every = Math.max(1, Math.ceil(camera.stampsUs.length / maxPictures));
  const rows = Array.from(camera.stampsUs.keys()).filter((i) => i % every === 0);
  const frames = await drive.frames(camera.name, rows);
  const size = camera.calibration ?? { width: 160, height: 96 };
  const width = Math.min(pictureWidth, size.width);
  const height = Math.round((width * size.height) / size.width);
  const pictures: { tSecs: number; jpeg: string }[] = [];
  for (const frame of frames) {
    const image = await decodeImage(frame.bytes, {
      width,
      height,
      where: `${drive.id} ${camera.name} at ${frame.stampUs} us`,
    });
    pictures.push({ tSecs: frame.stampUs / 1e6, jpeg: await encodeJpegBase64(image) });
  }
  return pictures;
}
