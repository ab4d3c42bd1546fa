/** A data set is a folder: dataset.json, drives/*.mcap, labels/*.jsonl, splits.json. Every file in it is whole or absent. */
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { driveIdPattern } from "../check-drive.ts";
import type { Drive, QuestionFrame } from "../drive.ts";
import type { DriveHandle } from "../drive-handle.ts";
import { DataConfigError, FormatError } from "../errors.ts";
import { type AtomicOptions, atomicWriteFile, removeStaleTemporaries } from "../io/atomic.ts";
import { sha256File, sha256Text } from "../io/hash.ts";
import { jsonLimits, parseJson } from "../io/json.ts";
import { hasMotion } from "../motion-columns.ts";
import { openDrive, readDrive, type ReadDriveOptions } from "../mcap/open-drive.ts";
import { writeDrive } from "../mcap/write-drive.ts";
import type { DriveFiles } from "../sampling/loader.ts";
import { type SplitOptions, splitDrives, splitNames, type Splits } from "./splits.ts";

export const datasetSchemaVersion = 1;

const entrySchema = z.object({
  id: z.string().regex(driveIdPattern),
  bytes: z.number().int(),
  sha256: z.string(),
  /** Hash of the files that it was imported from. */
  inputHash: z.string().nullable(),
  format: z.string(),
  licence: z.string(),
  scenario: z.string().nullable(),
  seed: z.number().nullable(),
  recording: z.string(),
  durationUs: z.number().int(),
  cameras: z.array(z.string()),
  /** Said where there is none. */
  hasMotion: z.literal(false).exactOptional(),
  /** How many, where there are any. */
  questions: z.number().int().positive().exactOptional(),
});
/** What `dataset.json` says of a drive. */
export type DriveEntry = z.infer<typeof entrySchema>;

const datasetSchema = z.object({
  schemaVersion: z.literal(datasetSchemaVersion),
  name: z.string(),
  fingerprint: z.string(),
  sources: z.array(z.object({ format: z.string(), licence: z.string(), drives: z.number().int() })),
  drives: z.array(entrySchema),
});

const splitsSchema = z.object({
  schemaVersion: z.literal(datasetSchemaVersion),
  seed: z.number(),
  splits: z.object({
    train: z.array(z.string()),
    val: z.array(z.string()),
    test: z.array(z.string()),
  }),
});

export interface Dataset extends DriveFiles {
  readonly dir: string;
  readonly name: string;
  /** Sorted by id. */
  readonly drives: readonly DriveEntry[];
  /** Hash of ids and contents: the same drives give the same text, wherever they lie. */
  readonly fingerprint: string;
  drivePath(driveId: string): string;
  /** `labels/<name>.jsonl`. */
  labelsPath(name: string): string;
  /** `cache/`: may be deleted at any time. */
  readonly cacheDir: string;
  open(driveId: string): Promise<DriveHandle>;
  read(driveId: string, options?: ReadDriveOptions): Promise<Drive>;
  /** Writes the drive; `commit` then lists it. A drive of the same id is replaced. */
  addDrive(drive: Drive, options?: { readonly inputHash?: string }): Promise<DriveEntry>;
  /** Lists a drive file that another process or thread wrote to `drivePath(id)`. */
  addFile(driveId: string): Promise<DriveEntry>;
  /** Writes dataset.json. */
  commit(): Promise<void>;
  /** Splits of splits.json, or null when there are none. */
  splits(): Promise<Splits | null>;
  /** Splits the drives, keeps earlier placements, and writes splits.json. */
  split(options: SplitOptions): Promise<Splits>;
}

export interface DatasetOptions extends AtomicOptions {
  /** Default: the folder's name. */
  readonly name?: string;
}

const byId = (a: DriveEntry, b: DriveEntry) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** `sha256` over "id content" lines, sorted by id. */
export function fingerprintOf(drives: readonly { id: string; sha256: string }[]): string {
  const lines = drives.map((d) => `${d.id} ${d.sha256}\n`).sort();
  return sha256Text(lines.join(""));
}

async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const parsed = schema.safeParse(parseJson(bytes, { path }, jsonLimits));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FormatError(
      "format",
      { path },
      `${issue.path.join(".") || "top level"}: ${issue.message}. The file is damaged or of another version.`,
    );
  }
  return parsed.data;
}

function entryOf(
  drive: Pick<Drive, "id" | "source" | "durationUs" | "egoMotion"> & {
    readonly cameras: readonly { readonly name: string }[];
  },
  file: { bytes: number; sha256: string; inputHash: string | null },
  frames: readonly QuestionFrame[],
): DriveEntry {
  const { source } = drive;
  const numQuestions = frames.reduce((sum, { questions }) => sum + questions.length, 0);
  return {
    id: drive.id,
    bytes: file.bytes,
    sha256: file.sha256,
    inputHash: file.inputHash,
    format: source.format,
    licence: source.licence,
    scenario: source.scenario,
    seed: source.seed,
    recording: source.recording ?? drive.id,
    durationUs: drive.durationUs,
    cameras: drive.cameras.map((c) => c.name),
    ...(hasMotion(drive) ? {} : { hasMotion: false }),
    ...(numQuestions === 0 ? {} : { questions: numQuestions }),
  };
}

function datasetAt(
  dir: string,
  name: string,
  initial: readonly DriveEntry[],
  options: DatasetOptions,
): Dataset {
  const entries = new Map(initial.map((d) => [d.id, d]));
  let inOrder: readonly DriveEntry[] | null = null;
  const sorted = () => {
    inOrder ??= [...entries.values()].sort(byId);
    return inOrder;
  };
  const put = (entry: DriveEntry) => {
    entries.set(entry.id, entry);
    inOrder = null;
    return entry;
  };
  const drivePath = (id: string) => {
    if (!driveIdPattern.test(id)) {
      throw new DataConfigError(`drive id ${JSON.stringify(id)} is no file name.`);
    }
    return join(dir, "drives", `${id}.mcap`);
  };
  const knownPath = (id: string) => {
    if (!entries.has(id)) {
      throw new DataConfigError(
        `no drive "${id}" in ${join(dir, "dataset.json")} (${entries.size} drives).`,
      );
    }
    return drivePath(id);
  };
  const splitsPath = join(dir, "splits.json");
  const readSplits = () => readJsonFile(splitsPath, splitsSchema);
  const dataset: Dataset = {
    dir,
    name,
    get drives() {
      return sorted();
    },
    get fingerprint() {
      return fingerprintOf([...entries.values()]);
    },
    cacheDir: join(dir, "cache"),
    drivePath,
    labelsPath: (labels) => join(dir, "labels", `${labels}.jsonl`),
    fileOf(driveId) {
      return { path: knownPath(driveId), contentId: entries.get(driveId)?.sha256 ?? "" };
    },
    open: (driveId) => openDrive(knownPath(driveId)),
    read: (driveId, readOptions) => readDrive(knownPath(driveId), readOptions),
    async addDrive(drive, { inputHash } = {}) {
      const written = await writeDrive(drive, drivePath(drive.id), {
        ...(options.fs === undefined ? {} : { fs: options.fs }),
        ...(inputHash === undefined ? {} : { inputHash }),
      });
      const file = { ...written, inputHash: inputHash ?? null };
      return put(entryOf(drive, file, drive.questions ?? []));
    },
    async addFile(driveId) {
      const path = drivePath(driveId);
      const handle = await openDrive(path);
      try {
        if (handle.id !== driveId) {
          throw new FormatError(
            "value",
            { path },
            `holds drive "${handle.id}"; expected "${driveId}" as its file is named. Rename the file.`,
          );
        }
        const file = {
          bytes: (await stat(path)).size,
          sha256: await sha256File(path),
          inputHash: handle.inputHash,
        };
        return put(entryOf(handle, file, (await handle.questions()) ?? []));
      } finally {
        await handle.close();
      }
    },
    async commit() {
      const drives = sorted();
      const sources = new Map<string, { format: string; licence: string; drives: number }>();
      for (const { format, licence } of drives) {
        const key = `${format}\n${licence}`;
        const source = sources.get(key) ?? { format, licence, drives: 0 };
        source.drives++;
        sources.set(key, source);
      }
      const content = {
        schemaVersion: datasetSchemaVersion,
        name,
        fingerprint: fingerprintOf(drives),
        sources: [...sources.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, s]) => s),
        drives,
      };
      await atomicWriteFile(
        join(dir, "dataset.json"),
        `${JSON.stringify(content, null, 1)}\n`,
        options,
      );
    },
    splits: async () => (await readSplits())?.splits ?? null,
    async split(splitOptions) {
      const previous = splitOptions.previous ?? (await readSplits())?.splits;
      const splits = splitDrives(
        sorted(),
        previous === undefined ? splitOptions : { ...splitOptions, previous },
      );
      const content = { schemaVersion: datasetSchemaVersion, seed: splitOptions.seed, splits };
      await atomicWriteFile(splitsPath, `${JSON.stringify(content, null, 1)}\n`, options);
      return splits;
    },
  };
  return dataset;
}

/** Opens an existing data set. Drives that are listed must be there, with the size that is listed. */
export async function openDataset(dir: string, options: AtomicOptions = {}): Promise<Dataset> {
  const path = join(dir, "dataset.json");
  const content = await readJsonFile(path, datasetSchema);
  if (content === null) {
    throw new DataConfigError(
      `${dir}: no dataset.json; expected a data set folder. Make one with "causeway sim" or "causeway import".`,
    );
  }
  const dataset = datasetAt(dir, content.name, content.drives, options);
  for (const drive of content.drives) {
    const file = dataset.drivePath(drive.id);
    const size = (await stat(file).catch(() => null))?.size;
    if (size !== drive.bytes) {
      throw new FormatError(
        size === undefined ? "missing" : "format",
        { path: file },
        size === undefined
          ? `listed in ${path} but not there. Import it again, or take it off the list.`
          : `has ${size} bytes; ${path} lists ${drive.bytes}. Import the drive again.`,
      );
    }
  }
  return dataset;
}

/**
 * Opens the data set in `dir`, or begins one. After a killed run it takes in the drive files that are whole and not listed
 * yet, and removes temporary files. A listed drive whose file is gone or has another size is taken off the list.
 */
export async function createDataset(dir: string, options: DatasetOptions = {}): Promise<Dataset> {
  const folder = join(dir, "drives");
  await mkdir(folder, { recursive: true });
  for (const place of [dir, folder]) await removeStaleTemporaries(place);
  const content = await readJsonFile(join(dir, "dataset.json"), datasetSchema);
  const kept: DriveEntry[] = [];
  for (const drive of content?.drives ?? []) {
    const size = (await stat(join(folder, `${drive.id}.mcap`)).catch(() => null))?.size;
    if (size === drive.bytes) kept.push(drive);
  }
  const name =
    options.name ?? content?.name ?? (dir.split(/[\\/]/).filter(Boolean).pop() as string);
  const dataset = datasetAt(dir, name, kept, options);
  const known = new Set(kept.map((d) => d.id));
  for (const file of (await readdir(folder)).sort()) {
    const id = file.endsWith(".mcap") ? file.slice(0, -".mcap".length) : null;
    if (id !== null && !known.has(id) && driveIdPattern.test(id)) await dataset.addFile(id);
  }
  return dataset;
}

/** Every drive of every split, to check that none is in two. */
export function splitOf(splits: Splits, driveId: string): (typeof splitNames)[number] | null {
  return splitNames.find((name) => splits[name].includes(driveId)) ?? null;
}
