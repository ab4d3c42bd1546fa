/** Pictures for the report: some held-out moments with camera frames, map, actors, paths and reasoning. */
import type { Dataset, SampleLoader } from "@causeway/data";
import { lastAtOrBefore, resampleAt, rotationAtRow, yawOfQuat } from "@causeway/geom";
import {
  actorsToClip,
  type ClipArtefact,
  type DecisionRow,
  encodeJpegBase64,
  type EvalSampleRow,
  mapToJson,
  type OpenLoopRow,
  type PredictionRow,
} from "@causeway/eval";

/** Worst half by error, the rest spread evenly over the others, so that a page shows failures and the usual. */
export function chooseClips(rows: readonly OpenLoopRow[], count: number): string[] {
  const ranked = rows
    .filter((r) => r.predictor === "model")
    .map((r) => ({ id: r.sampleId, error: r.metrics?.minAde["6.4s"] ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => b.error - a.error || (a.id < b.id ? -1 : 1))
    .map((r) => r.id);
  if (ranked.length <= count) return ranked;
  const worst = ranked.slice(0, Math.ceil(count / 2));
  const rest = ranked.slice(worst.length);
  const numRest = count - worst.length;
  const spread = Array.from(
    { length: numRest },
    (_, i) => rest[Math.floor(((i + 0.5) * rest.length) / numRest)] as string,
  );
  return [...worst, ...spread];
}

export interface ClipInputs {
  readonly dataset: Dataset;
  readonly loader: SampleLoader;
  readonly sample: EvalSampleRow;
  readonly prediction: PredictionRow | null;
  readonly decision: DecisionRow | null;
}

/** Frames of a camera kept in a clip: the first and the last, 0.3 s apart. */
const keptFrames = [0, 3];

export async function makeClip({
  dataset,
  loader,
  sample,
  prediction,
  decision,
}: ClipInputs): Promise<ClipArtefact> {
  const driveId = sample.sampleId.slice(0, sample.sampleId.lastIndexOf("@"));
  const { t0Us } = sample;
  const drive = await dataset.open(driveId);
  try {
    const [loaded] = await loader.load([{ driveId, t0Us }]);
    const now = resampleAt(drive.egoMotion, Float64Array.of(t0Us));
    const worldFromRig = {
      x: now.x[0] as number,
      y: now.y[0] as number,
      yaw: yawOfQuat(rotationAtRow(now, 0)),
    };
    const at = <T extends { readonly stampUs: number }>(rows: readonly T[] | null): T | null =>
      rows === null
        ? null
        : (rows[
            lastAtOrBefore(
              rows.map((r) => r.stampUs),
              t0Us,
            )
          ] ?? null);
    const map = await drive.map();
    const cameras = await Promise.all(
      [...(loaded?.cameras ?? [])].map(async ([name, frames]) => {
        const [first] = frames;
        const calibration = drive.cameras.find((c) => c.name === name)?.calibration ?? null;
        const fits = calibration?.width === first?.width && calibration?.height === first?.height;
        return {
          name,
          width: first?.width ?? 0,
          height: first?.height ?? 0,
          // A calibration of another picture size would draw the path in the wrong place.
          calibration: fits ? calibration : null,
          frames: await Promise.all(
            keptFrames.flatMap((i) => {
              const frame = frames[i];
              return frame === undefined ? [] : [encodeJpegBase64(frame, 85)];
            }),
          ),
        };
      }),
    );
    return {
      sampleId: sample.sampleId,
      recordingId: sample.recordingId,
      scenario: sample.scenario,
      predictor: "model",
      cameras,
      ego: drive.egoSize ?? { lengthM: 4.6, widthM: 1.9, rearAxleToCenterM: 1.4 },
      history: sample.history,
      logged: sample.future,
      predicted: prediction?.paths ?? [],
      map:
        map === null
          ? null
          : mapToJson(map, {
              worldFromLocal: worldFromRig,
              near: { x: [worldFromRig.x], y: [worldFromRig.y] },
              radiusM: 100,
            }),
      actors: actorsToClip(at(await drive.actors())?.actors ?? [], worldFromRig),
      lights: at(await drive.lights())?.lights ?? [],
      modelTrace: prediction?.reasoning ?? null,
      oracleTrace: sample.oracle?.trace ?? null,
      modelDecision: decision?.predicted ?? null,
      oracleDecision: sample.oracle,
      consistency: decision?.consistency ?? null,
    };
  } finally {
    await drive.close();
  }
}
