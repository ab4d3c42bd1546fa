/** What a folder of videos and ego motion says of itself: `recording.yaml`, or conventional names. */
import { readdir } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { FormatError } from "../errors.ts";
import { readWholeFile } from "../io/json.ts";
import { mountSchema, offsetSchema, egoSizeMapping } from "./topic-mapping.ts";

const unit = z.enum(["s", "ms", "us", "ns"]);
export const unitUs: Readonly<Record<z.infer<typeof unit>, number>> = {
  s: 1e6,
  ms: 1e3,
  us: 1,
  ns: 1e-3,
};

const manifestSchema = z.strictObject({
  /** File with the columns t, x, y and more; see the package README. */
  ego: z.string().optional(),
  /** Unit of the times where the column's name does not say; default seconds. */
  time: unit.optional(),
  /** Column names where they differ: { t: "gps_time", x: "east", … }. */
  columns: z.record(z.string(), z.string()).default({}),
  /** Where the rear axle on the ground is, seen from the point that the poses are of. */
  rig: offsetSchema.optional(),
  cameras: z
    .record(
      z.string(),
      z.strictObject({
        video: z.string(),
        /** One time per frame in presentation order, on the clock of the ego motion. */
        timestamps: z.string().optional(),
        /** Without timestamps: time of the video's 0 after the first pose. */
        offsetSecs: z.number().default(0),
        /** Only for raw streams (.h264, .hevc) without timestamps. */
        fps: z.number().positive().optional(),
        pinhole: z
          .strictObject({
            width: z.number().int().positive(),
            height: z.number().int().positive(),
            fx: z.number().positive(),
            fy: z.number().positive(),
            cx: z.number(),
            cy: z.number(),
            mount: mountSchema,
          })
          .optional(),
      }),
    )
    .optional(),
  egoSize: egoSizeMapping.optional(),
  licence: z.string().default("unknown (your own recording)"),
  /** Folders with the same one never part at a split. */
  recording: z.string().optional(),
});
export type FolderCamera = NonNullable<z.infer<typeof manifestSchema>["cameras"]>[string];

export interface FolderManifest extends Omit<z.infer<typeof manifestSchema>, "ego" | "cameras"> {
  /** Path of the table of ego motion, inside the folder; null where there is none. */
  readonly ego: string | null;
  /** With paths inside the folder. */
  readonly cameras: ReadonlyMap<string, FolderCamera>;
  /** All files that the drive is made from. */
  readonly files: readonly string[];
  /** Names of tables beside them, one of which may be the ego motion under another name. */
  readonly otherTables: readonly string[];
}

export const manifestNames = ["recording.yaml", "recording.yml", "recording.json"];
export const egoNames = ["ego.csv", "ego.json"];
/** What is a recording by itself: a raw stream has no times, and `.ts` may be source code. */
const looseVideoName = /\.(mp4|mov|mkv|webm|m4v)$/i;
const videoName = /\.(mp4|mov|mkv|webm|m4v|ts|h264|264|hevc|h265|265)$/i;

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [] as string[])).sort();
}

/** Cameras by name: `cameras/NAME.mp4` with `cameras/NAME.timestamps.csv` (or .json) where it is there. */
async function conventionalCameras(folder: string): Promise<[string, FolderCamera][]> {
  const names = await namesIn(join(folder, "cameras"));
  return names
    .filter((name) => videoName.test(name))
    .map((name) => {
      const stem = name.replace(videoName, "");
      const times = [`${stem}.timestamps.csv`, `${stem}.timestamps.json`].find((n) =>
        names.includes(n),
      );
      const camera: FolderCamera = { video: `cameras/${name}`, offsetSecs: 0 };
      return [stem, times === undefined ? camera : { ...camera, timestamps: `cameras/${times}` }];
    });
}

/** A path that the manifest names; it may not leave the folder. */
function inside(folder: string, manifest: string, name: string): string {
  const path = resolve(folder, name);
  const inward = relative(folder, path);
  if (inward.startsWith("..") || resolve(inward) === inward) {
    throw new FormatError(
      "value",
      { path: manifest },
      `names "${name}", which is outside of the folder; expected a path below it.`,
    );
  }
  return path;
}

export async function readManifest(folder: string): Promise<FolderManifest> {
  const names = await namesIn(folder);
  const file = manifestNames.find((name) => names.includes(name));
  const path = join(folder, file ?? "recording.yaml");
  let value: unknown = {};
  if (file !== undefined) {
    const text = Buffer.from(await readWholeFile(path, 1 << 20)).toString();
    try {
      // JSON is YAML.
      value = parse(text, { maxAliasCount: 20 }) ?? {};
    } catch (cause) {
      throw new FormatError(
        "format",
        { path },
        `not valid YAML: ${(cause as Error).message.split("\n")[0]}.`,
        { cause },
      );
    }
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FormatError(
      "format",
      { path },
      `${issue.path.join(".") || "top level"}: ${issue.message}. The README of the data package lists the fields.`,
    );
  }
  const found = egoNames.filter((name) => names.includes(name));
  if (parsed.data.ego === undefined && found.length > 1) {
    throw new FormatError(
      "value",
      { path: folder },
      `${found.join(" and ")}; expected ego.csv or ego.json, or "ego:" in recording.yaml.`,
    );
  }
  const egoName = parsed.data.ego ?? found[0];
  const ego = egoName === undefined ? null : inside(folder, path, egoName);
  const cameras = new Map<string, FolderCamera>();
  const listed = parsed.data.cameras;
  const entries = listed === undefined ? await conventionalCameras(folder) : Object.entries(listed);
  const files = [...(file === undefined ? [] : [path]), ...(ego === null ? [] : [ego])];
  for (const [name, camera] of entries) {
    const video = inside(folder, path, camera.video);
    files.push(video);
    if (camera.timestamps === undefined) cameras.set(name, { ...camera, video });
    else {
      const timestamps = inside(folder, path, camera.timestamps);
      files.push(timestamps);
      cameras.set(name, { ...camera, video, timestamps });
    }
  }
  const otherTables = names.filter(
    (name) => /\.(csv|json|txt|tsv)$/i.test(name) && !files.includes(join(folder, name)),
  );
  return { ...parsed.data, ego, cameras, files, otherTables };
}

/** A video that is no part of a recording folder: one camera and nothing else. */
export const looseVideo = (path: string): FolderManifest => ({
  ...manifestSchema.parse({}),
  ego: null,
  cameras: new Map([["camera", { video: path, offsetSecs: 0 }]]),
  files: [path],
  otherTables: [],
});

/** Whether a folder says that it is a recording: a manifest or a table of ego motion, by their names. */
export async function isRecordingFolder(folder: string): Promise<boolean> {
  const names = await namesIn(folder);
  return names.some((name) => manifestNames.includes(name) || egoNames.includes(name));
}

/** Whether a folder is a recording without a table: videos in `cameras`. */
export const isCamerasFolder = async (folder: string): Promise<boolean> =>
  (await conventionalCameras(folder)).length > 0;

export const isLooseVideo = (path: string): boolean => looseVideoName.test(basename(path));

export const isPicture = (name: string): boolean => /\.(jpe?g|png|webp|bmp)$/i.test(name);
