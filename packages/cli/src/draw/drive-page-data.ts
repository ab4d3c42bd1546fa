import {
  cameraFor,
  type CameraFrame,
  type CameraIndex,
  countQuestions,
  decodeImage,
  type DriveHandle,
} from "@causeway/data";
import {
  type AskedMoment,
  type DriveBand,
  type DrivePageData,
  encodeJpegBase64,
  mapToJson,
} from "@causeway/eval";
import { lastAtOrBefore } from "@causeway/geom";
import type { DriveView } from "./drive-view.ts";
import { metaActionBands } from "./drive-view.ts";
import type { Band } from "./terminal-plot.ts";
import { shortNumber } from "./terminal-plot.ts";

export interface DrivePageExtras {
  /** Written chains of causation of this drive. */
  readonly traces: readonly { readonly t0Us: number; readonly trace: string }[];
  readonly pictures: DrivePageData["pictures"];
  /** Of the view's questions, by their moment; moments without an entry show none. */
  readonly questionPictures: ReadonlyMap<number, AskedMoment["pictures"]>;
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
    distanceM: view.distanceM ?? 0,
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
    questions: view.questions.map((frame) => ({
      tSecs: frame.stampUs / 1e6,
      pictures: extras.questionPictures.get(frame.stampUs) ?? [],
      kinds: Object.keys(countQuestions([frame])).map((kind) => ({
        kind,
        asked: frame.questions.filter((q) => q.kind === kind),
      })),
      objects: frame.objects.map(({ name, category, status, description }) =>
        [name, category, status, description].filter((t) => t !== null).join(" · "),
      ),
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
/** Moments of questions that are shown with all cameras. */
const maxAskedMoments = 12;

/** Shrinks pictures of one camera; without a calibration the first picture tells the shape. */
function shrinker(drive: DriveHandle, camera: CameraIndex) {
  let shape: { readonly width: number; readonly height: number } | null = camera.calibration;
  return async (row: number): Promise<{ tSecs: number; jpeg: string }> => {
    const [frame] = (await drive.frames(camera.name, [row])) as [CameraFrame];
    const where = `${drive.id} ${camera.name} at ${frame.stampUs} us`;
    shape ??= await decodeImage(frame.bytes, { where });
    const width = Math.min(pictureWidth, shape.width);
    const height = Math.round((width * shape.height) / shape.width);
    const image = await decodeImage(frame.bytes, { width, height, where });
    return { tSecs: frame.stampUs / 1e6, jpeg: await encodeJpegBase64(image) };
  };
}

/** Small pictures of the camera that looks ahead, at most `maxPictures` over the whole drive, and those of the questions. */
export async function drivePictures(
  drive: DriveHandle,
): Promise<Pick<DrivePageExtras, "pictures" | "questionPictures">> {
  const front = cameraFor(drive, null);
  const pictures: { tSecs: number; jpeg: string }[] = [];
  const questionPictures = new Map<number, { camera: string; jpeg: string }[]>();
  const asked = ((await drive.questions()) ?? []).slice(0, maxAskedMoments);
  for (const camera of drive.cameras) {
    const shrunk = shrinker(drive, camera);
    const count = camera.stampsUs.length;
    const every = Math.max(1, Math.ceil(count / maxPictures));
    if (camera.name === front)
      for (let row = 0; row < count; row += every) pictures.push(await shrunk(row));
    for (const { stampUs } of asked) {
      const row = lastAtOrBefore(camera.stampsUs, stampUs);
      if (row < 0) continue;
      const { jpeg } = await shrunk(row);
      const list = questionPictures.get(stampUs) ?? [];
      list.push({ camera: camera.name, jpeg });
      questionPictures.set(stampUs, list);
    }
  }
  return { pictures, questionPictures };
}
