/** What a driving model plans at one moment of a drive, from the drive's own motion, drawn on its front camera. */
import { atomicWriteFile, cameraFor, type DriveHandle, openDrive, sampleAt } from "@causeway/data";
import { imageFromRig, projectPath, projectRibbon } from "@causeway/eval";
import type { LocalPath } from "@causeway/geom";
import { AlpamayoModel, readFolderJson } from "@causeway/models";
import { modelFolder } from "../engine/model-folder.ts";
import { UserError } from "../errors.ts";
import { driveOptions, inputOfSample } from "../stages/model-input.ts";

export interface DrivePlan {
  readonly reasoning: string;
  /** Planned poses, rig frame at the moment, metres: 0.1 s apart. */
  readonly path: { readonly x: readonly number[]; readonly y: readonly number[] };
  /** Mean distance to what was driven, metres. */
  readonly meanErrorM: number;
  readonly overlay: string | null;
}

/** The releases' own settings. */
const sampling = { temperature: 0.6, topP: 0.98, flowTemperature: 1, maxTokens: 256 };

/** Width of the drawn picture, pixels: simulated pictures are small. */
const drawnWidth = 960;

export async function isDrivingFolder(folder: string): Promise<boolean> {
  const config = await readFolderJson(folder, "config.json", { expected: "a model folder" });
  const type = (config as { model_type?: unknown } | null)?.model_type;
  return type === "alpamayo_r1" || type === "alpamayo1_5";
}

export async function planOnDrive(
  modelPath: string,
  drivePath: string,
  atSecs: number,
  seed: number,
  overlayPath: string | null,
): Promise<DrivePlan> {
  const folder = await modelFolder(modelPath);
  if (!(await isDrivingFolder(folder)))
    throw new UserError(
      "MODEL",
      "this model plans no path; --plan needs a driving model with its action expert",
    );
  const model = await AlpamayoModel.load(folder);
  const drive = await openDrive(drivePath);
  try {
    const { cameras, image } = model.codec.manifest;
    const sample = await sampleAt(drive, Math.round(atSecs * 10) * 100_000, {
      cameras: cameras.map((c) => c.name),
      width: image.widthPx,
      height: image.heightPx,
    });
    const options = driveOptions(sampling, 1, seed, [sample.id]);
    const [result] = await model.drive([inputOfSample(sample)], options);
    const path = result?.paths[0];
    if (result === undefined || path === undefined)
      throw new UserError("MODEL", "the model gave no path");
    const { future } = sample;
    const count = Math.min(future.x.length, path.x.length);
    let sum = 0;
    for (let i = 0; i < count; i++)
      sum += Math.hypot(
        (path.x[i] as number) - (future.x[i] as number),
        (path.y[i] as number) - (future.y[i] as number),
      );
    return {
      reasoning: result.text,
      path: { x: [...path.x], y: [...path.y] },
      meanErrorM: sum / count,
      overlay:
        overlayPath === null ? null : await drawPlan(drive, sample.t0Us, path, future, overlayPath),
    };
  } finally {
    await drive.close();
    await model.dispose();
  }
}

/** Planned path as a strip of the car's width, driven path as a dashed line. */
async function drawPlan(
  drive: DriveHandle,
  t0Us: number,
  planned: LocalPath,
  driven: LocalPath,
  path: string,
): Promise<string | null> {
  const front = cameraFor(drive, null);
  const camera = drive.cameras.find((c) => c.name === front);
  if (camera === undefined || camera.calibration === null) return null;
  const { width, height } = camera.calibration;
  const nearest = camera.stampsUs.reduce(
    (best, stamp, i) =>
      Math.abs(stamp - t0Us) < Math.abs((camera.stampsUs[best] as number) - t0Us) ? i : best,
    0,
  );
  const [frame] = await drive.frames(camera.name, [nearest]);
  if (frame === undefined) return null;
  const matrix = imageFromRig(camera.calibration);
  const ribbon = projectRibbon(
    matrix,
    planned.x,
    planned.y,
    planned.yaw,
    (drive.egoSize?.widthM ?? 1.9) * 0.9,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${drawnWidth}" height="${Math.round((drawnWidth * height) / width)}" viewBox="0 0 ${width} ${height}"><path d="${ribbon}" fill="#56b4e9" fill-opacity="0.45" stroke="#56b4e9" stroke-width="0.6"/><path d="${projectPath(matrix, driven.x, driven.y)}" fill="none" stroke="#e69f00" stroke-width="1" stroke-dasharray="3 2"/></svg>`;
  const { default: sharp } = await import("sharp");
  const png = await sharp(frame.bytes)
    .resize(drawnWidth, Math.round((drawnWidth * height) / width))
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer();
  await atomicWriteFile(path, png);
  return path;
}
