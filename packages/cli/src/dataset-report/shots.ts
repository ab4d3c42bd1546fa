/** One picture of a drive at a time, small, with the way that the car then takes. */
import {
  cameraFor,
  type Dataset,
  decodeImage,
  type DriveHandle,
  FormatError,
} from "@causeway/data";
import { encodeJpegBase64, imageFromRig, projectRibbon, type Shot } from "@causeway/eval";
import { futureAt, lastAtOrBefore } from "@causeway/geom";

const shotWidth = 360;
/** Way ahead that is drawn, s. */
const aheadSecs = 4;
const rowUs = 100_000;

/** Null when the drive has no picture near that time, or a damaged one. */
export async function shotAt(drive: DriveHandle, t0Us: number): Promise<Shot | null> {
  const name = cameraFor(drive, null);
  const camera = drive.cameras.find((c) => c.name === name);
  if (name === null || camera === undefined) return null;
  const row = Math.max(0, lastAtOrBefore(camera.stampsUs, t0Us));
  const stampUs = camera.stampsUs[row];
  if (stampUs === undefined || Math.abs(stampUs - t0Us) > 1_000_000) return null;
  const [frame] = await drive.frames(name, [row]);
  if (frame === undefined) return null;
  const where = `${drive.id} ${name} at ${stampUs} us`;
  try {
    const size = camera.calibration ?? (await decodeImage(frame.bytes, { where }));
    const width = Math.min(shotWidth, size.width);
    const height = Math.round((width * size.height) / size.width);
    const image = await decodeImage(frame.bytes, { width, height, where });
    return {
      jpeg: await encodeJpegBase64(image),
      width,
      height,
      ribbon: ribbonOf(drive, camera.calibration, stampUs, width),
    };
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

function ribbonOf(
  drive: DriveHandle,
  calibration: DriveHandle["cameras"][number]["calibration"],
  t0Us: number,
  width: number,
): string {
  if (calibration === null) return "";
  const { stampUs } = drive.egoMotion;
  const lastUs = stampUs.at(-1) ?? 0;
  const count = Math.min(aheadSecs * 10, Math.floor((lastUs - t0Us) / rowUs));
  if (t0Us < (stampUs[0] ?? 0) || count < 3) return "";
  const path = futureAt(drive.egoMotion, t0Us, count, rowUs);
  const scale = width / calibration.width;
  const matrix = imageFromRig({
    ...calibration,
    fx: calibration.fx * scale,
    fy: calibration.fy * scale,
    cx: calibration.cx * scale,
    cy: calibration.cy * scale,
  });
  return projectRibbon(matrix, path.x, path.y, path.yaw, 1.8);
}

/** Null for a damaged drive: the report names it where it counts what was left out. */
async function openOrNull(dataset: Dataset, id: string): Promise<DriveHandle | null> {
  try {
    return await dataset.open(id);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Opens the drive of each request once, in order of drives. Requests of drives that are not here give null. */
export async function shotsOf(
  dataset: Dataset,
  requests: readonly { readonly driveId: string; readonly t0Us: number }[],
): Promise<(Shot | null)[]> {
  const out = Array.from({ length: requests.length }, (): Shot | null => null);
  const known = new Set(dataset.drives.map((d) => d.id));
  const order = requests
    .map((r, i) => ({ ...r, i }))
    .filter((r) => known.has(r.driveId))
    .sort((a, b) => (a.driveId < b.driveId ? -1 : a.driveId > b.driveId ? 1 : a.t0Us - b.t0Us));
  for (let at = 0; at < order.length; ) {
    const { driveId } = order[at] as (typeof order)[number];
    const drive = await openOrNull(dataset, driveId);
    if (drive === null) {
      while (order[at]?.driveId === driveId) at++;
      continue;
    }
    try {
      for (; order[at]?.driveId === driveId; at++) {
        const request = order[at] as (typeof order)[number];
        out[request.i] = await shotAt(drive, request.t0Us);
      }
    } finally {
      await drive.close();
    }
  }
  return out;
}
