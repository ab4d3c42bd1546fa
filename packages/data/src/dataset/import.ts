/** Imports recordings into a data set: a bad one is skipped and listed, a finished one is not done again. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DataConfigError, FormatError, StorageError } from "../errors.ts";
import type { AtomicOptions } from "../io/atomic.ts";
import { readJsonl, writeJsonl } from "../io/json.ts";
import {
  type DriveRef,
  type DriveSource,
  hashInput,
  type PrepareProgress,
  type ReadOptions,
} from "../sources/source.ts";
import { createDataset } from "./dataset.ts";

export interface SkippedItem {
  readonly id: string;
  readonly path: string;
  readonly format: string;
  /** A `FormatErrorCode`, or "unexpected". */
  readonly code: string;
  /** File, row or byte, what is wrong, what to do. */
  readonly error: string;
}

export interface ImportProgress {
  readonly done: number;
  readonly total: number;
  readonly id: string;
  readonly outcome: "imported" | "unchanged" | "skipped";
}

export interface ImportOptions extends AtomicOptions {
  onProgress?(progress: ImportProgress): void;
  /** Before the first recording, where all of them share something that takes long to read. */
  onPrepare?(progress: PrepareProgress): void;
  readonly signal?: AbortSignal;
  /** What to take of each recording. */
  readonly read?: ReadOptions;
}

export interface ImportResult {
  /** Drives written by this call. */
  readonly imported: number;
  /** Drives that were there already, from the same input. */
  readonly unchanged: number;
  readonly skipped: readonly SkippedItem[];
  readonly fingerprint: string;
}

async function listed(source: DriveSource, path: string): Promise<DriveRef[]> {
  const refs: DriveRef[] = [];
  try {
    for await (const ref of source.list(path)) refs.push(ref);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new DataConfigError(`${path}: no such file or folder. Check the path to import from.`);
  }
  if (refs.length === 0) {
    throw new DataConfigError(
      `${path}: no ${source.format} recording there. Check the path and the format.`,
    );
  }
  const seen = new Map<string, DriveRef>();
  for (const ref of refs) {
    const other = seen.get(ref.id);
    if (other !== undefined) {
      throw new DataConfigError(
        `${ref.path} and ${other.path} would both become drive "${ref.id}". Import them into two data sets.`,
      );
    }
    seen.set(ref.id, ref);
  }
  return refs;
}

/** Rows of earlier imports into the same data set that are about other recordings. */
async function otherSkips(path: string, ids: ReadonlySet<string>): Promise<unknown[]> {
  if ((await stat(path).catch(() => null)) === null) return [];
  const rows = [];
  for await (const row of readJsonl(path)) {
    const { id } = row as Partial<SkippedItem>;
    if (id === undefined || !ids.has(id)) rows.push(row);
  }
  return rows;
}

const oneLine = (text: string): string => text.split(/\s*\n\s*/).join(" ");

/**
 * Why a recording is left out; null for what the next one would meet as well (a full disk, no decoder, a stop). An error
 * that no reader foresaw is a fault of ours, and still costs only its recording.
 */
function skipReason(error: unknown, ref: DriveRef): { code: string; error: string } | null {
  if (error instanceof FormatError) return { code: error.code, error: oneLine(error.message) };
  if (!(error instanceof Error)) return null;
  const errno = "code" in error ? String(error.code) : "";
  const isGeneral =
    error instanceof StorageError ||
    error instanceof DataConfigError ||
    error.name === "AbortError" ||
    errno === "ENOSPC" ||
    errno === "EDQUOT";
  if (isGeneral) return null;
  return {
    code: "unexpected",
    error: oneLine(
      `${ref.path}: ${error.name}: ${error.message}; expected a readable recording. Check the file, and report this if it is sound.`,
    ),
  };
}

/**
 * Imports all recordings below `path`. Bad input is skipped and written to `skipped.jsonl` in the data set (removed from
 * it once it imports); a full disk or a stop signal ends the batch with all finished drives kept and listed.
 */
export async function importDrives(
  source: DriveSource,
  path: string,
  datasetDir: string,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const refs = await listed(source, path);
  const storage = options.fs === undefined ? {} : { fs: options.fs };
  const dataset = await createDataset(datasetDir, storage);
  const known = new Map(dataset.drives.map((d) => [d.id, d.inputHash]));
  const skipped: SkippedItem[] = [];
  let imported = 0;
  let unchanged = 0;
  try {
    const watch = { onProgress: options.onPrepare, signal: options.signal };
    await source.prepare?.(path, watch).catch((error: unknown) => {
      // Each recording that it costs says so itself.
      if (skipReason(error, refs[0]) === null) throw error;
    });
    for (const [i, ref] of refs.entries()) {
      options.signal?.throwIfAborted();
      const report = (outcome: ImportProgress["outcome"]) =>
        options.onProgress?.({ done: i + 1, total: refs.length, id: ref.id, outcome });
      try {
        const inputHash = await hashInput(source, ref, options.read);
        if (known.get(ref.id) === inputHash) {
          unchanged++;
          report("unchanged");
          continue;
        }
        await dataset.addDrive(await source.read(ref, options.read), { inputHash });
        imported++;
        report("imported");
      } catch (error) {
        const reason = skipReason(error, ref);
        if (reason === null) throw error;
        skipped.push({ id: ref.id, path: ref.path, format: ref.format, ...reason });
        report("skipped");
      }
    }
  } finally {
    // Drives are whole files: list what is there, also when the batch was stopped.
    await dataset.commit();
  }
  const skippedPath = join(datasetDir, "skipped.jsonl");
  const others = await otherSkips(skippedPath, new Set(refs.map((r) => r.id)));
  await writeJsonl(skippedPath, [...others, ...skipped], storage);
  return { imported, unchanged, skipped, fingerprint: dataset.fingerprint };
}
