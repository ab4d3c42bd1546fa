/** A scene of DriveLM without the nuScenes tables: its key frames as a drive without ego motion. */
import { basename } from "node:path";
import { driveIdFrom } from "../check-drive.ts";
import type { CameraFrame, CameraStream, Drive } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { noMotion } from "../motion-columns.ts";
import { type DrivelmScene, findKeyFrames, type KeyPicture, wordsOf } from "./drivelm.ts";
import { egoSize, licence, nuscenesFormat, readPicture } from "./nuscenes-facts.ts";
import type { NuscenesPlaces } from "./nuscenes-tables.ts";
import type { DriveRef, ReadOptions } from "./source.ts";
import { wantsCamera } from "./video-pictures.ts";

/** All pictures are kept, as they are: they are what the questions are about. */
export async function readWithoutTables(
  ref: DriveRef,
  scene: DrivelmScene,
  { pictures: root, drivelm }: NuscenesPlaces,
  options: ReadOptions,
): Promise<Drive> {
  const found = root === null ? null : await findKeyFrames(scene, root);
  const cameras = new Map<string, KeyPicture[]>();
  for (const { pictures } of found?.frames ?? [])
    for (const picture of pictures) {
      if (!wantsCamera(picture.camera, options)) continue;
      const list = cameras.get(picture.camera) ?? [];
      if (!list.some((p) => p.timeUs === picture.timeUs)) list.push(picture);
      cameras.set(picture.camera, list);
    }
  const times = [...cameras.values()].flat().map((p) => p.timeUs);
  if (found !== null && found.frames.length > 0 && times.length === 0) {
    throw new FormatError(
      "missing",
      { path: ref.path },
      `scene ${ref.entry}: all its pictures are left out, and without the nuScenes tables it has no ego motion: nothing would be left. Import some of its cameras.`,
    );
  }
  if (found === null || times.length === 0) {
    const [example] = Object.values(scene.key_frames).flatMap((f) =>
      Object.values(f.image_paths ?? {}),
    );
    throw new FormatError(
      "missing",
      { path: drivelm ?? ref.path },
      `scene ${ref.entry} has neither ego poses nor pictures here: there are no nuScenes tables (v1.0-*/scene.json, ego_pose.json, …) and no picture of its ${Object.keys(scene.key_frames).length} key frames${example === undefined ? "" : ` (${basename(example)}, …)`}. Expected tables or the folder samples below the folder that is imported; get them from nuScenes.`,
    );
  }
  const startUs = Math.min(...times);
  const stamps = new Map(found.frames.map((f) => [f.token, f.timeUs - startUs]));
  const { questions, reasoning, numOutside } = wordsOf(scene, (token) => {
    const stampUs = stamps.get(token);
    return stampUs !== undefined && stampUs >= 0 ? stampUs : undefined;
  });
  const streams: CameraStream[] = [];
  for (const [name, pictures] of [...cameras].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const frames: CameraFrame[] = [];
    for (const { path, timeUs } of pictures.sort((a, b) => a.timeUs - b.timeUs))
      frames.push(await readPicture(path, timeUs - startUs));
    streams.push({ name, calibration: null, frames });
  }
  // "n015-2018-08-03-15-00-36+0800__CAM_FRONT__1533280036162460.jpg": the log comes first.
  const [log] = basename([...cameras.values()][0][0].path).split("__");
  return {
    id: ref.id,
    source: {
      format: nuscenesFormat,
      licence,
      scenario: null,
      seed: null,
      recording: driveIdFrom("nuscenes", log),
      ...(scene.scene_description === undefined
        ? {}
        : { facts: { description: scene.scene_description } }),
      notes: [
        "No ego motion: the nuScenes tables of this scene are not here. Time 0 is the first picture; times are those of the file names.",
        "A key frame's questions are at the time of its last camera; the cameras differ by up to 50 ms.",
        ...(found.numMissing > 0
          ? [`${found.numMissing} pictures of the key frames are not on this disk.`]
          : []),
        ...(numOutside > 0
          ? [`DriveLM: ${numOutside} key frames without a picture left out.`]
          : []),
      ],
    },
    durationUs: Math.max(...times.map((t) => t - startUs), ...questions.map((q) => q.stampUs)),
    egoMotion: noMotion(),
    egoSize,
    cameras: streams,
    actors: null,
    lights: null,
    map: null,
    route: null,
    decisions: null,
    ...(reasoning.length === 0 ? {} : { reasoning }),
    ...(questions.length === 0 ? {} : { questions }),
  };
}
