/** Scores, tags and embeddings of the clips of one drive. Holds one clip's pictures at a time. */
import { type EgoMotion, motionSeries, type RgbImage } from "@causeway/geom";
import type { DriveHandle } from "../drive-handle.ts";
import { FormatError } from "../errors.ts";
import { decodeImage } from "../image.ts";
import { rateOfStamps } from "../describe.ts";
import {
  binTicks,
  clipIdOf,
  type ClipRecord,
  type ClipTags,
  curvatureEdges,
  type DriveReader,
  noMotionTag,
  speedEdges,
} from "./clip.ts";
import { embedClip } from "./embedding.ts";
import { scoreMotion, sliceMotion } from "./motion-score.ts";
import {
  isBlack,
  lumaDifference,
  lumaOf,
  scoredWidth,
  scorePicture,
  type PictureScore,
} from "./picture-score.ts";
import { placeAndTimeOf } from "./place.ts";
import type { CurationPolicy } from "./policy.ts";
import { clipWindows, type ClipWindow, type LeftOver } from "./windows.ts";

export interface DriveScores {
  readonly clips: readonly ClipRecord[];
  /** `embeddingDim` numbers per clip. */
  readonly embeddings: readonly Float32Array[];
  readonly leftOver: readonly LeftOver[];
}

export async function scoreDrive(
  drive: DriveHandle,
  policy: Pick<CurationPolicy, "windows" | "pictures">,
  reader: DriveReader,
): Promise<DriveScores> {
  const reading = await reader.read(drive);
  const { stampUs } = drive.egoMotion;
  const [fromUs, toUs] = drive.has.motion
    ? [stampUs[0], stampUs[stampUs.length - 1]]
    : [0, drive.durationUs];
  const { clips, leftOver } = clipWindows(fromUs, toUs, policy.windows, reading.eventsUs);
  const camera = cameraFor(drive, policy.pictures.camera);
  const where = placeAndTimeOf(drive);
  const out: ClipRecord[] = [];
  const embeddings: Float32Array[] = [];
  for (const window of clips) {
    const motion = sliceMotion(drive.egoMotion, window.startUs, window.endUs);
    const scored = scoreMotion(motion);
    const looks = camera === null ? null : await look(drive, camera, window, policy.pictures);
    const series = scored === null ? null : motionSeries(motion);
    const speeds = series?.speedMps ?? new Float64Array(0);
    const meanSpeed = speeds.reduce((a, b) => a + b, 0) / Math.max(1, speeds.length);
    const sharpest = (series?.curvaturePerM ?? new Float64Array(0)).reduce(
      (a, b) => Math.max(a, Math.abs(b)),
      0,
    );
    const tags: ClipTags = {
      ...reading.tagsOf(window),
      speed: drive.has.motion ? speedTag(meanSpeed) : noMotionTag,
      curvature: drive.has.motion ? curvatureTag(sharpest) : noMotionTag,
      scenario: drive.source.scenario,
      light:
        looks?.middle == null
          ? null
          : looks.middle.luma < 50
            ? "dark"
            : looks.middle.luma < 90
              ? "dim"
              : "bright",
      ...where,
    };
    out.push({
      ...window,
      id: clipIdOf(drive.id, window),
      driveId: drive.id,
      recording: drive.source.recording ?? drive.id,
      format: drive.source.format,
      scores: {
        length: lengthSecs(drive, motion),
        parked: scored?.parkedShare ?? null,
        accel: scored?.maxAccelMps2 ?? null,
        lateralAccel: scored?.maxLateralAccelMps2 ?? null,
        poseGap: scored?.poseGapSecs ?? null,
        jump: scored?.jumpM ?? null,
        yawJump: scored?.yawJumpRad ?? null,
        frameGap: looks?.gapSecs ?? null,
        dark: looks?.middle?.luma ?? null,
        blown: looks?.middle?.blownShare ?? null,
        blur: looks?.middle?.sharpness ?? null,
        black: looks?.blackShare ?? null,
        frozen: looks?.frozenShare ?? null,
      },
      tags,
      distanceM: scored?.distanceM ?? 0,
      speedTicks: binTicks(speeds, speedEdges.slice(1)),
      curvatureTicks: binTicks(series?.curvaturePerM ?? [], curvatureEdges),
      numPictures: looks?.numPictures ?? 0,
      preview:
        looks === null || looks.row === null || camera === null ? null : { camera, row: looks.row },
    });
    embeddings.push(embedClip(scored === null ? null : motion, looks?.image ?? null));
  }
  return { clips: out, embeddings, leftOver };
}

const speedTag = (meanMps: number): ClipTags["speed"] =>
  meanMps < 0.5 ? "standing" : meanMps < 5 ? "slow" : meanMps < 15 ? "city" : "fast";

const curvatureTag = (sharpestPerM: number): ClipTags["curvature"] =>
  sharpestPerM >= 0.05 ? "sharp" : sharpestPerM >= 0.005 ? "bend" : "straight";

/** Time with poses; null where no pose was ever expected. */
function lengthSecs(drive: DriveHandle, { stampUs }: EgoMotion): number | null {
  if (!drive.has.motion) return null;
  return stampUs.length < 2 ? 0 : (stampUs[stampUs.length - 1] - stampUs[0]) * 1e-6;
}

/** The named camera, else the first one that looks ahead, else the first; null without cameras. */
export function cameraFor(drive: DriveHandle, wanted: string | null): string | null {
  const names = drive.cameras.filter((c) => c.stampsUs.length > 0).map((c) => c.name);
  if (wanted !== null) return names.includes(wanted) ? wanted : null;
  return names.find((n) => /front|wide|road|forward|center/i.test(n)) ?? names[0] ?? null;
}

interface Looks {
  readonly numPictures: number;
  /** Median by luma among those that are not black. */
  readonly middle: PictureScore | null;
  readonly blackShare: number | null;
  readonly frozenShare: number | null;
  readonly gapSecs: number | null;
  /** Picture in the middle of the clip and its row. */
  readonly image: RgbImage | null;
  readonly row: number | null;
}

async function look(
  drive: DriveHandle,
  camera: string,
  window: ClipWindow,
  policy: CurationPolicy["pictures"],
): Promise<Looks> {
  const index = drive.cameras.find((c) => c.name === camera);
  const rows: number[] = [];
  index?.stampsUs.forEach((stamp, row) => {
    if (stamp >= window.startUs && stamp < window.endUs) rows.push(row);
  });
  if (index === undefined || rows.length === 0) {
    return {
      numPictures: 0,
      middle: null,
      blackShare: null,
      frozenShare: null,
      gapSecs: null,
      image: null,
      row: null,
    };
  }
  const stamps = rows.map((row) => index.stampsUs[row]);
  // The clip's borders count as well: a camera that starts late has a gap.
  const edges = [window.startUs, ...stamps, window.endUs];
  const gapSecs = rateOfStamps(edges).longestGapSecs;
  const chosen: number[] = [];
  let nextUs = stamps[0];
  rows.forEach((row, i) => {
    if (stamps[i] < nextUs) return;
    chosen.push(row);
    nextUs = stamps[i] + policy.everySecs * 1e6;
  });
  const every = Math.ceil(chosen.length / policy.most);
  const looked = chosen.filter((_, i) => i % every === 0);
  const middleRow = looked[looked.length >> 1];
  const size = index.calibration;
  const scores: PictureScore[] = [];
  let [black, frozen, pairs] = [0, 0, 0];
  let before: { luma: Float32Array; stampUs: number } | null = null;
  let image: RgbImage | null = null;
  for (const row of looked) {
    const [frame] = await drive.frames(camera, [row]);
    let picture: RgbImage;
    try {
      picture = await decodeScaled(
        frame.bytes,
        size,
        `${drive.id} ${camera} at ${frame.stampUs} us`,
      );
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      // Nothing usable on it either; the share says how many.
      black++;
      before = null;
      continue;
    }
    const score = scorePicture(picture);
    if (isBlack(score)) black++;
    else scores.push(score);
    if (row === middleRow) image = picture;
    const luma = lumaOf(picture);
    if (
      before !== null &&
      before.luma.length === luma.length &&
      movedM(drive, before.stampUs, frame.stampUs) > 1
    ) {
      pairs++;
      if (lumaDifference(before.luma, luma) < 0.3) frozen++;
    }
    before = { luma, stampUs: frame.stampUs };
  }
  scores.sort((a, b) => a.luma - b.luma);
  return {
    numPictures: looked.length,
    middle: scores[scores.length >> 1] ?? null,
    blackShare: black / looked.length,
    frozenShare: pairs === 0 ? null : frozen / pairs,
    gapSecs,
    image,
    row: middleRow,
  };
}

async function decodeScaled(
  bytes: Uint8Array,
  size: { readonly width: number; readonly height: number } | null,
  where: string,
): Promise<RgbImage> {
  const known = size ?? (await decodeImage(bytes, { where }));
  // Never enlarged: that would make every small camera look out of focus.
  const width = Math.min(scoredWidth, known.width);
  const height = Math.max(1, Math.round((width * known.height) / known.width));
  return decodeImage(bytes, { width, height, where });
}

/** 0 where nobody knows. */
function movedM(drive: DriveHandle, fromUs: number, toUs: number): number {
  if (!drive.has.motion) return 0;
  const { stampUs, x, y } = drive.egoMotion;
  const rowAt = (us: number) => {
    let [low, high] = [0, stampUs.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (stampUs[middle] <= us) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const [a, b] = [rowAt(fromUs), rowAt(toUs)];
  return Math.hypot(x[b] - x[a], y[b] - y[a]);
}
