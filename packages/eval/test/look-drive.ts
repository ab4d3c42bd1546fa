/** Writes the pages of imported drives, to look at them: `npx tsx packages/eval/test/look-drive.ts RECORDINGS OUT_FOLDER`. */
import { join } from "node:path";
import { detectFormat, type Drive } from "@causeway/data";
import {
  type DatasetIndexDrive,
  type DrivePageData,
  mapToJson,
  renderDatasetIndex,
  renderDrivePage,
  writeText,
} from "@causeway/eval";
import { inspectMotion } from "@causeway/label";
import sharp from "sharp";

const [from, out] = process.argv.slice(2);
if (from === undefined || out === undefined)
  throw new Error("look-drive: name a folder of recordings and a folder to write");

async function pageOf(drive: Drive): Promise<DrivePageData> {
  const { series, metaActions, keyframes } = inspectMotion(drive.egoMotion);
  const start = series.stampUs[0];
  const secs = Array.from(series.stampUs, (us) => us / 1e6);
  const at = (tick: number) => (start + tick * series.dtSecs * 1e6) / 1e6;
  const camera = drive.cameras[0];
  const every = camera === undefined ? 1 : Math.max(1, Math.ceil(camera.frames.length / 60));
  const pictures = [];
  for (const frame of camera?.frames.filter((_, i) => i % every === 0) ?? []) {
    const jpeg = await sharp(frame.bytes).resize(480).jpeg({ quality: 60 }).toBuffer();
    pictures.push({ tSecs: frame.stampUs / 1e6, jpeg: jpeg.toString("base64") });
  }
  let distanceM = 0;
  for (let i = 1; i < series.x.length; i++)
    distanceM += Math.hypot(series.x[i] - series.x[i - 1], series.y[i] - series.y[i - 1]);
  return {
    id: drive.id,
    format: drive.source.format,
    licence: drive.source.licence,
    scenario: drive.source.scenario,
    notes: drive.source.notes,
    layers: [
      drive.map === null ? "" : "map",
      drive.actors === null ? "" : "actors",
      drive.lights === null ? "" : "lights",
    ].filter((l) => l !== ""),
    durationSecs: drive.durationUs / 1e6,
    distanceM,
    tSecs: secs,
    x: series.x,
    y: series.y,
    speedMps: series.signedSpeedMps,
    accelMps2: series.accelMps2,
    curvaturePerM: series.curvaturePerM,
    bands: (["longitudinal", "lateral"] as const).map((axis) => {
      const found = metaActions.axes[axis];
      return {
        title: `${axis} meta-actions`,
        missing: found.isAvailable ? null : found.reason,
        spans: found.isAvailable
          ? found.intervals.map((i) => ({
              label: i.action,
              startSecs: at(i.startTick),
              endSecs: at(i.endTick),
            }))
          : [],
      };
    }),
    keyframes: keyframes.map((k) => ({ tSecs: k.t0Us / 1e6, reason: k.reason, trace: null })),
    questions: [],
    map:
      drive.map === null
        ? null
        : mapToJson(drive.map, { near: { x: series.x, y: series.y }, radiusM: 60 }),
    pictures,
    facts: [["cameras", drive.cameras.map((c) => c.name).join(", ")]],
    indexHref: "index.html",
  };
}

const rows: DatasetIndexDrive[] = [];
const skipped: { what: string; why: string }[] = [];
for (const source of await detectFormat(from)) {
  for await (const ref of source.list(from)) {
    try {
      const data = await pageOf(await source.read(ref));
      const text = renderDrivePage(data);
      writeText(join(out, `${data.id}.html`), text);
      console.log(`${data.id}: ${(text.length / 1e6).toFixed(2)} MB`);
      const thin = (values: ArrayLike<number>) =>
        Array.from(values).filter((_, i) => i % Math.max(1, Math.floor(values.length / 100)) === 0);
      rows.push({
        id: data.id,
        href: `${data.id}.html`,
        format: data.format,
        scenario: null,
        durationSecs: data.durationSecs,
        distanceM: data.distanceM,
        keyframes: data.keyframes.length,
        labels: 0,
        questions: 0,
        hasMap: data.map !== null,
        numCameras: data.pictures.length > 0 ? 1 : 0,
        speedMps: thin(data.speedMps),
        x: thin(data.x),
        y: thin(data.y),
        band: data.bands[0],
      });
    } catch (error) {
      skipped.push({ what: ref.id, why: error instanceof Error ? error.message : String(error) });
    }
  }
}
writeText(
  join(out, "index.html"),
  renderDatasetIndex({
    name: "recordings",
    licence: "see drives",
    fingerprint: null,
    drives: rows,
    skipped,
  }),
);
console.log(`${rows.length} drives, ${skipped.length} skipped`, skipped.slice(0, 3));
