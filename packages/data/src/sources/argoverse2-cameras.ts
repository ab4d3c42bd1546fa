/** Argoverse 2 pictures, where the log has them, with their calibration. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { CameraStream, PinholeCalibration } from "../drive.ts";
import { axleHeightM, type PoseTable } from "./argoverse2-poses.ts";
import { type FeatherTable, readFeather, requireFiniteColumns } from "./feather.ts";

/** Pictures that models use; a full log has nine cameras. */
export const importedCameras = [
  "ring_front_center",
  "ring_front_left",
  "ring_front_right",
] as const;

async function readCalibrations(folder: string): Promise<Map<string, PinholeCalibration>> {
  const intrinsics = await readFeather(join(folder, "calibration", "intrinsics.feather"));
  const extrinsics = await readFeather(
    join(folder, "calibration", "egovehicle_SE3_sensor.feather"),
  );
  const column = (table: FeatherTable, name: string) => table.numbers(name);
  const sensors = extrinsics.strings("sensor_name");
  const e = Object.fromEntries(
    ["qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m"].map((n) => [n, column(extrinsics, n)]),
  );
  const k = Object.fromEntries(
    ["fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px"].map((n) => [
      n,
      column(intrinsics, n),
    ]),
  );
  requireFiniteColumns(extrinsics, e);
  requireFiniteColumns(intrinsics, k);
  const out = new Map<string, PinholeCalibration>();
  intrinsics.strings("sensor_name").forEach((name, i) => {
    const j = sensors.indexOf(name);
    if (j < 0) return;
    out.set(name, {
      model: "pinhole",
      width: k.width_px[i],
      height: k.height_px[i],
      fx: k.fx_px[i],
      fy: k.fy_px[i],
      cx: k.cx_px[i],
      cy: k.cy_px[i],
      rigFromCamera: {
        x: e.tx_m[j],
        y: e.ty_m[j],
        z: e.tz_m[j] + axleHeightM,
        qw: e.qw[j],
        qx: e.qx[j],
        qy: e.qy[j],
        qz: e.qz[j],
      },
    });
  });
  return out;
}

/** JPEG files are named by their nanoseconds. */
export async function listPictures(folder: string, camera: string) {
  const at = join(folder, "sensors", "cameras", camera);
  const names = await readdir(at).catch(() => [] as string[]);
  return names
    .filter((n) => /^\d+\.jpg$/.test(n))
    .map((n) => ({ ns: BigInt(basename(n, ".jpg")), file: join(at, n) }))
    .sort((a, b) => (a.ns < b.ns ? -1 : 1));
}

export async function readCameras(folder: string, poses: PoseTable): Promise<CameraStream[]> {
  const streams: CameraStream[] = [];
  let calibrations: Map<string, PinholeCalibration> | null = null;
  const endUs = poses.stampUs[poses.stampUs.length - 1];
  for (const name of importedCameras) {
    const frames = [];
    for (const { ns, file } of await listPictures(folder, name)) {
      const stampUs = Math.round(Number(ns - poses.firstNs) / 1000);
      if (stampUs < 0 || stampUs > endUs) continue;
      frames.push({
        stampUs,
        encoding: "jpeg" as const,
        bytes: new Uint8Array(await readFile(file)),
      });
    }
    if (frames.length === 0) continue;
    calibrations ??= await readCalibrations(folder);
    streams.push({ name, calibration: calibrations.get(name) ?? null, frames });
  }
  return streams;
}
