/**
 * Scores every drive of a dataset into `curate/scores/<drive>.{f32,json}`, then gathers them into `curate/clips.jsonl` and
 * `curate/embeddings.f32`. A drive whose content, windows and versions are unchanged is not scored again, so a killed run
 * goes on where it was. Memory holds one drive at a time.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Dataset } from "../dataset/dataset.ts";
import { FormatError, StorageError } from "../errors.ts";
import { atomicWriteFile, removeStaleTemporaries } from "../io/atomic.ts";
import { parseJson, writeJsonl } from "../io/json.ts";
import type { ClipRecord, DriveReader } from "./clip.ts";
import { embeddingDim, embeddingVersion } from "./embedding.ts";
import { type CurationPolicy, hashOf } from "./policy.ts";
import { scoreDrive } from "./score-drive.ts";
import { openVectors, writeVectors } from "./vector-store.ts";
import type { LeftOver } from "./windows.ts";

/** Raised when scores change for the same drive. */
export const scoreVersion = 2;

const markerSchema = z.object({
  key: z.string(),
  clips: z.array(z.custom<ClipRecord>((v) => typeof v === "object" && v !== null && "scores" in v)),
  leftOver: z.array(z.custom<LeftOver>((v) => typeof v === "object" && v !== null)),
});
type Marker = z.infer<typeof markerSchema>;

export interface SkippedDrive {
  readonly id: string;
  readonly error: string;
}
export interface ScoreResult {
  readonly drives: number;
  /** Drives whose scores were there already. */
  readonly unchanged: number;
  readonly clips: number;
  readonly skipped: readonly SkippedDrive[];
}

export interface CurateContext {
  readonly signal?: AbortSignal;
  onProgress?(done: number, total: number, note: string): void;
}

export const curateFiles = {
  clips: "clips.jsonl",
  embeddings: "embeddings.f32",
  leftOver: "left-over.jsonl",
  skipped: "skipped.jsonl",
  rejected: "rejected.jsonl",
  dedup: "dedup.jsonl",
  summary: "summary.json",
} as const;

export const curateDir = (dataset: Dataset): string => join(dataset.dir, "curate");

async function readMarker(path: string): Promise<Marker | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) return null;
  try {
    const parsed = markerSchema.safeParse(parseJson(bytes, { path }));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    // Our own file, and it can be made again.
    if (error instanceof FormatError) return null;
    throw error;
  }
}

export async function scoreDataset(
  dataset: Dataset,
  policy: CurationPolicy,
  reader: DriveReader,
  context: CurateContext = {},
): Promise<ScoreResult> {
  const dir = curateDir(dataset);
  const scores = join(dir, "scores");
  await mkdir(scores, { recursive: true });
  for (const place of [dir, scores]) await removeStaleTemporaries(place);
  const setting = hashOf({
    windows: policy.windows,
    pictures: policy.pictures,
    versions: [scoreVersion, embeddingVersion, embeddingDim, reader.version],
  });
  const total = dataset.drives.length;
  const skipped: SkippedDrive[] = [];
  let unchanged = 0;
  for (const [i, { id, sha256 }] of dataset.drives.entries()) {
    context.signal?.throwIfAborted();
    const path = join(scores, `${id}.json`);
    const key = hashOf({ setting, sha256 });
    if ((await readMarker(path))?.key === key) {
      unchanged++;
      context.onProgress?.(i + 1, total, `${id} unchanged`);
      continue;
    }
    try {
      const drive = await dataset.open(id);
      try {
        const { clips, embeddings, leftOver } = await scoreDrive(drive, policy, reader);
        await writeVectors(join(scores, `${id}.f32`), embeddingDim, embeddings);
        // Last: its key says that both files are there.
        await atomicWriteFile(path, `${JSON.stringify({ key, clips, leftOver })}\n`);
      } finally {
        await drive.close();
      }
      context.onProgress?.(i + 1, total, id);
    } catch (error) {
      if (error instanceof StorageError || isAbort(error)) throw error;
      skipped.push({ id, error: error instanceof Error ? error.message : String(error) });
      context.onProgress?.(i + 1, total, `${id} skipped`);
    }
  }
  const without = new Set(skipped.map((s) => s.id));
  const ids = dataset.drives.map((d) => d.id).filter((id) => !without.has(id));
  const clips = await gather(dir, ids);
  await writeJsonl(join(dir, curateFiles.skipped), skipped);
  return { drives: ids.length, unchanged, clips, skipped };
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** One file of all clips and one of all embeddings, in the same order. */
async function gather(dir: string, driveIds: readonly string[]): Promise<number> {
  const markerOf = async (id: string): Promise<Marker> => {
    const path = join(dir, "scores", `${id}.json`);
    const marker = await readMarker(path);
    if (marker === null) {
      throw new FormatError("missing", { path }, "vanished while curating. Run curate again.");
    }
    return marker;
  };
  async function* rowsOf<T>(part: (marker: Marker, id: string) => readonly T[]): AsyncGenerator<T> {
    for (const id of driveIds) yield* part(await markerOf(id), id);
  }
  async function* vectors(): AsyncGenerator<Float32Array> {
    for (const id of driveIds) {
      const ids = (await markerOf(id)).clips.map((c) => c.id);
      const store = await openVectors(join(dir, "scores", `${id}.f32`), ids, embeddingDim);
      try {
        const all = await store.gather(ids.map((_, i) => i));
        for (let i = 0; i < ids.length; i++)
          yield all.subarray(i * embeddingDim, (i + 1) * embeddingDim);
      } finally {
        await store.close();
      }
    }
  }
  await writeVectors(join(dir, curateFiles.embeddings), embeddingDim, vectors());
  await writeJsonl(
    join(dir, curateFiles.leftOver),
    rowsOf((marker, driveId) => marker.leftOver.map((l) => ({ driveId, ...l }))),
  );
  return writeJsonl(
    join(dir, curateFiles.clips),
    rowsOf((marker) => marker.clips),
  );
}
