/** Pictures and calibrations of camera topics: stored pictures as they are, video through the decoder. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  composeSe3,
  inverseSe3,
  multiplyQuat,
  normalizeQuat,
  quatFromYawPitchRoll,
  type Quat,
  type RgbImage,
  type Se3,
  se3From,
} from "@causeway/geom";
import type { CameraFrame, CameraStream, PinholeCalibration } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { decodeImage, encodeJpeg } from "../image.ts";
import type { McapFile } from "../mcap/mcap-file.ts";
import { hasKeyPicture } from "../video/annexb.ts";
import { openVideo } from "../video/open-video.ts";
import { type FrameTree, plainFrame } from "./frame-tree.ts";
import type { ReadOptions } from "./source.ts";
import { stampOf } from "./topic-ego.ts";
import type { TopicMapping } from "./topic-mapping.ts";
import { type MessageView, readTopics } from "./topic-messages.ts";
import { defaultPicturesHz, keptFrames, picturesOf } from "./video-pictures.ts";

type CameraMapping = TopicMapping["cameras"][string];

/** What is collected of one camera while the recording is read once. */
interface Collected {
  readonly name: string;
  readonly mapping: CameraMapping;
  readonly frames: { stampUs: number; bytes: Uint8Array | RgbImage }[];
  video: {
    readonly codec: "avc" | "hevc";
    readonly path: string;
    readonly stamps: number[];
  } | null;
  frameId: string;
  numOutside: number;
  numBack: number;
  numBeforeKey: number;
}

const codecs: Readonly<Record<string, "avc" | "hevc">> = {
  h264: "avc",
  h265: "hevc",
  hevc: "hevc",
};

/** Raw pixels of sensor_msgs/Image and foxglove.RawImage as RGB. */
function rgbOf(view: MessageView, place: { path: string }, topic: string): RgbImage {
  const [width, height, step] = ["width", "height", "step"].map((n) => view.number(n));
  const encoding = view.text("encoding");
  const channels: Readonly<Record<string, readonly [number, number, number, number]>> = {
    rgb8: [3, 0, 1, 2],
    bgr8: [3, 2, 1, 0],
    rgba8: [4, 0, 1, 2],
    bgra8: [4, 2, 1, 0],
    mono8: [1, 0, 0, 0],
    "8UC1": [1, 0, 0, 0],
    "8UC3": [3, 2, 1, 0],
  };
  const layout = channels[encoding];
  const data = view.bytes("data");
  if (layout === undefined || data.length < step * height || step < width * layout[0]) {
    throw new FormatError(
      layout === undefined ? "unsupported" : "truncated",
      place,
      `topic ${topic}: picture of ${width}x${height}, ${encoding}, ${data.length} bytes; expected one of ${Object.keys(channels).join(", ")} with all its bytes.`,
    );
  }
  const [size, r, g, b] = layout;
  const pixels = new Uint8Array(3 * width * height);
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * step + x * size;
      pixels[out++] = data[at + r];
      pixels[out++] = data[at + g];
      pixels[out++] = data[at + b];
    }
  }
  return { width, height, pixels };
}

/** JPEG and PNG stay as they are, by their first bytes (the format field is free text in ROS); others are packed again. */
async function storedPicture(
  stampUs: number,
  picture: Uint8Array | RgbImage,
  where: string,
): Promise<CameraFrame> {
  if (!(picture instanceof Uint8Array)) {
    return { stampUs, encoding: "jpeg", bytes: await encodeJpeg(picture) };
  }
  if (picture[0] === 0xff && picture[1] === 0xd8)
    return { stampUs, encoding: "jpeg", bytes: picture };
  if (picture[0] === 0x89 && picture[1] === 0x50)
    return { stampUs, encoding: "png", bytes: picture };
  return {
    stampUs,
    encoding: "jpeg",
    bytes: await encodeJpeg(await decodeImage(picture, { where })),
  };
}

/** Takes `next` in: the frame before it stays only if a tick of the grid falls between the two, as `keptFrames` asks. */
function keepForGrid(collected: Collected, next: Collected["frames"][number], hz: number | null) {
  const { frames } = collected;
  const last = frames.at(-1);
  if (last !== undefined && hz !== null) {
    const tick = Math.ceil((last.stampUs * hz) / 1e6 - 1e-9);
    if ((tick * 1e6) / hz >= next.stampUs) frames.pop();
  }
  frames.push(next);
}

export interface CameraSpan {
  /** Absolute time of the drive's 0. */
  readonly startUs: number;
  readonly durationUs: number;
}

/** Pictures of all cameras of the mapping that the person wants, in one pass over the recording. */
export async function readCameras(
  files: readonly McapFile[],
  cameras: readonly (readonly [string, CameraMapping])[],
  span: CameraSpan,
  context: {
    readonly clock: "stamp" | "log";
    readonly options: ReadOptions;
    calibration(
      mapping: CameraMapping,
      frameId: string,
      name: string,
    ): { readonly calibration: PinholeCalibration | null; readonly notes: readonly string[] };
  },
): Promise<{ streams: CameraStream[]; notes: string[] }> {
  const place = { path: files[0].path };
  const { options } = context;
  const hz = options.picturesHz === undefined ? defaultPicturesHz : options.picturesHz;
  const byTopic = new Map<string, Collected>();
  for (const [name, mapping] of cameras) {
    byTopic.set(mapping.topic, {
      name,
      mapping,
      frames: [],
      video: null,
      frameId: "",
      numOutside: 0,
      numBack: 0,
      numBeforeKey: 0,
    });
  }
  const folder = await mkdtemp(join(tmpdir(), "causeway-mcap-"));
  const videoFiles = new Map<string, Awaited<ReturnType<typeof open>>>();
  try {
    const lastStamp = new Map<string, number>();
    for await (const { topic, kind, logUs, view } of readTopics(files, [...byTopic.keys()])) {
      const collected = byTopic.get(topic);
      if (collected === undefined) continue;
      const stampUs = stampOf(view, logUs, context.clock) - span.startUs;
      const before = lastStamp.get(topic);
      if (before !== undefined && stampUs <= before) {
        collected.numBack++;
        // Every access unit of a video belongs to the stream, whatever its time.
        if (kind === "video") {
          throw new FormatError(
            "value",
            place,
            `topic ${topic}: a video frame at ${stampUs} us comes after ${before} us of the drive; expected increasing times.`,
          );
        }
        continue;
      }
      lastStamp.set(topic, stampUs);
      if (collected.frameId === "") {
        const name = view.has("header.frame_id") ? "header.frame_id" : "frame_id";
        collected.frameId = view.has(name) ? plainFrame(view.text(name)) : "";
      }
      if (kind === "video") {
        const format = view.text("format").toLowerCase();
        const codec = codecs[format];
        if (codec === undefined) {
          throw new FormatError(
            "unsupported",
            place,
            `topic ${topic} is video of format "${format}"; expected h264 or h265 (Annex B). Record it again, or convert it to pictures.`,
          );
        }
        const bytes = view.bytes("data");
        if (collected.video === null) {
          if (!hasKeyPicture(codec, bytes)) {
            collected.numBeforeKey++;
            continue;
          }
          const path = join(folder, `${videoFiles.size}.${codec === "avc" ? "h264" : "hevc"}`);
          videoFiles.set(topic, await open(path, "w"));
          collected.video = { codec, path, stamps: [] };
        }
        // Unlike write(), this never leaves a part out.
        await videoFiles.get(topic)?.appendFile(bytes);
        collected.video.stamps.push(stampUs);
      } else {
        if (stampUs < 0 || stampUs > span.durationUs) {
          collected.numOutside++;
          continue;
        }
        const bytes = kind === "raw-picture" ? rgbOf(view, place, topic) : view.bytes("data");
        keepForGrid(collected, { stampUs, bytes }, hz);
      }
    }
    for (const file of videoFiles.values()) await file.close();
    videoFiles.clear();
    const streams: CameraStream[] = [];
    const notes: string[] = [];
    for (const collected of byTopic.values()) {
      const { name, mapping } = collected;
      const frames =
        collected.video === null
          ? await pickPictures(collected, span, options, place)
          : await decodeVideo(collected, collected.video, span, options, place);
      const { calibration, notes: more } = context.calibration(mapping, collected.frameId, name);
      if (frames.length === 0) notes.push(`${name}: no picture within the drive.`);
      if (collected.numOutside > 0) {
        notes.push(`${name}: ${collected.numOutside} pictures outside the ego motion left out.`);
      }
      if (collected.numBack > 0) {
        notes.push(
          `${name}: ${collected.numBack} pictures not later than the one before left out.`,
        );
      }
      if (collected.numBeforeKey > 0) {
        notes.push(
          `${name}: ${collected.numBeforeKey} video frames before the first key frame left out.`,
        );
      }
      notes.push(...more);
      streams.push({ name, calibration, frames });
    }
    return { streams, notes };
  } finally {
    for (const file of videoFiles.values()) await file.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function pickPictures(
  { frames, mapping }: Collected,
  span: CameraSpan,
  options: ReadOptions,
  place: { path: string },
): Promise<CameraFrame[]> {
  const stamps = Float64Array.from(frames, (f) => f.stampUs);
  const out: CameraFrame[] = [];
  for (const i of keptFrames(stamps, { fromUs: 0, toUs: span.durationUs }, options)) {
    const { stampUs, bytes } = frames[i];
    out.push(await storedPicture(stampUs, bytes, `${place.path} topic ${mapping.topic}`));
  }
  return out;
}

async function decodeVideo(
  { mapping }: Collected,
  { path, stamps }: NonNullable<Collected["video"]>,
  span: CameraSpan,
  options: ReadOptions,
  place: { path: string },
): Promise<CameraFrame[]> {
  // The rate is not used: row i of the stream is message i, and the messages have the times.
  const video = await openVideo(path, { rawFps: 10 }).catch((error: unknown) => {
    if (!(error instanceof FormatError)) throw error;
    const what = error.message.replace(`${path}: `, "");
    throw new FormatError(error.code, place, `topic ${mapping.topic}: ${what}`);
  });
  const numFrames = video.index.ptsUs.length;
  if (numFrames !== stamps.length) {
    throw new FormatError(
      "value",
      place,
      `topic ${mapping.topic}: ${stamps.length} messages hold ${numFrames} video frames; expected one each: which frame belongs to which time is not known.`,
    );
  }
  const known = Float64Array.from(stamps);
  const kept = keptFrames(known, { fromUs: 0, toUs: span.durationUs }, options);
  try {
    return await picturesOf(video, known, kept, options);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(
      error.code,
      place,
      `topic ${mapping.topic}: ${error.message.replace(`${path}: `, "")}`,
    );
  }
}

/** Camera axes (z forward, x right, y down) seen from the rig when the lens looks straight ahead. */
const rigFromStraightCamera: Quat = { w: 0.5, x: -0.5, y: 0.5, z: -0.5 };
const radians = (deg: number): number => (deg * Math.PI) / 180;

export function mountOf(mount: NonNullable<CameraMapping["mount"]>): Se3 {
  if (mount.quat !== undefined) {
    const [w, x, y, z] = mount.quat;
    return se3From(mount.x, mount.y, mount.z, normalizeQuat({ w, x, y, z }));
  }
  const turn = quatFromYawPitchRoll(radians(mount.yawDeg ?? 0), radians(mount.pitchDeg ?? 0), 0);
  return se3From(mount.x, mount.y, mount.z, multiplyQuat(turn, rigFromStraightCamera));
}

/** Distortion models that a pinhole stands for when their wide-angle terms are left out. */
const pinholeModels = new Set(["", "plumb_bob", "rational_polynomial", "none"]);

/** The pinhole of a calibration message with the camera's place on the car, or why there is none. */
export function calibrationOf(
  name: string,
  mapping: CameraMapping,
  view: MessageView | undefined,
  frameId: string,
  place: {
    readonly tree: FrameTree;
    readonly vehicle: string;
    readonly vehicleFromRig: Se3;
    readonly atUs: number;
  },
): { calibration: PinholeCalibration | null; notes: string[] } {
  const none = (note: string) => ({ calibration: null, notes: [`${name}: ${note}`] });
  if (mapping.calibration === undefined) return { calibration: null, notes: [] };
  if (view === undefined) return none(`no message on ${mapping.calibration}: no calibration.`);
  const k = view.numbers(view.has("k") ? "k" : "K");
  const [width, height] = [view.number("width"), view.number("height")];
  if (k.length !== 9 || !(k[0] > 0) || !(k[4] > 0) || !(width > 0) || !(height > 0)) {
    return none(`${mapping.calibration} holds no focal length or size: no calibration.`);
  }
  const model = view.has("distortion_model") ? view.text("distortion_model") : "";
  if (!pinholeModels.has(model)) {
    return none(`lens model "${model}" is not a pinhole: no calibration.`);
  }
  const own = view.has("header.frame_id") ? "header.frame_id" : "frame_id";
  const frame = (view.has(own) && plainFrame(view.text(own))) || frameId;
  let rigFromCamera = mapping.mount === undefined ? null : mountOf(mapping.mount);
  if (rigFromCamera === null) {
    const vehicleFromCamera = place.tree.at(place.vehicle, frame, place.atUs);
    if (vehicleFromCamera === null) {
      return none(
        `no transform from "${place.vehicle}" to "${frame}": no calibration (give cameras.${name}.mount in the mapping).`,
      );
    }
    rigFromCamera = composeSe3(inverseSe3(place.vehicleFromRig), vehicleFromCamera);
  }
  const distortion = view.has("d") ? view.numbers("d") : view.has("D") ? view.numbers("D") : [];
  const isDistorted = distortion.some((v) => v !== 0);
  return {
    calibration: {
      model: "pinhole",
      width,
      height,
      fx: k[0],
      fy: k[4],
      cx: k[2],
      cy: k[5],
      rigFromCamera,
    },
    notes: isDistorted ? [`${name}: lens distortion (${model || "no model"}) is not removed.`] : [],
  };
}
