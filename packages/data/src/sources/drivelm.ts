/**
 * The DriveLM file for nuScenes: key frames of scenes with questions and answers, by nuScenes' tokens. Behaviour, the answer
 * about what the car does, is the drive's reasoning too. Objects are named in the texts as `<c1,CAM_FRONT,x,y>`, pixels of the
 * 1600 x 900 pictures; texts stay as they are. The file has no poses. Source: OpenDriveLab/DriveLM 1de72a7.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { QuestionFrame, QuestionObject, ReasoningEvent } from "../drive.ts";
import { FormatError } from "../errors.ts";
import { parseJson, readWholeFile } from "../io/json.ts";

const maxDrivelmBytes = 512 * 2 ** 20;

const stages = ["perception", "prediction", "planning", "behavior"] as const;
const question = z.object({ Q: z.string(), A: z.string() });
/** Context only: an odd one costs its own words, not the file. */
const words = z.string().nullish().catch(null);
const object = z.object({
  Category: words,
  Status: words,
  Visual_description: words,
  "2d_bbox": z.tuple([z.number(), z.number(), z.number(), z.number()]).nullish().catch(null),
});
const drivelmSchema = z.record(
  z.string(),
  z.object({
    scene_description: z.string().optional(),
    key_frames: z.record(
      z.string(),
      z.object({
        QA: z.partialRecord(z.enum(stages), z.array(question)).optional(),
        image_paths: z.record(z.string(), z.string()).optional(),
        key_object_infos: z.record(z.string(), object).optional(),
      }),
    ),
  }),
);
/** Scenes by nuScenes token, key frames by sample token. */
export type DrivelmScenes = z.infer<typeof drivelmSchema>;
export type DrivelmScene = DrivelmScenes[string];

export async function readDrivelm(path: string): Promise<DrivelmScenes> {
  const value = parseJson(await readWholeFile(path, maxDrivelmBytes), { path });
  const parsed = drivelmSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FormatError(
    "format",
    { path },
    `${issue.path.join(".") || "top level"}: ${issue.message}. Expected scenes with key_frames and QA, as DriveLM-nuScenes has them.`,
  );
}

export interface SceneWords {
  readonly questions: readonly QuestionFrame[];
  readonly reasoning: readonly ReasoningEvent[];
  /** Key frames that have no time in the drive. */
  readonly numOutside: number;
}

/** @param stampOf time of a key frame in the drive; undefined where it has none */
export function wordsOf(
  scene: DrivelmScene | undefined,
  stampOf: (sampleToken: string) => number | undefined,
): SceneWords {
  const questions: QuestionFrame[] = [];
  const reasoning: ReasoningEvent[] = [];
  let numOutside = 0;
  for (const [token, { QA = {}, key_object_infos = {} }] of Object.entries(
    scene?.key_frames ?? {},
  )) {
    const asked = stages.flatMap((kind) =>
      (QA[kind] ?? []).map(({ Q, A }) => ({ kind, question: Q, answer: A })),
    );
    if (asked.length === 0) continue;
    const stampUs = stampOf(token);
    if (stampUs === undefined) {
      numOutside++;
      continue;
    }
    const objects = Object.entries(key_object_infos).map(
      ([name, info]): QuestionObject => ({
        name,
        category: info.Category ?? null,
        status: info.Status ?? null,
        description: info.Visual_description ?? null,
        boxPx: info["2d_bbox"] ?? null,
      }),
    );
    questions.push({ stampUs, questions: asked, objects });
    const text = (QA.behavior ?? []).map((q) => q.A).join(" ");
    if (text !== "") reasoning.push({ stampUs, text });
  }
  const byTime = (a: { stampUs: number }, b: { stampUs: number }) => a.stampUs - b.stampUs;
  return { questions: questions.sort(byTime), reasoning: reasoning.sort(byTime), numOutside };
}

export interface KeyPicture {
  /** Folder of the picture, e.g. "CAM_FRONT". */
  readonly camera: string;
  /** Time at the end of the file's name, microseconds since 1970. */
  readonly timeUs: number;
  readonly path: string;
}

export interface KeyFrame {
  readonly token: string;
  /** When the last of its cameras was taken: they differ by up to 50 ms. */
  readonly timeUs: number;
  /** Those that are on this disk. */
  readonly pictures: readonly KeyPicture[];
}

const pictureName = /(?:^|\/)(samples\/(CAM_[A-Z_]+)\/[^/]*__(\d{13,17})\.(?:jpe?g|png))$/;

/** The names say camera and time; whatever stands before `samples/` is the folder of whoever wrote the file. */
function namedPictures(paths: readonly string[], root: string): KeyPicture[] {
  return paths.flatMap((path) => {
    const [, below, camera, time] = pictureName.exec(path) ?? [];
    return below === undefined ? [] : [{ camera, timeUs: Number(time), path: join(root, below) }];
  });
}

/** Key frames of a scene that have at least one picture below `root`/samples, in time order. */
export async function findKeyFrames(
  scene: DrivelmScene,
  root: string,
): Promise<{ readonly frames: readonly KeyFrame[]; readonly numMissing: number }> {
  const frames: KeyFrame[] = [];
  let numMissing = 0;
  for (const [token, { image_paths = {} }] of Object.entries(scene.key_frames)) {
    const paths = Object.values(image_paths);
    const named = namedPictures(paths, root);
    const pictures: KeyPicture[] = [];
    for (const picture of named)
      if ((await stat(picture.path).catch(() => null)) !== null) pictures.push(picture);
    numMissing += paths.length - pictures.length;
    if (pictures.length === 0) continue;
    frames.push({ token, timeUs: Math.max(...named.map((p) => p.timeUs)), pictures });
  }
  frames.sort((a, b) => a.timeUs - b.timeUs);
  return { frames, numMissing };
}
