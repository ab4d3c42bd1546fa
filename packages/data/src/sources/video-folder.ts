/**
 * A folder of videos and a table of ego motion, with conventional names or a small manifest (`recording.yaml`); or videos
 * alone, which make drives without ego motion: a folder with `cameras/`, or any single video.
 *
 * The table's world must be right-handed with z up; its origin is moved to the first pose and time 0 is the first row (without
 * a table: the first picture). A frame is shown at its time in the camera's table of times, or else at its presentation time in
 * the file, counted from time 0. H.264, HEVC and what else the decoder knows.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { EgoMotion } from "@causeway/geom";
import { checkMotion, driveIdFrom, motionGaps } from "../check-drive.ts";
import type { CameraStream, Drive } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { noMotion } from "../motion-columns.ts";
import { clockOfCameras, type DriveClock, openCameras, readCamera } from "./folder-cameras.ts";
import { readEgo } from "./folder-ego.ts";
import {
  type FolderManifest,
  isCamerasFolder,
  isLooseVideo,
  isPicture,
  isRecordingFolder,
  looseVideo,
  manifestNames,
  readManifest,
} from "./folder-manifest.ts";
import { type DriveRef, type DriveSource, gapLimitUs, type ReadOptions } from "./source.ts";
import { requireForward } from "./topic-ego.ts";

/** `DriveRef.entry` of what is no folder of its own. */
const videoEntry = "video";
const picturesEntry = "pictures";

const refOf = (
  path: string,
  id: string,
  files: readonly string[],
  entry?: typeof videoEntry | typeof picturesEntry,
): DriveRef => ({
  format: videoFolderSource.format,
  id: driveIdFrom("folder", id),
  path,
  files,
  ...(entry === undefined ? {} : { entry }),
});

/** Named after its folder too: videos called "front.mp4" are many. */
const videoRef = (path: string): DriveRef =>
  refOf(
    path,
    `${basename(dirname(path))}-${basename(path).replace(/\.\w+$/, "")}`,
    [path],
    videoEntry,
  );

async function* recordingsIn(path: string): AsyncGenerator<DriveRef> {
  if ((await isRecordingFolder(path)) || (await isCamerasFolder(path))) {
    // A bad manifest is reported when it is read.
    const files = await readManifest(path).then(
      (m) => m.files,
      (error: unknown) => {
        if (!(error instanceof FormatError)) throw error;
        return manifestNames.map((name) => join(path, name));
      },
    );
    yield refOf(path, basename(path), files);
    return;
  }
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) yield* recordingsIn(child);
    else if (isLooseVideo(child)) yield videoRef(child);
  }
}

/** Motion of the table and what is to be said of it. */
async function readMotion(
  path: string,
  manifest: FolderManifest,
): Promise<{ motion: EgoMotion; clock: DriveClock; notes: string[] }> {
  const { motion, startUs, notes } = await readEgo(path, manifest);
  checkMotion(motion, { path });
  requireForward(path, motion, "the heading", '"rig: { yawDeg: … }" in recording.yaml turns it');
  const gaps = motionGaps(motion, gapLimitUs);
  if (gaps.length === motion.stampUs.length - 1) {
    throw new FormatError(
      "value",
      { path },
      `all rows are more than ${gapLimitUs * 1e-6} s apart (the first two: ${motion.stampUs[1] * 1e-6} s); expected 10 or more a second. Say the unit of the times: name the column t_ms, t_us or t_ns.`,
    );
  }
  return {
    motion,
    clock: { startUs, untimedUs: 0, durationUs: motion.stampUs[motion.stampUs.length - 1] },
    notes: [
      ...notes,
      manifest.rig === undefined
        ? "Poses are taken to be of the rear axle on the ground."
        : "The rear axle is where the manifest says, seen from the poses.",
      "World: the table's, taken as right-handed with z up, its origin moved to the first pose.",
      ...gaps.map(
        (g) =>
          `Gap of ${((g.toUs - g.fromUs) * 1e-6).toFixed(2)} s after row ${g.row}: no samples there.`,
      ),
    ],
  };
}

function noMotionNotes({ otherTables }: FolderManifest): string[] {
  return [
    "No ego motion: there is no ego.csv or ego.json, and no recording.yaml names a table. Time 0 is the first picture.",
    ...(otherTables.length === 0
      ? []
      : [
          `Not read: ${otherTables.slice(0, 5).join(", ")}. If one holds the ego motion, name it ego.csv or say "ego:" in recording.yaml.`,
        ]),
  ];
}

export const videoFolderSource: DriveSource = {
  format: "video-folder",
  aliases: ["folder", "mp4"],
  version: 1,

  /** By a table or a manifest: videos alone lie in folders of other formats too, so they are asked for by name. */
  async recognizes(path) {
    if (!(await stat(path)).isDirectory()) return false;
    for await (const { entry, path: at } of recordingsIn(path))
      if (entry === undefined && (await isRecordingFolder(at))) return true;
    return false;
  },

  async *list(path) {
    if (!(await stat(path)).isDirectory()) {
      if (isLooseVideo(path)) yield videoRef(path);
      return;
    }
    let isEmpty = true;
    for await (const ref of recordingsIn(path)) {
      isEmpty = false;
      yield ref;
    }
    // Nothing but pictures: reading it says what to do with them.
    const pictures = isEmpty ? (await readdir(path)).filter(isPicture).sort() : [];
    if (pictures.length > 0) {
      const files = pictures.map((name) => join(path, name));
      yield refOf(path, basename(path), files, picturesEntry);
    }
  },

  async read(ref, options: ReadOptions = {}): Promise<Drive> {
    if (ref.entry === picturesEntry) {
      throw new FormatError(
        "unsupported",
        { path: ref.path },
        `${ref.files.length} pictures that nothing says the times of; a drive is a recording. Ask about them one by one: causeway reason ${basename(ref.files[0])} --prompt caption.`,
      );
    }
    const manifest = ref.entry === videoEntry ? looseVideo(ref.path) : await readManifest(ref.path);
    const ego = manifest.ego === null ? null : await readMotion(manifest.ego, manifest);
    const opened = await openCameras(manifest, options);
    if (ego === null && opened.length === 0) {
      throw new FormatError(
        "missing",
        { path: ref.path },
        "neither ego motion nor pictures to import; expected ego.csv or ego.json, or videos in cameras and no --pictures none.",
      );
    }
    const clock = ego?.clock ?? clockOfCameras(opened);
    const zero = ego === null ? "the first picture" : "the first pose";
    const cameras: CameraStream[] = [];
    const cameraNotes: string[] = [];
    for (const camera of opened) {
      const { stream, notes } = await readCamera(camera, clock, zero, options);
      cameras.push(stream);
      cameraNotes.push(...notes);
    }
    return {
      id: ref.id,
      source: {
        format: videoFolderSource.format,
        licence: manifest.licence,
        scenario: null,
        seed: null,
        ...(manifest.recording === undefined
          ? {}
          : { recording: driveIdFrom("folder", manifest.recording) }),
        notes: [
          ...(ego?.notes ?? noMotionNotes(manifest)),
          ...(cameras.length === 0 ? ["No pictures imported."] : cameraNotes),
        ],
      },
      durationUs: clock.durationUs,
      egoMotion: ego?.motion ?? noMotion(),
      egoSize: manifest.egoSize ?? null,
      cameras,
      actors: null,
      lights: null,
      map: null,
      route: null,
      decisions: null,
    };
  },
};
