/** Media files as parts of a request, with the exact number of vision tokens that each costs. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import type {
  ChatPart,
  ContextLimits,
  ImageSize,
  VideoInfo,
  VideoRequest,
  VisionPlan,
} from "@causeway/reason";
import { UserError } from "../errors.ts";
import { kindOfFile } from "./jobs.ts";

export interface MediaSettings {
  readonly video: VideoRequest;
  /** Frames are decoded here, or the file goes to the server as it is. */
  readonly send: "frames" | "video";
  /** For drives: names, or "all". */
  readonly camera: string | null;
  /** For drives: the last frame's time; null takes the whole drive. */
  readonly atSecs: number | null;
  readonly factor: 28 | 32;
  readonly context: ContextLimits;
  readonly canShrink: boolean;
}

export interface LoadedMedia {
  readonly parts: readonly ChatPart[];
  readonly plans: readonly { readonly name: string; readonly plan: VisionPlan }[];
  /** What was made smaller to fit, in words. */
  readonly changes: readonly string[];
  /** Of the last picture or frame: what coordinates in the answer refer to. */
  readonly image: ImageSize | null;
  /** The picture to draw on: encoded. */
  readonly picture: Uint8Array | null;
  readonly durationSecs: number | null;
  /** Video files, for plans on other paths. */
  readonly videos: readonly {
    readonly name: string;
    readonly info: VideoInfo;
    readonly asked: VideoRequest;
  }[];
  /** Extra body fields for a server that samples the video itself. */
  readonly extraBody: Readonly<Record<string, unknown>> | null;
}

/** Files larger than this are not sent. */
const maxBytes = 512 * 2 ** 20;

/** Changes when a file's content does. */
export async function mediaKey(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(await readFile(path));
  return hash.digest("hex").slice(0, 32);
}

export async function loadMedia(
  paths: readonly string[],
  settings: MediaSettings,
): Promise<LoadedMedia> {
  const loaded: LoadedMedia[] = [];
  for (const path of paths) {
    const info = await stat(path).catch(() => null);
    if (info === null) throw new UserError("MEDIA", `no such file (${path})`);
    if (info.size > maxBytes)
      throw new UserError(
        "MEDIA",
        `${basename(path)} has ${info.size} bytes; at most ${maxBytes} are sent. Cut or shrink it`,
      );
    const kind = kindOfFile(path);
    if (kind === "image") loaded.push(await loadImage(path, settings));
    else if (kind === "drive") loaded.push(await loadDrive(path, settings));
    else loaded.push(await loadVideo(path, settings));
  }
  const last = loaded.at(-1);
  return {
    parts: loaded.flatMap((m) => m.parts),
    plans: loaded.flatMap((m) => m.plans),
    changes: loaded.flatMap((m) => m.changes),
    image: last?.image ?? null,
    picture: last?.picture ?? null,
    durationSecs: last?.durationSecs ?? null,
    videos: loaded.flatMap((m) => m.videos),
    extraBody: loaded.find((m) => m.extraBody !== null)?.extraBody ?? null,
  };
}

const mimes: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".webp": "image/webp",
  ".mp4": "video/mp4",
  ".m4v": "video/mp4",
  ".mov": "video/quicktime",
  ".mkv": "video/x-matroska",
  ".webm": "video/webm",
};
const mimeOf = (path: string): string =>
  mimes[extname(path).toLowerCase()] ?? "application/octet-stream";

async function loadImage(path: string, settings: MediaSettings): Promise<LoadedMedia> {
  const { planImage } = await import("@causeway/reason");
  const { default: sharp } = await import("sharp");
  const bytes = new Uint8Array(await readFile(path));
  const meta = await sharp(bytes)
    .metadata()
    .catch((cause: unknown) => {
      throw new UserError(
        "MEDIA",
        `${basename(path)} is no readable picture: ${(cause as Error).message}`,
      );
    });
  const { width, height } = meta.autoOrient;
  const { minPixels, maxPixels } = settings.video;
  const limits = {
    ...(minPixels === undefined ? {} : { minPixels }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
  };
  const plan = planImage({ width, height }, limits, settings.factor);
  // A limit is kept by sending the smaller picture: servers have limits of their own.
  const isSmaller = maxPixels !== undefined && plan.width * plan.height < width * height;
  const part: ChatPart = isSmaller
    ? {
        type: "image",
        bytes: new Uint8Array(
          await sharp(bytes)
            .rotate()
            .resize(plan.width, plan.height, { fit: "fill" })
            .png()
            .toBuffer(),
        ),
        mime: "image/png",
      }
    : { type: "image", bytes, mime: mimeOf(path) };
  return {
    parts: [part],
    plans: [{ name: basename(path), plan }],
    changes: [],
    image: { width, height },
    picture: bytes,
    durationSecs: null,
    videos: [],
    extraBody: null,
  };
}

async function loadVideo(path: string, settings: MediaSettings): Promise<LoadedMedia> {
  const { fitVideo, planVideo, totalPixelBudget } = await import("@causeway/reason");
  const { encodeJpeg, indexVideo, openVideo } = await import("@causeway/data");
  const index = await indexVideo(path);
  const totalFrames = index.ptsUs.length;
  const spanUs = (index.ptsUs.at(-1) ?? 0) - (index.ptsUs[0] ?? 0);
  const fps = spanUs > 0 ? ((totalFrames - 1) * 1e6) / spanUs : null;
  const size = { width: index.width, height: index.height };
  const route = settings.send === "video" ? "server" : "utils";
  const info = { ...size, totalFrames, fps };
  // Always said, as Cosmos-Reason's own client does: what a server takes by default depends on the model's files.
  const { maxModelLen, maxTokens } = settings.context;
  const budget = totalPixelBudget(maxModelLen, maxTokens, settings.factor);
  const totalPixels = settings.video.totalPixels ?? budget;
  if (totalPixels > budget)
    throw new UserError(
      "OPTION",
      `--total-pixels ${totalPixels}: a context of ${maxModelLen} with ${maxTokens} tokens of answer leaves ${budget}`,
    );
  const asked: VideoRequest = { ...settings.video, totalPixels };
  const fitted = settings.canShrink
    ? fitVideo(info, asked, route, settings.context, settings.factor)
    : {
        plan: planVideo(info, asked, route, settings.factor),
        request: asked,
        changes: [],
      };
  const { plan, request } = fitted;
  const common = {
    plans: [{ name: basename(path), plan }],
    changes: fitted.changes,
    image: size,
    durationSecs: fps === null ? null : totalFrames / fps,
    videos: [{ name: basename(path), info, asked }],
  };
  if (settings.send === "video") {
    const count = request.numFrames;
    return {
      ...common,
      parts: [
        {
          type: "video",
          bytes: new Uint8Array(await readFile(path)),
          mime: mimeOf(path),
          ...(request.fps === undefined ? {} : { fps: request.fps }),
        },
      ],
      picture: null,
      extraBody: {
        mm_processor_kwargs: {
          ...(count === undefined ? {} : { num_frames: count }),
          ...(count === undefined && request.fps === undefined ? { fps: 2 } : {}),
          ...(request.totalPixels === undefined
            ? {}
            : {
                size: {
                  shortest_edge: request.minPixels ?? 131_072,
                  longest_edge: request.totalPixels,
                },
              }),
        },
      },
    };
  }
  const video = await openVideo(path);
  const frames: { bytes: Uint8Array; mime: string }[] = [];
  const timesSecs: number[] = [];
  for await (const frame of video.frames([...new Set(plan.indices)], {
    width: plan.width,
    height: plan.height,
  })) {
    frames.push({ bytes: await encodeJpeg(frame.image), mime: "image/jpeg" });
    timesSecs.push((frame.ptsUs - index.startUs) / 1e6);
  }
  return {
    ...common,
    parts: [{ type: "frames", frames, timesSecs }],
    picture: frames.at(-1)?.bytes ?? null,
    image: { width: plan.width, height: plan.height },
    extraBody: null,
  };
}

/** Frames of a drive's cameras: the last ones before a time, 0.1 s apart, or the whole drive at the asked rate. */
async function loadDrive(path: string, settings: MediaSettings): Promise<LoadedMedia> {
  const { planImage, planVideo } = await import("@causeway/reason");
  const { cameraFor, decodeImage, openDrive } = await import("@causeway/data");
  const drive = await openDrive(path);
  try {
    const names = drive.cameras.map((c) => c.name);
    if (names.length === 0) throw new UserError("MEDIA", `${basename(path)} has no camera`);
    const front = cameraFor(drive, null) ?? (names[0] as string);
    const wanted = settings.camera === "all" ? names : [settings.camera ?? front];
    const parts: ChatPart[] = [];
    const plans: { name: string; plan: VisionPlan }[] = [];
    let picture: Uint8Array | null = null;
    let image: ImageSize | null = null;
    for (const name of wanted) {
      const camera = drive.cameras.find((c) => c.name === name);
      if (camera === undefined)
        throw new UserError(
          "MEDIA",
          `${basename(path)} has no camera "${name}"; it has ${names.join(", ")}`,
        );
      const indices = chosenFrames([...camera.stampsUs], settings);
      const frames = await drive.frames(name, indices);
      const [first] = frames;
      if (first === undefined)
        throw new UserError("MEDIA", `${basename(path)} has no picture of camera "${name}"`);
      const where = `${basename(path)} ${name}`;
      const { width, height } = camera.calibration ?? (await decodeImage(first.bytes, { where }));
      const size = { width, height };
      const bytes = frames.map((f) => ({ bytes: f.bytes, mime: `image/${f.encoding}` }));
      parts.push({ type: "frames", frames: bytes, timesSecs: frames.map((f) => f.stampUs / 1e6) });
      picture ??= bytes.at(-1)?.bytes ?? null;
      image ??= size;
      const still = planImage(size, {}, settings.factor);
      const plan =
        frames.length < 2
          ? still
          : planVideo(
              { ...size, totalFrames: frames.length, fps: 10 },
              { numFrames: frames.length - (frames.length % 2) },
              "utils",
              settings.factor,
            );
      plans.push({ name: `${basename(path)} ${name}`, plan });
    }
    return {
      parts,
      plans,
      changes: [],
      image,
      picture,
      durationSecs: drive.durationUs / 1e6,
      videos: [],
      extraBody: null,
    };
  } finally {
    await drive.close();
  }
}

function chosenFrames(stampsUs: readonly number[], settings: MediaSettings): number[] {
  const nearest = (us: number): number => {
    let best = 0;
    for (const [i, stamp] of stampsUs.entries())
      if (Math.abs(stamp - us) < Math.abs((stampsUs[best] as number) - us)) best = i;
    return best;
  };
  const firstUs = stampsUs[0] ?? 0;
  const lastUs = stampsUs.at(-1) ?? 0;
  const chosen: number[] = [];
  if (settings.atSecs !== null) {
    const end = settings.atSecs * 1e6;
    if (end < firstUs || end > lastUs + 1e5)
      throw new UserError(
        "MEDIA",
        `--at ${settings.atSecs}: the drive has pictures from ${firstUs / 1e6} to ${lastUs / 1e6} s`,
      );
    for (let k = 3; k >= 0; k--) chosen.push(nearest(end - k * 1e5));
  } else {
    const step = 1e6 / (settings.video.fps ?? 2);
    for (let us = firstUs; us <= lastUs; us += step) chosen.push(nearest(us));
  }
  return [...new Set(chosen)];
}
